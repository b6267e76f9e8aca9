"""Programs that a person installed, for machines without the distribution `otel-mesh-embedded`."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core import files
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.core.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROVIDER: Final = "pulumi-resource-kubernetes"
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "engine": ("pulumi", "pulumi-language-python", "pulumi-language-python-exec"),
}
_INSTALL: Final[Mapping[str, str]] = {
    "pulumi": "https://www.pulumi.com/docs/install",
    "pulumi-language-python": "https://www.pulumi.com/docs/install (its archive holds all of the engine)",
    "pulumi-language-python-exec": "https://www.pulumi.com/docs/install (its archive holds all of the engine)",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
}


class PathPrograms:
    """Fulfils `otel_mesh_cli.core.embedded.Programs` with what PATH has."""

    def folder(self, names: Sequence[str], say: Callable[[str], None] | None = None) -> Path:
        """As of `Programs.folder`: a folder of links."""
        wanted = dict.fromkeys(one for name in names for one in _GROUPS.get(name, (name,)))
        found = {name: _found(name) for name in wanted}
        if say is not None:
            say(f"programs from PATH: {', '.join(found)}")
        return files.folder_of_links(cache_dir() / "links", found)

    def available(self, names: Sequence[str]) -> Mapping[str, Path]:
        """As of `Programs.present`: those on PATH."""
        return {name: Path(file) for name in names if (file := shutil.which(name))}

    def install_plugin(self, pulumi_home: Path) -> None:
        """As of `Programs.install_plugin`: from PATH or the user's own plugins, else by `pulumi plugin install`."""
        number = version("pulumi-kubernetes")
        folder = _plugin_folder(pulumi_home, f"v{number}")
        if (folder / PROVIDER).exists():
            return
        home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
        own = home / "plugins" / folder.name / PROVIDER
        found = str(own) if own.is_file() else shutil.which(PROVIDER)
        if found is not None:
            link_plugin(pulumi_home, f"v{number}", Path(found))
            return
        command = [str(_found("pulumi")), "plugin", "install", "resource", "kubernetes", f"v{number}"]
        run(command, env={**os.environ, "PULUMI_HOME": str(pulumi_home)}).require(
            f"Pulumi plugin kubernetes v{number}",
            remedy=f"install it by hand: pulumi plugin install resource kubernetes v{number}",
        )


def link_plugin(pulumi_home: Path, release: str, program: Path) -> None:
    """Make a program the Kubernetes provider of a folder that PULUMI_HOME names.

    The result is that of ``pulumi plugin install resource kubernetes VERSION --file PROGRAM``, with a link in place of
    a copy of 200 MB.
    """
    folder = _plugin_folder(pulumi_home, release)
    folder.mkdir(parents=True, exist_ok=True)
    files.link(folder / PROVIDER, program)


def _plugin_folder(pulumi_home: Path, release: str) -> Path:
    return pulumi_home / "plugins" / f"resource-kubernetes-{release}"


def _found(name: str) -> Path:
    file = shutil.which(name)
    if file is None:
        place = _INSTALL.get(name, "your distribution")
        raise CommandError(f"program {name}: not on PATH", remedy=f"install it from {place}")
    return Path(file)
