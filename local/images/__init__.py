"""Images of the embedded environment: built by buildah from Dockerfiles, kept as archives, imported into containerd."""

from local.images.ahead import ahead
from local.images.importing import import_all
from local.images.making import archive, ensure, images_file, store_versions
from local.images.publishing import check_registry, pinned, publish, require
from local.images.recipes import IMAGES, LOAD_GENERATOR, REGISTRY, SERVICES, default_base
from local.images.skopeo import is_loopback

__all__ = [
    "IMAGES",
    "LOAD_GENERATOR",
    "REGISTRY",
    "SERVICES",
    "ahead",
    "archive",
    "check_registry",
    "default_base",
    "ensure",
    "images_file",
    "import_all",
    "is_loopback",
    "pinned",
    "publish",
    "require",
    "store_versions",
]
