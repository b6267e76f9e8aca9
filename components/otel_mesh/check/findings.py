"""Findings of checks, and the table of their codes.

Each module of checks declares its codes beside the checks; `CODES` collects them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_mesh.check.objects import Object


class Severity(StrEnum):
    """Severity of a finding."""

    ERROR = "error"
    """Requests fail, or a rule has another effect than it says."""
    WARNING = "warning"
    """A rule has no effect, or a mistake is likely."""
    INFO = "info"
    """Could not be checked with the given objects, or a matter of style."""


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding.

    Attributes:
        id: Stable code, such as ``OM101``.
        severity: Severity unless the check knows better.
        title: Mistake in a few words.
        why: Consequence of the mistake.
        remedy: Action that corrects it.
        istioctl: Codes of ``istioctl analyze`` for the same mistake.
    """

    id: str
    severity: Severity
    title: str
    why: str
    remedy: str
    istioctl: tuple[str, ...] = ()


CODES: Final[dict[str, Code]] = {}
"""All codes by id."""


def code(  # noqa: PLR0913 - the columns of the table
    id_: str, severity: Severity, title: str, *, why: str, remedy: str, istioctl: tuple[str, ...] = ()
) -> Code:
    """Declares a code.

    Args:
        id_: Code that no other kind of finding has.
        severity: Severity unless the check knows better.
        title: Mistake in a few words.
        why: Consequence of the mistake.
        remedy: Action that corrects it.
        istioctl: Codes of ``istioctl analyze`` for the same mistake.

    Raises:
        ValueError: The code is taken.
    """
    if id_ in CODES:
        raise ValueError(f"code {id_} is declared twice")
    CODES[id_] = Code(id_, severity, title, why, remedy, istioctl)
    return CODES[id_]


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in an object.

    Attributes:
        code: Kind of the finding.
        severity: Severity of the finding.
        object: Object with the mistake.
        path: Path of the field, such as ``spec.http[0].route[0].destination.host``.
        message: Mistake, with the names involved.
        remedy: Action that corrects it.
    """

    code: Code
    severity: Severity
    object: Object
    path: str
    message: str
    remedy: str

    @property
    def why(self) -> str:
        """Consequence of the mistake."""
        return self.code.why

    def __str__(self) -> str:
        return f"{self.severity} {self.code.id} {self.object}: {self.path}: {self.message}; {self.remedy}"


def found(  # noqa: PLR0913 - the columns of a finding
    kind: Code, where: Object, path: str, message: str, *, remedy: str = "", severity: Severity | None = None
) -> Finding:
    """A finding, with the defaults of its code.

    Args:
        kind: Code of the finding.
        where: Object with the mistake.
        path: Path of the field.
        message: Mistake, with the names involved.
        remedy: Action that corrects it, if more specific than the code's.
        severity: Severity, if not the code's.
    """
    return Finding(kind, severity or kind.severity, where, path, message, remedy or kind.remedy)
