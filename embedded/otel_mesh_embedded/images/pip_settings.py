"""How this machine's pip reaches its index, lent to a build without leaving anything in the image."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

# Where to look and how to get there; nothing of how pip behaves.
_LENT = (
    "cert",
    "client-cert",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-index",
    "proxy",
    "retries",
    "timeout",
    "trusted-host",
)
_FILES = ("cert", "client-cert", "find-links")
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")


def volumes(scratch: Path) -> tuple[str, ...]:
    """Read-only mounts by which pip in a build finds what pip here finds.

    Args:
        scratch: an existing private folder for the generated pip.conf, which may hold an index's credentials.

    Returns:
        Values of ``--volume``.
    """
    settings = _settings()
    bundle = next((path for path in _BUNDLES if Path(path).exists()), None)
    if bundle:
        settings.setdefault("cert", bundle)
    named = [word for key in _FILES for word in settings.get(key, "").split() if Path(word).exists()]
    conf = scratch / "pip.conf"
    conf.touch(mode=0o600)
    lines = [f"{key} = {value.replace(chr(10), chr(10) + '  ')}\n" for key, value in sorted(settings.items())]
    conf.write_text("[global]\n" + "".join(lines))
    return (f"{conf}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in dict.fromkeys(named)))


def _settings() -> dict[str, str]:
    """What `pip config list` tells, the environment's variables winning over files."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    talking = {key: value for key, value in os.environ.items() if key not in ("PIP_QUIET", "PIP_VERBOSE")}
    done = subprocess.run(command, env=talking, capture_output=True, text=True, check=False)
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in done.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        option = option.removeprefix("default-")
        if section in found and option in _LENT:
            found[section][option] = str(ast.literal_eval(value))
    return found["global"] | found["install"] | found[":env:"]
