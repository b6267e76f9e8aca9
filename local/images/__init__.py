"""Images of the embedded environment: built by buildah from Dockerfiles, kept as archives, imported into containerd."""

from local.images.importing import import_all
from local.images.making import archive, ensure, images_file
from local.images.recipes import IMAGES, REGISTRY

__all__ = ["IMAGES", "REGISTRY", "archive", "ensure", "images_file", "import_all"]
