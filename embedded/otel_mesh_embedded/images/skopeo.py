"""skopeo: what a registry has, and what is brought there. Credentials are the user's own, as its tools keep them."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
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
_ABSENT = re.compile(r"manifest unknown|name unknown|not found|\b404\b|repository does not exist", re.IGNORECASE)
_REFUSED = re.compile(r"unauthorized|denied|forbidden|authentication required|\b40[13]\b", re.IGNORECASE)
_CAUSES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"server gave HTTP response to HTTPS client"),
        "speaks plain HTTP, which only a registry on this machine's loopback may",
        "give it a certificate",
    ),
    (
        re.compile(r"x509|certificate"),
        "its certificate is not trusted here",
        "put its authority into /etc/containers/certs.d/{host}/ca.crt",
    ),
    (
        re.compile(r"dial tcp|no such host|i/o timeout|unreachable|deadline exceeded|connection re|EOF|TLS handshake"),
        "is unreachable",
        "check the address and the network",
    ),
    (
        re.compile(r"\b405\b|unsupported|read.only", re.IGNORECASE),
        "takes no images",
        "name one that may be written to",
    ),
    (
        _REFUSED,
        "refused",
        "log in with `skopeo login {host}` or `docker login {host}`, and check that you may push there",
    ),
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
        if _ABSENT.search(told) or _REFUSED.search(told):
            return None
        raise _error(f"registry {host(reference)}", host(reference), told)

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
                raise _error(f"image {reference}", host(reference), message(done.stderr.decode(errors="replace")))
            return digest.read_text().strip()

    def _run(self, words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self._program, *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


def host(reference: str) -> str:
    """The registry of a reference, with its port: ``127.0.0.1:5000`` of ``127.0.0.1:5000/shop/api:1``."""
    first, _, rest = reference.partition("/")
    return first if rest and (first == "localhost" or re.search(r"[.:]", first)) else "docker.io"


def is_loopback(reference: str) -> bool:
    """Whether the registry is on this machine's loopback, where nobody listens in and HTTP will do."""
    name = re.sub(r":\d+$", "", host(reference)).strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def message(stderr: str) -> str:
    """The reason in what skopeo wrote."""
    found = _MESSAGE.search(stderr)
    text = found["text"].replace('\\"', '"').replace("\\n", " ") if found else stderr.strip() or "skopeo failed"
    text = _PREFIX.sub("", text).strip()
    return text if len(text) <= _LONGEST else f"...{text[-_LONGEST:]}"


def _error(place: str, registry: str, told: str) -> CommandError:
    for pattern, reason, remedy in _CAUSES:
        if pattern.search(told):
            return CommandError(f"{place}: {reason}: {told}", remedy=remedy.format(host=registry))
    return CommandError(f"{place}: {told}", remedy="see what the registry's own log says")


def _tls(reference: str, prefix: str) -> list[str]:
    return [f"--{prefix}tls-verify=false"] if is_loopback(reference) else []


def _one_name(reference: str) -> str:
    """Without the tag where there is a digest too: skopeo takes one of them."""
    name, at, digest = reference.partition("@")
    return f"{re.sub(r':[^/:]+$', '', name)}@{digest}" if at else reference
