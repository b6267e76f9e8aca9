"""Webhooks after a start: listeners on loopback, and a reader that holds their objects."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from otel_mesh_embedded.node.api import Api
from otel_mesh_embedded.node.layout import Layout
from otel_mesh_embedded.node.objects import admission
from tests.programs.ports import free_port


@dataclass(frozen=True)
class Cluster(Api):
    """The objects of a cluster with webhooks, by path."""

    layout: Layout = field(default_factory=lambda: Layout(Path()))
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, path: str) -> dict[str, Any] | None:
        return self.objects.get(path)

    def webhook(self, kind: str, service: str, *, port: int = 443, address: str = "127.0.0.1", **more: Any) -> None:  # noqa: ANN401
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
        where = {"name": service, "namespace": "mesh", "port": port}
        listed = self.objects.setdefault(path, {"items": []})
        listed["items"].append({"webhooks": [{"clientConfig": {"service": where}, **more}]})
        self.objects[f"/api/v1/namespaces/mesh/services/{service}"] = {"spec": {"clusterIP": address}}


def test_only_services_that_can_refuse_count() -> None:
    cluster = Cluster()
    cluster.webhook("mutating", "injector", port=8443)
    cluster.webhook("validating", "injector", port=8443)
    cluster.webhook("validating", "advisor", failurePolicy="Ignore")
    cluster.webhook("validating", "headless", address="None")
    outside = {"webhooks": [{"clientConfig": {"url": "https://example.com"}}]}
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    cluster.objects[path]["items"] += [outside, {"metadata": {}}]
    assert admission.services(cluster) == {"injector.mesh": ("127.0.0.1", 8443)}
    assert admission.services(Cluster()) == {}


def test_waits_until_the_service_takes_connections() -> None:
    port = free_port()
    cluster, said = Cluster(), list[str]()
    cluster.webhook("mutating", "injector", port=port)
    with contextlib.ExitStack() as stack:

        def say(text: str) -> None:
            said.append(text)
            stack.enter_context(socket.create_server(("127.0.0.1", port)))

        assert admission.wait(cluster, say, timeout=60) == []
    assert said == ["waiting for injector.mesh to admit objects"]


def test_says_nothing_where_all_answer_and_names_who_does_not() -> None:
    cluster, said = Cluster(), list[str]()
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        cluster.webhook("validating", "injector", port=port)
        assert admission.wait(cluster, said.append, timeout=0) == []
    assert said == []
    assert admission.wait(cluster, said.append, timeout=0.1) == ["injector.mesh"]
