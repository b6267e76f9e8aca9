"""Clusters whose nodes are containers or machines of this computer: kind, k3d and minikube load images themselves."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import run

if TYPE_CHECKING:
    from pathlib import Path

_PREFIXES: Final = {"kind-": "kind", "k3d-": "k3d"}
"""What kind and k3d put before a cluster's name to name its context; minikube's context is its profile."""
_LISTED: Final = {
    "kind": ("get", "clusters"),
    "k3d": ("cluster", "list", "--output", "json"),
    "minikube": ("profile", "list", "--light", "--output", "json"),
}
_LOAD: Final = {
    "kind": ("load", "image-archive", "{file}", "--name", "{cluster}"),
    "k3d": ("image", "import", "{file}", "--cluster", "{cluster}"),
    "minikube": ("image", "load", "{file}", "--profile", "{cluster}"),
}
_LOGGED_ERROR = re.compile(r"^(?:ERRO|FATA)\[\d+\] *", re.MULTILINE)
"""Beginning of a line of k3d's about a failure, with which it may exit with status 0 all the same."""
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True)
class LocalNodes:
    """The nodes of one cluster.

    Attributes:
        program: ``kind``, ``k3d`` or ``minikube``.
        cluster: name of the cluster, as the program has it.
    """

    program: str
    cluster: str

    def __str__(self) -> str:
        """What messages call the cluster."""
        return f"{self.program} cluster {self.cluster}"

    def load(self, file: Path, reference: str) -> None:
        """Put an image into every node.

        Args:
            file: the image, in the format of `docker save`.
            reference: name of the image, for messages.

        Raises:
            CommandError: the program failed.
        """
        words = [word.format(file=file, cluster=self.cluster) for word in _LOAD[self.program]]
        done = run([self.program, *words])
        logged = _LOGGED_ERROR.search(done.stdout + done.stderr) if self.program == "k3d" else None
        if done.ok and logged is None:
            return
        reason = done.reason
        if logged is not None:
            reason = (done.stdout + done.stderr)[logged.end() :].splitlines()[0]
        remedy = f"check that the {self} is running"
        if _FULL.search(reason):
            remedy = "free space on this machine's disk, where the nodes keep their images"
        raise CommandError(f"image {reference}: {self.program} {' '.join(words[:2])}: {reason}", remedy=remedy)


def of_context(context: str) -> LocalNodes | None:
    """The nodes that a context of the kubeconfig leads to; None where no such program made the cluster.

    Raises:
        CommandError: the context is named as kind's or k3d's are, and that program is missing or does not know it.
    """
    for prefix, program in _PREFIXES.items():
        if context.startswith(prefix):
            cluster = context.removeprefix(prefix)
            if shutil.which(program) is None:
                raise _unusable(context, f"{program} is not on PATH", f"install {program}")
            listed = run([program, *_LISTED[program]])
            if not listed.ok:
                raise _unusable(
                    context, f"{program}: {listed.reason}", f"make `{program} {' '.join(_LISTED[program])}` work"
                )
            if cluster not in (known := _names(program, listed.stdout)):
                names = ", ".join(sorted(known)) or "none"
                raise _unusable(context, f"{program} knows no cluster {cluster} (it has: {names})", "create it")
            return LocalNodes(program, cluster)
    if shutil.which("minikube") and context in _names("minikube", run(["minikube", *_LISTED["minikube"]]).stdout):
        return LocalNodes("minikube", context)
    return None


def _unusable(context: str, reason: str, remedy: str) -> CommandError:
    return CommandError(
        f"context {context}: images cannot be loaded into its nodes: {reason}",
        remedy=f"{remedy}, or name a registry that the cluster pulls from with --registry HOST/PATH",
    )


def _names(program: str, listing: str) -> set[str]:
    """Names of clusters in a program's list; none where it is not one."""
    if program == "kind":
        return set(listing.split())
    try:
        told = json.loads(listing)
    except ValueError:
        return set()
    listed = told if program == "k3d" else told.get("valid")
    return {str(one.get("name") or one.get("Name")) for one in listed or []}
