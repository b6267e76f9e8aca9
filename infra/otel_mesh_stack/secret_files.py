"""Files with secrets, handed to a stack in a folder: its settings name them, no message has their content."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from otel_mesh import InvalidSettingsError, Problem

if TYPE_CHECKING:
    import pulumi

SECRETS_DIR: Final = "OTEL_MESH_SECRETS_DIR"
_MAX_PEM_BYTES: Final = 64 * 1024
_PEM: Final = {"crt": "CERTIFICATE", "key": "PRIVATE KEY"}
"""End of a file's name -> what its first block is called at its end."""

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=255)]
"""The name of a file in a folder, without a path."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate with its key.

    Attributes:
        chain: PEM, the certificate itself first.
        private_key: PEM, a secret output.
    """

    chain: str
    private_key: pulumi.Output[str] = field(repr=False)


def pem_pair(folder: str | None, name: str, path: str) -> tuple[str, str]:
    """The certificate and the key of ``<name>.crt`` and ``<name>.key``.

    Args:
        folder: what SECRETS_DIR holds.
        name: of both files.
        path: of the setting, for the message.

    Raises:
        InvalidSettingsError: there is none, or it is no PEM; with every mistake.
    """
    if not folder:
        raise InvalidSettingsError([Problem(path, f"{SECRETS_DIR} is not set", "set it (`make up` does)")])
    problems: list[Problem] = []
    texts = []
    for ending, block in _PEM.items():
        place = Path(folder) / f"{name}.{ending}"
        try:
            text = place.read_bytes()[:_MAX_PEM_BYTES].decode("ascii")
        except OSError as error:
            problems.append(Problem(path, f"{place}: {error.strerror}", "put it there; `make up` issues stack local's"))
        except UnicodeDecodeError:
            problems.append(Problem(path, f"{place}: no PEM", f"put a PEM file with a {block} there"))
        else:
            if text.startswith("-----BEGIN ") and f"{block}-----" in text.partition("\n")[0]:
                texts.append(text)
            else:
                problems.append(Problem(path, f"{place}: no PEM", f"put a PEM file with a {block} there"))
    if problems:
        raise InvalidSettingsError(problems)
    chain, key = texts
    return chain, key
