"""Passwords of stack ``local``: generated once, kept beside the local state, readable by their owner only.

Other stacks name Secrets that exist in their cluster.
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
"""Password of PostgreSQL's superuser, which creates databases and roles."""

MIGRATIONS_PASSWORD = f"{POSTGRES_PASSWORD}-migrations"
"""Password of the role that owns and migrates the databases."""

SERVICES_PASSWORD = f"{POSTGRES_PASSWORD}-services"
"""Password of the services' role in PostgreSQL."""

REDIS_PASSWORD = "redis-password"  # noqa: S105 -- a file's name
"""Password of the services in Redis."""

NAMES = (PASSPHRASE, POSTGRES_PASSWORD, MIGRATIONS_PASSWORD, SERVICES_PASSWORD, REDIS_PASSWORD)

_BYTES = 32


def secrets_dir() -> Path:
    """Folder of the secrets (mode 0700), one file each (mode 0600)."""
    return state_dir() / "secrets"


def ensure() -> Path:
    """Generate missing secrets and return their folder; an existing secret is never replaced."""
    folder = secrets_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in NAMES:
        create(folder / name)
    return folder


def create(path: Path) -> None:
    """Write a new secret atomically: concurrent or killed callers leave one complete secret."""
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
            return  # another caller was first: its secret counts
    finally:
        Path(temporary).unlink(missing_ok=True)
