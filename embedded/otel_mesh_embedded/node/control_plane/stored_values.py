"""Values as etcd stores them, past the API server."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import httpx

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import ETCD_CLIENT_PORT, LOOPBACK
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.layout import Layout

SECRETS: Final = "/registry/secrets/"
_URL = f"https://{LOOPBACK}:{ETCD_CLIENT_PORT}/v3/kv/range"
_TIMEOUT_S = 10.0


def values(layout: Layout, prefix: str) -> Mapping[str, bytes]:
    """Values by key, of the keys that begin with a prefix; the API server's own begin with ``/registry/``.

    Raises:
        CommandError: etcd does not answer.
    """
    last = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    question = {"key": _encoded(prefix), "range_end": _encoded(last)}
    context = credentials.tls_context(layout, credentials.ETCD, credentials.API_SERVER_TO_ETCD)
    try:
        with httpx.Client(verify=context, timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.post(_URL, json=question).json()
    except (httpx.HTTPError, ValueError) as error:
        raise CommandError(f"etcd: {error}", remedy="run `otel-mesh up`") from error
    if "error" in answer:
        raise CommandError(f"etcd: {answer['error']}", remedy="run `otel-mesh up`")
    return {_decoded(pair["key"]).decode(): _decoded(pair.get("value", "")) for pair in answer.get("kvs", [])}


def _encoded(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _decoded(value: str) -> bytes:
    return base64.b64decode(value)
