"""The programs of the embedded environment: from PATH, upstream's releases or Go modules, in the user's cache."""

from otel_mesh_embedded.toolchain.ensuring import choices, ensure, here, link, path, present
from otel_mesh_embedded.toolchain.origins import Choice, summary
from otel_mesh_embedded.toolchain.plugin import install_pulumi_plugin
from otel_mesh_embedded.toolchain.programs import BUILDS, GROUPS, Build, owner

__all__ = [
    "BUILDS",
    "GROUPS",
    "Build",
    "Choice",
    "choices",
    "ensure",
    "here",
    "install_pulumi_plugin",
    "link",
    "owner",
    "path",
    "present",
    "summary",
]
