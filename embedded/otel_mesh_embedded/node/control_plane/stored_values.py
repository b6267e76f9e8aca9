"""What the cluster's database really holds: values as they lie on the disk, past the API server."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.layout import ETCD_CLIENT_PORT, LOOPBACK
from otel_mesh_embedded.pki import credentials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_embedded.node.layout import Layout

SECRETS = "/registry/secrets/"
_TIMEOUT = 10.0


def values(layout: Layout, prefix: str) -> Mapping[str, bytes]:
    """Keys that begin with a prefix, and their values.

    Args:
        layout: where the client certificate lies.
        prefix: of the keys; the API server's own begin with ``/registry/``.

    Raises:
        CommandError: etcd does not answer.
    """
    first, last = prefix.encode(), prefix[:-1].encode() + bytes([ord(prefix[-1]) + 1])
    question = json.dumps({"key": base64.b64encode(first).decode(), "range_end": base64.b64encode(last).decode()})
    context = ssl.create_default_context(cafile=credentials.authority(layout, credentials.ETCD))
    leaf = credentials.API_SERVER_TO_ETCD
    context.load_cert_chain(credentials.certificate(layout, leaf), credentials.key(layout, leaf))
    connection = http.client.HTTPSConnection(str(LOOPBACK), ETCD_CLIENT_PORT, timeout=_TIMEOUT, context=context)
    try:
        connection.request("POST", "/v3/kv/range", question, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CommandError(f"etcd: {error}", remedy="run `make up`") from error
    finally:
        connection.close()
    if "error" in answer:
        raise CommandError(f"etcd: {answer['error']}", remedy="run `make up`")
    pairs = ((base64.b64decode(pair["key"]), base64.b64decode(pair.get("value", ""))) for pair in answer.get("kvs", []))
    return {key.decode(): value for key, value in pairs}
