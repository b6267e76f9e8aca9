"""Files with secrets in a folder: settings name them, and no message contains their content."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from otel_mesh import InvalidSettingsError, Problem

if TYPE_CHECKING:
    import pulumi

SECRETS_DIR: Final = "OTEL_MESH_SECRETS_DIR"
PLACEHOLDER: Final = "placeholder"
"""Value of secrets in written objects."""
_MAX_PASSWORD_BYTES: Final = 4096
_MAX_PEM_BYTES: Final = 64 * 1024
_PEM: Final = {"crt": "CERTIFICATE", "key": "PRIVATE KEY"}
"""File extension -> suffix of the first PEM block's label."""

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]
"""Name of a file, without a path."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its key.

    Attributes:
        chain: Certificate chain as PEM, starting with the certificate itself.
        private_key: Private key as PEM, a secret output.
    """

    chain: str
    private_key: pulumi.Output[str] = field(repr=False)


def password(place: Path, path: str) -> str:
    """The password in a file.

    Args:
        place: Path of the file.
        path: Path of the setting, for the message.

    Raises:
        InvalidSettingsError: The file is missing, or does not contain one line of text.
    """
    try:
        content = place.read_bytes()[: _MAX_PASSWORD_BYTES + 1]
        found = content.decode().rstrip("\r\n")
    except OSError as error:
        reason = f"{place}: {error.strerror}"
    except UnicodeDecodeError:
        reason = f"{place}: not UTF-8"
    else:
        if found and len(content) <= _MAX_PASSWORD_BYTES and found.isprintable():
            return found
        reason = f"{place}: empty, longer than {_MAX_PASSWORD_BYTES} bytes, or more than one line"
    raise InvalidSettingsError([Problem(path, reason, "write the password to it, on one line")])


def pem_pair(folder: str | None, name: str, path: str) -> tuple[str, str]:
    """The certificate and the key of ``<name>.crt`` and ``<name>.key``.

    Args:
        folder: Value of OTEL_MESH_SECRETS_DIR.
        name: Name of both files without the extension.
        path: Path of the setting, for the message.

    Raises:
        InvalidSettingsError: A file is missing or is not PEM; the error lists every problem.
    """
    if not folder:
        raise InvalidSettingsError([Problem(path, f"{SECRETS_DIR} is not set", "set it (`otel-mesh up` does)")])
    problems: list[Problem] = []
    texts = []
    for ending, block in _PEM.items():
        place = Path(folder) / f"{name}.{ending}"
        try:
            text = place.read_bytes()[:_MAX_PEM_BYTES].decode("ascii")
        except OSError as error:
            problems.append(
                Problem(path, f"{place}: {error.strerror}", "put it there; `otel-mesh up` issues stack local's")
            )
        except UnicodeDecodeError:
            problems.append(Problem(path, f"{place}: not PEM", f"put a PEM file with a {block} there"))
        else:
            if text.startswith("-----BEGIN ") and f"{block}-----" in text.partition("\n")[0]:
                texts.append(text)
            else:
                problems.append(Problem(path, f"{place}: not PEM", f"put a PEM file with a {block} there"))
    if problems:
        raise InvalidSettingsError(problems)
    chain, key = texts
    return chain, key
