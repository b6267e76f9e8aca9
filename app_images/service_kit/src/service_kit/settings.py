"""Settings from environment variables, with errors that name the variable and the remedy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class SettingsError(Exception):
    """A setting is missing or invalid; the message is one line for operators."""


class Environment:
    """Typed access to environment variables.

    Args:
        variables: Environment variables; ``os.environ`` by default.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str | None = None) -> str:
        """A non-empty text.

        Raises:
            SettingsError: The variable is not set and has no default.
        """
        value = self._variables.get(name, "").strip() or default
        if value is None:
            raise SettingsError(f"{name}: not set; set it in the service's environment")
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number from ``low`` to ``high``.

        Raises:
            SettingsError: The value is not a number or out of range.
        """
        text = self._variables.get(name, "").strip()
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SettingsError(f"{name}={text!r}: not a number from {low:g} to {high:g}; correct it")
        return value

    def choice(self, name: str, default: str, allowed: Collection[str]) -> str:
        """One of the allowed values.

        Raises:
            SettingsError: The value is not allowed.
        """
        value = self.text(name, default)
        if value not in allowed:
            raise SettingsError(f"{name}={value!r}: unknown value; set one of {', '.join(allowed)}")
        return value

    def url(self, name: str, schemes: Sequence[str] = ("http://", "https://")) -> str:
        """The URL of another service, without a trailing slash.

        Args:
            name: Name of the variable.
            schemes: Allowed prefixes; ``dns:///`` for a gRPC service.

        Raises:
            SettingsError: The variable is not set or has none of the prefixes.
        """
        value = self.text(name).rstrip("/")
        if not any(value.startswith(scheme) and len(value) > len(scheme) for scheme in schemes):
            examples = " or ".join(f"{scheme}user-service:8081" for scheme in schemes if scheme != "https://")
            raise SettingsError(f"{name}={value!r}: not a URL; set one such as {examples}")
        return value

    def secret_file(self, name: str) -> Path:
        """The path of a mounted secret, which must be readable; its content is never part of messages.

        Raises:
            SettingsError: The variable is not set, or the file is not readable.
        """
        path = Path(self.text(name))
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{name}: {path}: {error.strerror}; mount the secret there") from error
        return path

    def text_or_file(self, name: str) -> str | Path:
        """A non-empty text; or the path in ``<name>_FILE``, for a text in a mounted secret.

        Raises:
            SettingsError: Neither variable is set, or the file is not readable.
        """
        if not self._variables.get(name, "").strip() and self._variables.get(f"{name}_FILE", "").strip():
            return self.secret_file(f"{name}_FILE")
        return self.text(name)


def content(value: str | Path) -> str:
    """The text itself, or the text in a file without surrounding white space."""
    return value.read_text().strip() if isinstance(value, Path) else value
