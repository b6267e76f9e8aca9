"""The certificate that the gateway shows on this machine, on its way to the stack that makes a Secret of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh_cli.core import files, secrets
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from pathlib import Path

NAME = "gateway"
"""What ``mesh.gateway_certificate`` of stack ``local`` names."""


def hand_over() -> bool:
    """Put the node's newest into the folder of secrets; whether that changed anything there."""
    where, folder = layout(), secrets.secrets_dir()
    pair = {
        "crt": credentials.certificate(where, credentials.GATEWAY_SERVING),
        "key": credentials.key(where, credentials.GATEWAY_SERVING),
    }
    changes = [files.write(folder / f"{NAME}.{ending}", path.read_bytes()) for ending, path in pair.items()]
    return any(changes)


def authority() -> Path:
    """The file with the authority that clients have to trust (``curl --cacert``)."""
    return credentials.authority(layout(), credentials.GATEWAY)
