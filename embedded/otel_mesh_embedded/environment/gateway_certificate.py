"""The gateway's certificate on this machine, handed to the stack as files of the secrets folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import files, secrets
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from pathlib import Path

NAME = "gateway"
"""Name of the certificate in ``mesh.gateway_certificate`` of stack ``local``."""


def hand_over() -> bool:
    """Copy the current certificate and key into the folder of secrets; True if that changed anything."""
    where, folder = layout(), secrets.secrets_dir()
    pair = {
        "crt": credentials.certificate(where, credentials.GATEWAY_SERVING),
        "key": credentials.key(where, credentials.GATEWAY_SERVING),
    }
    changes = [files.write(folder / f"{NAME}.{ending}", path.read_bytes()) for ending, path in pair.items()]
    return any(changes)


def authority() -> Path:
    """Certificate file of the authority that clients must trust (``curl --cacert``)."""
    return credentials.authority(layout(), credentials.GATEWAY)
