"""skopeo: asks registries for digests and pushes images, with the user's own credentials for registries."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.run import run
from otel_mesh_cli.images import registry_errors
from otel_mesh_cli.images.references import host, is_loopback, one_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.core.run import Done

_POLICY: Final = '{"default": [{"type": "insecureAcceptAnything"}]}\n'  # images are our own, or named by their digest
_ANSWER_SECONDS: Final = 30
_MESSAGE: Final = re.compile(r'level=fatal msg="(?P<text>(?:[^"\\]|\\.)*)"')
_PREFIX: Final = re.compile(
    r'^[^":]+ "docker://[^"]*": |^initializing source docker://\S+: |^trying to reuse blob .*? destination: '
)
_LONGEST: Final = 200


class Skopeo:
    """The program.

    Args:
        program: File of skopeo.
        environment: Environment variables that it needs beside those of this process.
    """

    def __init__(self, program: Path, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = {**os.environ, **environment, "LC_ALL": "C.UTF-8"}

    def digest(self, reference: str) -> str | None:
        """Digest of an image in its registry.

        Args:
            reference: image with a tag, a digest or both; a digest takes precedence.

        Returns:
            ``sha256:...``, or None if the registry has no such image for this user.

        Raises:
            CommandError: the registry does not answer, or is not a registry.
        """
        words = ["--command-timeout", f"{_ANSWER_SECONDS}s", "inspect", "--raw", *_tls(reference, "")]
        done = self._run(*words, f"docker://{one_name(reference)}")
        if done.ok:
            return f"sha256:{hashlib.sha256(done.stdout.encode()).hexdigest()}"
        reason = message(done.stderr)
        if registry_errors.is_absent(reason):
            return None
        raise registry_errors.described(f"registry {host(reference)}", host(reference), reason, "skopeo")

    def push(self, archive: Path, reference: str) -> str:
        """Copy an image from its archive to a registry.

        Returns:
            Digest of the image in the registry.

        Raises:
            CommandError: the registry does not answer or refuses the image.
        """
        with tempfile.TemporaryDirectory() as scratch:
            policy, digest = Path(scratch) / "policy.json", Path(scratch) / "digest"
            policy.write_text(_POLICY)
            words = ["--policy", str(policy), "copy", "--quiet", "--retry-times", "2", *_tls(reference, "dest-")]
            words += ["--digestfile", str(digest), f"docker-archive:{archive}", f"docker://{reference}"]
            done = self._run(*words)
            if not done.ok:
                reason = message(done.stderr)
                raise registry_errors.described(f"image {reference}", host(reference), reason, "skopeo")
            return digest.read_text().strip()

    def _run(self, *words: str) -> Done:
        return run([self._program, *words], env=self._environment)


def message(stderr: str) -> str:
    """The reason in skopeo's output."""
    found = _MESSAGE.search(stderr)
    text = found["text"].replace('\\"', '"').replace("\\n", " ") if found else stderr.strip() or "skopeo failed"
    text = _PREFIX.sub("", text).strip()
    return text if len(text) <= _LONGEST else f"...{text[-_LONGEST:]}"


def _tls(reference: str, prefix: str) -> list[str]:
    return [f"--{prefix}tls-verify=false"] if is_loopback(reference) else []
