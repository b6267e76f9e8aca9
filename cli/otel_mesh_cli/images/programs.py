"""docker, podman and buildah: the commands of each."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.program import ImageProgram
from otel_mesh_cli.images.references import is_loopback

_DIGEST = re.compile(r"\bdigest: (sha256:[0-9a-f]{64})", re.IGNORECASE)


class Docker(ImageProgram):
    """docker, with or without BuildKit."""

    name = "docker"
    start = "start its daemon, or get the right to use its socket"
    _probe = ("version", "--format", "{{.Server.Version}}")

    def has(self, reference: str) -> bool:  # noqa: D102 -- as of ImageProgram
        return self._run("image", "inspect", "--format", "{{.Id}}", reference).ok

    def published(self, reference: str) -> str | None:  # noqa: D102 -- as of ImageProgram
        return self.pull(reference)

    def push(self, reference: str) -> str:  # noqa: D102 -- as of ImageProgram
        return _digest(reference, self._require(reference, "push", reference))

    def save(self, reference: str, archive: Path) -> None:  # noqa: D102 -- as of ImageProgram
        self._require(reference, "save", "--output", str(archive), reference)

    def _pull_words(self, reference: str) -> list[str]:  # noqa: ARG002 -- the daemon knows registries on loopback
        return ["pull"]

    def _pulled_digest(self, reference: str, output: str) -> str:
        return _digest(reference, output)

    def _environment(self) -> dict[str, str]:
        # An attestation would make an index of the image, with another digest each time.
        return {**super()._environment(), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


class Podman(ImageProgram):
    """podman, with root or without."""

    name = "podman"
    start = "make `podman info` work"
    _probe = ("info",)

    def has(self, reference: str) -> bool:  # noqa: D102 -- as of ImageProgram
        return self._run("image", "exists", reference).ok

    def published(self, reference: str) -> str | None:  # noqa: D102 -- as of ImageProgram
        # Storage goes on naming a local build's digest after the same image was pulled. Pushing it again transfers
        # nothing and names the registry's.
        return None if self.pull(reference) is None else self.push(reference)

    def push(self, reference: str) -> str:  # noqa: D102 -- as of ImageProgram
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "digest"
            self._require(reference, "push", "--quiet", "--digestfile", str(file), *_tls(reference), reference)
            return file.read_text().strip()

    def save(self, reference: str, archive: Path) -> None:  # noqa: D102 -- as of ImageProgram
        self._require(reference, "save", "--format", "docker-archive", "--output", str(archive), reference)

    def _pull_words(self, reference: str) -> list[str]:
        return ["pull", "--quiet", *_tls(reference)]

    def _pulled_digest(self, reference: str, output: str) -> str:  # noqa: ARG002 -- an ID, which is no digest
        return self._require(reference, "image", "inspect", "--format", "{{.Digest}}", reference).strip()

    def _build_words(self) -> list[str]:
        return ["build", "--layers", "--timestamp", "0"]  # the same content has the same digest


class Buildah(Podman):
    """buildah: podman's options under names of its own."""

    name = "buildah"
    start = "make `buildah info` work"

    def has(self, reference: str) -> bool:  # noqa: D102 -- as of ImageProgram
        return self._run("images", "--quiet", reference).ok

    def save(self, reference: str, archive: Path) -> None:  # noqa: D102 -- as of ImageProgram
        self._require(reference, "push", "--quiet", reference, f"docker-archive:{archive}:{reference}")

    def _pull_words(self, reference: str) -> list[str]:
        return ["pull", "--quiet", "--policy", "always", *_tls(reference)]

    def _pulled_digest(self, reference: str, output: str) -> str:  # noqa: ARG002 -- an ID, which is no digest
        return str(json.loads(self._require(reference, "images", "--json", reference))[0]["digest"])


PROGRAMS: tuple[type[ImageProgram], ...] = (Docker, Podman, Buildah)
"""In the order of preference."""


def _tls(reference: str) -> list[str]:
    return ["--tls-verify=false"] if is_loopback(reference) else []


def _digest(reference: str, output: str) -> str:
    """The digest in what docker prints."""
    found = _DIGEST.findall(output)
    if not found:
        raise CommandError(f"image {reference}: docker named no digest", remedy="update docker, or use another builder")
    return str(found[-1])
