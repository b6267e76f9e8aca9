"""The programs of the embedded environment: from PATH, upstream's releases or Go modules, in the user's cache."""

from otel_mesh_embedded.toolchain.ensuring import available, choices, folder, link, path, present
from otel_mesh_embedded.toolchain.origins import Choice, summary
from otel_mesh_embedded.toolchain.plugin import install_plugin
from otel_mesh_embedded.toolchain.programs import BUILDS, GROUPS, Build, owner

__all__ = [
    "BUILDS",
    "GROUPS",
    "Build",
    "Choice",
    "available",
    "choices",
    "folder",
    "install_plugin",
    "link",
    "owner",
    "path",
    "present",
    "summary",
]
