"""Images of the embedded environment: built by buildah, stored as archives, imported into containerd."""

from otel_mesh_embedded.images.ahead import ahead
from otel_mesh_embedded.images.importing import import_all
from otel_mesh_embedded.images.making import archive, make, skopeo, store_versions
from otel_mesh_embedded.images.outside_images import require_outside
from otel_mesh_embedded.images.recipes import BACKUP_STORE, IMAGES, LOAD_GENERATOR

__all__ = [
    "BACKUP_STORE",
    "IMAGES",
    "LOAD_GENERATOR",
    "ahead",
    "archive",
    "import_all",
    "make",
    "require_outside",
    "skopeo",
    "store_versions",
]
