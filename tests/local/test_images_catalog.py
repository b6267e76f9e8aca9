from __future__ import annotations

from local.images import IMAGES
from local.images.recipes import RECIPES
from otel_mesh_stack.services import CATALOG


def test_every_service_of_the_catalogue_has_an_image_and_no_other_folder_makes_one() -> None:
    made = {image.name for image in IMAGES if RECIPES not in image.dockerfile.parents}
    assert made == {service.name for service in CATALOG.services}
