from __future__ import annotations

from otel_mesh_embedded.images import IMAGES
from otel_mesh_embedded.images.recipes import RECIPES
from otel_mesh_stack.images import IMAGE_KEYS
from otel_mesh_stack.services import CATALOG


def test_every_program_of_ours_has_an_image_and_no_other_folder_makes_one() -> None:
    made = {image.name for image in IMAGES if RECIPES not in image.dockerfile.parents}
    assert made == {service.name for service in CATALOG.services} | {
        IMAGE_KEYS["load_generator"],
        IMAGE_KEYS["postgres_backup.store"],
    }
