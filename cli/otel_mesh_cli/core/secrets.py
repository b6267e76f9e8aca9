"""Passwords of the embedded environment: made once, kept beside the local state, readable by their owner only.

Other environments name Secrets that exist in their cluster; nothing here is used for them.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from otel_mesh_cli.core.paths import state_dir

PASSPHRASE = "pulumi-passphrase"  # noqa: S105 -- a file's name
"""Encrypts the secrets inside the Pulumi state of stack ``local``."""

POSTGRES_PASSWORD = "postgres-password"  # noqa: S105 -- a file's name
"""Of PostgreSQL's own role, which makes databases and roles."""

MIGRATIONS_PASSWORD = f"{POSTGRES_PASSWORD}-migrations"
"""Of the role that owns the databases and migrates them."""

SERVICES_PASSWORD = f"{POSTGRES_PASSWORD}-services"
"""The services' login at PostgreSQL."""

REDIS_PASSWORD = "redis-password"  # noqa: S105 -- a file's name
"""The services' login at Redis."""

NAMES = (PASSPHRASE, POSTGRES_PASSWORD, MIGRATIONS_PASSWORD, SERVICES_PASSWORD, REDIS_PASSWORD)

_BYTES = 32


def secrets_dir() -> Path:
    """One file per secret, mode 0600, in a folder of mode 0700."""
    return state_dir() / "secrets"


def ensure() -> Path:
    """Make the secrets that are missing and return their folder; a secret that exists is never replaced."""
    folder = secrets_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in NAMES:
        create(folder / name)
    return folder


def create(path: Path) -> None:
    """Write a new secret whole or not at all: two callers, or one that is killed, leave one complete secret."""
    if path.exists():
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp's mode is 0600
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return  # another caller was first: its secret is the one
    finally:
        Path(temporary).unlink(missing_ok=True)
