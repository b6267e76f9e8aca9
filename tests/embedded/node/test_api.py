"""The client of the API server, against a server on loopback with the certificates of the real one."""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node import api as api_module
from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.control_plane import stored_values
from otel_mesh_embedded.node.layout import Layout
from otel_mesh_embedded.pki import credentials
from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from otel_mesh_embedded.pki.authorities import Leaf

CLAIM = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}}
CLASS = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "local"}}


class Handler(BaseHTTPRequestHandler):
    """Answers by method and path from a table, and keeps what it is asked."""

    answers: dict[str, tuple[int, str]]
    asked: list[tuple[str, str | None, Any]]

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        question = f"{self.command} {self.path}"
        self.asked.append((question, self.headers.get("Content-Type"), body))
        code, text = self.answers.get(question, (404, '{"message": "not\\n found"}'))
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 -- names of http.server


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make_folders()
    credentials.ensure(made)
    return made


@contextmanager
def server(layout: Layout, leaf: Leaf, authority: str, handler: type[Handler]) -> Iterator[str]:
    """A server that takes clients with a certificate of one authority only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate(layout, leaf), credentials.key(layout, leaf))
    context.load_verify_locations(credentials.authority(layout, authority))
    context.verify_mode = ssl.CERT_REQUIRED
    with loopback_server(handler, context) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture
def handler() -> type[Handler]:
    return type("Table", (Handler,), {"answers": {}, "asked": []})


@pytest.fixture
def api(layout: Layout, handler: type[Handler], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with server(layout, credentials.API_SERVER_SERVING, credentials.CLUSTER, handler) as url:
        monkeypatch.setattr(api_module, "API_SERVER", url)
        monkeypatch.setattr(api_module, "_TIMEOUT_S", 60.0)
        yield Api(layout)


def test_it_is_ready_when_it_says_so(api: Api, handler: type[Handler]) -> None:
    assert not api.is_ready()
    handler.answers["GET /readyz"] = (200, "ok")
    assert api.is_ready()


def test_what_is_not_there_is_none_and_no_list(api: Api, handler: type[Handler]) -> None:
    handler.answers["GET /api/v1/pods?labelSelector=name%3Dredis"] = (200, '{"items": [{"a": 1}]}')
    assert api.items("/api/v1/pods?labelSelector=name%3Dredis") == [{"a": 1}]
    assert api.get("/api/v1/pods") is None
    assert api.items("/api/v1/pods") == []


def test_a_silent_server_is_none_to_a_question_and_an_error_to_a_change(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_module, "API_SERVER", "https://127.0.0.1:9")
    assert not Api(layout).is_ready()
    assert Api(layout).items("/api/v1/pods") == []
    with pytest.raises(CommandError, match="DELETE /api/v1/x: .*; run `otel-mesh up` again"):
        Api(layout).delete("/api/v1/x")


def test_a_proxy_of_the_environment_is_not_asked(
    api: Api, handler: type[Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    handler.answers["GET /readyz"] = (200, "ok")
    assert api.is_ready()


def test_an_object_is_applied_at_its_place(api: Api, handler: type[Handler]) -> None:
    query = "?fieldManager=otel-mesh-local&force=true"
    places = (
        (CLAIM, f"PATCH /api/v1/namespaces/kube-system/configmaps/coredns{query}"),
        (CLASS, f"PATCH /apis/storage.k8s.io/v1/storageclasses/local{query}"),
    )
    for content, question in places:
        handler.answers[question] = (201, "{}")
        api.apply(content)
        assert handler.asked[-1] == (question, "application/apply-patch+yaml", content)


def test_a_refusal_is_told_in_the_servers_words(api: Api, handler: type[Handler]) -> None:
    with pytest.raises(CommandError, match="PATCH /apis/storage.k8s.io/v1/storageclasses/local.*: not found; run"):
        api.apply(CLASS)
    handler.answers["PUT /x"] = (500, "broken")
    with pytest.raises(CommandError, match="PUT /x: status 500; run"):
        api.replace("/x", {})


def test_what_someone_else_changed_or_deleted_stays_as_it_is(api: Api, handler: type[Handler]) -> None:
    api.delete("/x")
    api.merge("/x", {"a": 1})
    handler.answers["PUT /x"] = (409, "{}")
    api.replace("/x", {"a": 1})
    kinds = [kind for _, kind, _ in handler.asked]
    assert kinds == ["application/json", "application/merge-patch+json", "application/json"]


def test_etcds_values_are_read_with_its_own_certificate(
    layout: Layout, handler: type[Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {"key": "L3JlZ2lzdHJ5L3NlY3JldHMvYQ==", "value": "azhzOmVuYw=="}
    handler.answers["POST /range"] = (200, json.dumps({"kvs": [pair]}))
    with server(layout, credentials.ETCD_SERVING, credentials.ETCD, handler) as url:
        monkeypatch.setattr(stored_values, "_URL", f"{url}/range")
        assert stored_values.values(layout, stored_values.SECRETS) == {"/registry/secrets/a": b"k8s:enc"}
        ((_, _, body),) = handler.asked
        assert body == {"key": "L3JlZ2lzdHJ5L3NlY3JldHMv", "range_end": "L3JlZ2lzdHJ5L3NlY3JldHMw"}
        handler.answers["POST /range"] = (200, '{"error": "no leader"}')
        with pytest.raises(CommandError, match="etcd: no leader; run `otel-mesh up`"):
            stored_values.values(layout, stored_values.SECRETS)
