"""Images of the embedded environment: built by buildah from Dockerfiles, kept as archives, imported into containerd."""

from otel_mesh_embedded.images.ahead import ahead
from otel_mesh_embedded.images.importing import import_all
from otel_mesh_embedded.images.making import archive, ensure, store_versions
from otel_mesh_embedded.images.publishing import check_registry, pinned, publish, require
from otel_mesh_embedded.images.recipes import IMAGES, LOAD_GENERATOR, REGISTRY, SERVICES, default_base
from otel_mesh_embedded.images.skopeo import is_loopback
from otel_mesh_embedded.places import images_file

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
