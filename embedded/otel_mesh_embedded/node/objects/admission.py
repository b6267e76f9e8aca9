"""Admission webhooks, which refuse every object while their pods are not ready."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from otel_mesh_embedded.node.waiting import poll

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh_embedded.node.api import Api

_KINDS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
_CONNECT_SECONDS = 1.0


def services(api: Api) -> dict[str, tuple[str, int]]:
    """Address and port by name of the Services of webhooks that must answer (``failurePolicy: Fail``)."""
    found: dict[str, tuple[str, int]] = {}
    for kind in _KINDS:
        listed = api.items(f"/apis/admissionregistration.k8s.io/v1/{kind}")
        for webhook in (webhook for item in listed for webhook in item.get("webhooks", [])):
            service = webhook["clientConfig"].get("service")
            if service is None or webhook.get("failurePolicy", "Fail") != "Fail":
                continue
            name = f"{service['name']}.{service['namespace']}"
            if name not in found and (address := _address(api, service)) is not None:
                found[name] = (address, service.get("port", 443))
    return found


def _address(api: Api, service: dict[str, Any]) -> str | None:
    """Address of a Service; None if it has none."""
    known = api.get(f"/api/v1/namespaces/{service['namespace']}/services/{service['name']}")
    address = known["spec"].get("clusterIP") if known else None
    return None if address in (None, "", "None") else str(address)


def wait(api: Api, progress: Callable[[str], None], timeout: float) -> list[str]:
    """Wait until all webhooks take connections, and return the names of the Services that do not in time.

    After a start the API server takes them for ready, from before, so the connection itself is what counts. The caller
    goes on after ``timeout`` seconds, because an update may repair the webhooks.
    """
    closed = _closed(services(api))
    if closed:
        progress(f"waiting for {', '.join(closed)} to admit objects")
        poll(lambda: not _closed(services(api)), timeout)
    return _closed(services(api))


def _closed(found: dict[str, tuple[str, int]]) -> list[str]:
    return sorted(name for name, address in found.items() if not _answers(address))


def _answers(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
