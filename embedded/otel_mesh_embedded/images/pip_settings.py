"""Settings by which pip reaches its index, for use during a build; nothing of them stays in the image."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

from otel_mesh_cli.core.run import run

# Where the index is and how to reach it; not how pip behaves.
_SHARED = (
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
    """Values of ``--volume`` for read-only mounts that give pip in a build the settings of pip on this machine.

    The generated pip.conf, which may hold credentials for the index, is written into the private folder.
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
    """Settings of `pip config list`; environment variables take precedence over files."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    environment = {key: value for key, value in os.environ.items() if key not in ("PIP_QUIET", "PIP_VERBOSE")}
    found: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in run(command, env=environment).stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        option = option.removeprefix("default-")
        if section in found and option in _SHARED:
            found[section][option] = str(ast.literal_eval(value))
    return found["global"] | found["install"] | found[":env:"]
