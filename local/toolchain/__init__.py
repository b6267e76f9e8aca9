"""The programs of the embedded environment, built from their Go modules into the user's cache."""

from local.toolchain.ensuring import ensure, path
from local.toolchain.plugin import install_pulumi_plugin
from local.toolchain.programs import BUILDS, GROUPS, Build, owner

__all__ = ["BUILDS", "GROUPS", "Build", "ensure", "install_pulumi_plugin", "owner", "path"]
