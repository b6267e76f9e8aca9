"""Key for service account tokens, and former keys whose tokens are still valid."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from otel_mesh_cli.core import files
from otel_mesh_embedded.pki.authorities import key_path, key_pem

if TYPE_CHECKING:
    from pathlib import Path

_MOMENT = "%Y%m%dT%H%M%SZ"


def ensure(folder: Path, name: str) -> None:
    """Create the key pair ``<name>.key`` and ``<name>.pub`` once: tokens in use depend on it."""
    path = key_path(folder, name)
    if not path.exists():
        files.write(path, key_pem(ec.generate_private_key(ec.SECP256R1())))
    files.write(folder / f"{name}.pub", _public_pem(path))


def replace(folder: Path, name: str, *, now: dt.datetime | None = None) -> None:
    """Replace the key; tokens of the old one, whose public key goes to ``<name>.<moment>.pub``, stay valid."""
    moment = now or dt.datetime.now(dt.UTC)
    if key_path(folder, name).exists():
        files.write(folder / f"{name}.{moment:{_MOMENT}}.pub", _public_pem(key_path(folder, name)))
    files.write(key_path(folder, name), key_pem(ec.generate_private_key(ec.SECP256R1())))
    ensure(folder, name)


def verifying(folder: Path, name: str) -> tuple[Path, ...]:
    """Public keys that verify tokens: the current one, then former ones."""
    current = folder / f"{name}.pub"
    # Whoever was killed while replacing the key may have left the current one in both places.
    former = (path for path in sorted(folder.glob(f"{name}.*.pub")) if path.read_bytes() != current.read_bytes())
    return (current, *former)


def forget_old(folder: Path, name: str, kept: dt.timedelta, *, now: dt.datetime | None = None) -> list[str]:
    """Remove keys that were replaced a given time ago, which invalidates their tokens, and return the files' names."""
    moment = now or dt.datetime.now(dt.UTC)
    gone = []
    for path in sorted(folder.glob(f"{name}.*.pub")):
        replaced = dt.datetime.strptime(path.name.split(".")[-2], _MOMENT).replace(tzinfo=dt.UTC)
        if moment - replaced >= kept:
            path.unlink()
            gone.append(path.name)
    return gone


def _public_pem(private: Path) -> bytes:
    key = load_pem_private_key(private.read_bytes(), password=None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
