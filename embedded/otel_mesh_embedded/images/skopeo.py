"""skopeo: what a registry has, and what is brought there. Credentials are the user's own, as its tools keep them."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.images import registry_errors
from otel_mesh_cli.images.references import host, is_loopback
from otel_mesh_embedded import packages

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGES = ("skopeo",)
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}\n'  # what is copied is ours, or named by its digest
_ANSWER_SECONDS = 30
_MESSAGE = re.compile(r'level=fatal msg="(?P<text>(?:[^"\\]|\\.)*)"')
_PREFIX = re.compile(
    r'^[^":]+ "docker://[^"]*": |^initializing source docker://\S+: |^trying to reuse blob .*? destination: '
)
_LONGEST = 200


class Skopeo:
    """The program, from Debian's package, in a private prefix.

    Raises:
        CommandError: the package cannot be had.
    """

    def __init__(self) -> None:
        prefix = packages.ensure(PACKAGES)
        self._program = prefix / "usr" / "bin" / "skopeo"
        self._environment = {**os.environ, **packages.environment(prefix), "LC_ALL": "C.UTF-8"}

    def digest(self, reference: str) -> str | None:
        """The digest under which a registry has an image.

        Args:
            reference: with a tag or a digest; of the two the digest counts.

        Returns:
            ``sha256:...``, or None where the registry says that it has none, or none for us.

        Raises:
            CommandError: the registry does not answer, or not as one.
        """
        words = ["--command-timeout", f"{_ANSWER_SECONDS}s", "inspect", "--raw", *_tls(reference, "")]
        done = self._run([*words, f"docker://{_one_name(reference)}"])
        if done.returncode == 0:
            return f"sha256:{hashlib.sha256(done.stdout).hexdigest()}"
        told = message(done.stderr.decode(errors="replace"))
        if registry_errors.is_absent(told):
            return None
        raise registry_errors.described(f"registry {host(reference)}", host(reference), told, "skopeo")

    def push(self, archive: Path, reference: str) -> str:
        """Copy an image from its archive to a registry and return its digest there.

        Raises:
            CommandError: the registry does not answer or does not take it.
        """
        with tempfile.TemporaryDirectory() as scratch:
            policy, digest = Path(scratch) / "policy.json", Path(scratch) / "digest"
            policy.write_text(_POLICY)
            words = ["--policy", str(policy), "copy", "--quiet", "--retry-times", "2", *_tls(reference, "dest-")]
            words += ["--digestfile", str(digest), f"docker-archive:{archive}", f"docker://{reference}"]
            done = self._run(words)
            if done.returncode != 0:
                told = message(done.stderr.decode(errors="replace"))
                raise registry_errors.described(f"image {reference}", host(reference), told, "skopeo")
            return digest.read_text().strip()

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._program, *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def message(stderr: str) -> str:
    """The reason in what skopeo wrote."""
    found = _MESSAGE.search(stderr)
    text = found["text"].replace('\\"', '"').replace("\\n", " ") if found else stderr.strip() or "skopeo failed"
    text = _PREFIX.sub("", text).strip()
    return text if len(text) <= _LONGEST else f"...{text[-_LONGEST:]}"


def _tls(reference: str, prefix: str) -> list[str]:
    return [f"--{prefix}tls-verify=false"] if is_loopback(reference) else []


def _one_name(reference: str) -> str:
    """Without the tag where there is a digest too: skopeo takes one of them."""
    name, at, digest = reference.partition("@")
    return f"{re.sub(r':[^/:]+$', '', name)}@{digest}" if at else reference
