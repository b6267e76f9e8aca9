"""Passwords of stores: the Secret that holds one, and its file in the pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.k8s.containers import Volume, secret_volume

if TYPE_CHECKING:
    import pulumi

PASSWORD_KEY: Final = "password"  # noqa: S105 - the key in the Secret, not its value
"""Key of the password in a Secret."""
USER_KEY: Final = "username"
"""Key of the user's name in a Secret of type ``kubernetes.io/basic-auth``."""
_SECRETS_DIR: Final = "/etc/otel-mesh/secrets"


def secret_name(name: str, existing_secret: str | None) -> str:
    """The name of the Secret with a store's password.

    Args:
        name: Name of the store's objects.
        existing_secret: Name of an existing Secret; None: the component creates one.
    """
    return existing_secret or f"{name}-credentials"


def password_file(secret: str) -> str:
    """The path of the password in a container that mounts `password_volume`."""
    return secret_file(secret, PASSWORD_KEY)


def secret_file(secret: str, key: str) -> str:
    """The path of a key of the Secret in a container that mounts `password_volume`."""
    return f"{_SECRETS_DIR}/{secret}/{key}"


def password_volume(name: str, secret: str) -> Volume:
    """The volume with the password of a Secret.

    Args:
        name: Name of the volume.
        secret: Name of the Secret.
    """
    return secret_volume(name, secret, f"{_SECRETS_DIR}/{secret}")


def require_one_password(password: pulumi.Input[str] | None, existing_secret: str | None) -> None:
    """Rejects a password that is given as an argument and by an existing Secret, or not at all.

    Raises:
        InvalidSettingsError: There are two passwords, or none.
    """
    if (password is None) == (existing_secret is None):
        which = "missing" if password is None else "given twice"
        raise InvalidSettingsError(
            [Problem("existing_secret", f"the password is {which}", "give either a password or an existing Secret")]
        )
