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


def created_secret(name: str) -> str:
    """The name of the Secret that a component creates for its password.

    Args:
        name: Name of the component's objects.
    """
    return f"{name}-credentials"


def secret_name(name: str, existing_secret: pulumi.Input[str] | None) -> pulumi.Input[str]:
    """The name of the Secret with a password: the existing one, or the one that is created.

    Args:
        name: Name of the component's objects.
        existing_secret: Name of an existing Secret; None: the component creates one.
    """
    return created_secret(name) if existing_secret is None else existing_secret


def password_file(secret: pulumi.Input[str], volume: str = "") -> str:
    """The path of the password in a container that mounts `password_volume`."""
    return secret_file(secret, PASSWORD_KEY, volume)


def secret_file(secret: pulumi.Input[str], key: str, volume: str = "") -> str:
    """The path of a key of the Secret in a container that mounts `password_volume`.

    Args:
        secret: Name of the Secret.
        key: Key in the Secret.
        volume: Name of the volume; required if the Secret's name is an output.
    """
    return f"{_folder(secret, volume)}/{key}"


def password_volume(name: str, secret: pulumi.Input[str]) -> Volume:
    """The volume with the password of a Secret.

    Args:
        name: Name of the volume.
        secret: Name of the Secret.
    """
    return secret_volume(name, secret, _folder(secret, name))


def _folder(secret: pulumi.Input[str], volume: str) -> str:
    """The folder of a Secret's files, named after the volume if the Secret's name is not known yet."""
    return f"{_SECRETS_DIR}/{secret if isinstance(secret, str) else volume}"


def require_one_password(password: pulumi.Input[str] | None, existing_secret: pulumi.Input[str] | None) -> None:
    """Rejects a password that is given as an argument and by an existing Secret, or not at all.

    Raises:
        InvalidSettingsError: There are two passwords, or none.
    """
    if (password is None) == (existing_secret is None):
        which = "missing" if password is None else "given twice"
        raise InvalidSettingsError(
            [Problem("existing_secret", f"the password is {which}", "give either a password or an existing Secret")]
        )
