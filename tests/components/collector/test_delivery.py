"""S2.1: the real Collector delivers to endpoints outside: TLS by an own authority, client certificate, headers."""

from __future__ import annotations

import gzip
import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import httpx

from otel_mesh import Batching, Export, Storage, parse
from otel_mesh.collector.exports import exporters
from tests.cli.oncall.test_any_stack import Authority
from tests.programs.collector import LoopbackCollector, file_exporters
from tests.programs.loopback_server import loopback_server
from tests.programs.ports import free_port
from tests.waiting import PATIENCE_S, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.built import Built

TRACE_ID = "5b8efff798038103d269b633813fc60c"
SPAN = {"traceId": TRACE_ID, "spanId": "eee19b7ec3c1b174", "name": "exported", "kind": 1}
SPANS = {"resourceSpans": [{"scopeSpans": [{"spans": [SPAN]}]}]}


@contextmanager
def https_receiver(tls: ssl.SSLContext) -> Iterator[tuple[int, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that keeps path, headers and body of every request; yields its port and the requests."""
    requests: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with loopback_server(Handler, tls) as port:
        yield port, requests


def _sender(folder: Path, exports: dict[str, Any], port: int) -> dict[str, Any]:
    """A Collector's configuration with the exporters of settings, whose certificates are in a folder."""
    parsed = {name: parse(Export, one) for name, one in exports.items()}
    parts = exporters(parsed, "traces", Batching(size=1, timeout="100ms"), Storage())
    text = json.dumps({one.id: one.settings for one in parts})
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": json.loads(text.replace("/etc/otel-collector-tls", str(folder))),
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": [one.id for one in parts]}},
        },
    }


def _mount(folder: Path, authority: Authority, client: tuple[Path, Path] | None = None) -> None:
    """Files as the pod's volumes have them."""
    (folder / "ca").mkdir(parents=True)
    (folder / "ca" / "ca.crt").write_bytes(authority.file.read_bytes())
    if client is not None:
        (folder / "client").mkdir()
        for source, name in zip(client, ("tls.crt", "tls.key"), strict=True):
            (folder / "client" / name).write_bytes(source.read_bytes())


def test_both_protocols_deliver_over_tls_with_the_secret_header(built: Built, tmp_path: Path) -> None:
    otelcol = built("otelcol") / "otelcol"
    (tmp_path / "pki").mkdir()
    authority = Authority(tmp_path / "pki")
    certificate, key = authority.issue("localhost")
    _mount(tmp_path / "tls" / "http", authority)
    _mount(tmp_path / "tls" / "grpc", authority, authority.issue("collector"))
    (tmp_path / "far").mkdir()
    far_port, port = free_port(), free_port()
    secured = {"cert_file": str(certificate), "key_file": str(key), "client_ca_file": str(authority.file)}
    receiving = {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"127.0.0.1:{far_port}", "tls": secured}}}},
        "exporters": file_exporters(tmp_path / "far"),
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file/traces"]}},
        },
    }
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with https_receiver(tls) as (https_port, requests):
        exports = {
            "http": {
                "endpoint": f"https://localhost:{https_port}/otlp/",
                "protocol": "http",
                "headers": {"authorization": {"secret": "vendor", "key": "line"}},
                "tls": {"ca": {"config_map": "authorities"}},
            },
            "grpc": {
                "endpoint": f"https://localhost:{far_port}",
                "compression": "zstd",
                "tls": {"ca": {"secret": "authorities"}, "client_secret": "client"},
            },
        }
        environment = {"EXPORT_HTTP__AUTHORIZATION": "Basic YTpi"}
        (tmp_path / "near").mkdir()
        with (
            LoopbackCollector(otelcol, tmp_path / "far", receiving, far_port) as far,
            LoopbackCollector(
                otelcol, tmp_path / "near", _sender(tmp_path / "tls", exports, port), port, environment
            ) as near,
        ):
            sent = httpx.post(f"http://127.0.0.1:{port}/v1/traces", json=SPANS, trust_env=False, timeout=PATIENCE_S)
            assert sent.status_code == httpx.codes.OK
            wait_for(lambda: requests and far.spans(), near.log)
            assert [span["traceId"] for span in far.spans()] == [TRACE_ID]
    path, headers, body = requests[0]
    assert path == "/otlp/v1/traces"
    assert headers["authorization"] == "Basic YTpi"
    assert bytes.fromhex(TRACE_ID) in gzip.decompress(body)
