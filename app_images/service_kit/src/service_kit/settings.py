"""Reading settings from the environment, with errors that name the variable and the remedy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one line for the person who deploys."""


class Environment:
    """Typed access to variables.

    Args:
        variables: ``os.environ`` by default.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str | None = None) -> str:
        """A variable that must not be empty.

        Raises:
            SettingsError: it is not set and there is no default.
        """
        value = self._variables.get(name, "").strip() or default
        if value is None:
            raise SettingsError(f"{name}: not set; set it in the service's environment")
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        """A number within bounds.

        Raises:
            SettingsError: it is no number, or out of bounds.
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
        """One of a few words.

        Raises:
            SettingsError: it is none of them.
        """
        value = self.text(name, default)
        if value not in allowed:
            raise SettingsError(f"{name}={value!r}: unknown value; set one of {', '.join(allowed)}")
        return value

    def url(self, name: str, schemes: Sequence[str] = ("http://", "https://")) -> str:
        """The address of another service, without a slash at its end.

        Args:
            name: of the variable.
            schemes: what it may begin with; ``dns:///`` for a service that speaks gRPC.

        Raises:
            SettingsError: it is not set, or begins with none of them.
        """
        value = self.text(name).rstrip("/")
        if not any(value.startswith(scheme) and len(value) > len(scheme) for scheme in schemes):
            examples = " or ".join(f"{scheme}user-service:8081" for scheme in schemes if scheme != "https://")
            raise SettingsError(f"{name}={value!r}: no URL; give one such as {examples}")
        return value

    def secret_file(self, name: str) -> Path:
        """The path of a mounted secret, which must be readable; its content stays out of messages.

        Raises:
            SettingsError: it is not set, or the file cannot be read.
        """
        path = Path(self.text(name))
        try:
            path.read_bytes()
        except OSError as error:
            raise SettingsError(f"{name}: {path}: {error.strerror}; mount the secret there") from error
        return path
