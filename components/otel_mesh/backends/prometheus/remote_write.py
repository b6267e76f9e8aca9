"""Addresses that a `Prometheus` sends its series to by remote write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from otel_mesh.backends.prometheus.remote_client import RemoteClient, client_config, client_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.k8s.containers import Volume

_FOLDER: Final = "/etc/prometheus-remote-write"


class RemoteWrite(RemoteClient):
    """A receiver of Prometheus remote write.

    Attributes:
        endpoint: Complete URL of the receiver.
        exemplars: Whether exemplars are sent.
    """

    exemplars: bool = Field(default=True)


def remote_write_config(targets: Mapping[str, RemoteWrite]) -> list[dict[str, Any]]:
    """The section ``remote_write``; secrets are files.

    Args:
        targets: Receivers by name.
    """
    return [
        {
            "name": name,
            "url": one.url,
            "send_exemplars": one.exemplars,
            **client_config(f"remote-{name}", f"{_FOLDER}/{name}", one),
        }
        for name, one in targets.items()
    ]


def remote_write_volumes(targets: Mapping[str, RemoteWrite]) -> tuple[Volume, ...]:
    """The volumes with the secrets and certificates.

    Args:
        targets: Receivers by name.
    """
    return tuple(
        volume for name, one in targets.items() for volume in client_volumes(f"remote-{name}", f"{_FOLDER}/{name}", one)
    )
