"""Where a store's password comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh.core.errors import InvalidSettingsError, Problem

if TYPE_CHECKING:
    import pulumi


def require_one_password(password: pulumi.Input[str] | None, existing_secret: str | None) -> None:
    """Refuses a store whose password is given as an argument and by an existing Secret, or not at all.

    Raises:
        InvalidSettingsError: there are two passwords, or none.
    """
    if (password is None) == (existing_secret is None):
        which = "missing" if password is None else "given twice"
        raise InvalidSettingsError(
            [Problem("existing_secret", f"the password is {which}", "give either a password or an existing Secret")]
        )
