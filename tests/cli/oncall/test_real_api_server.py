"""B10: what the real API server's service proxy refuses is what the commands take it for, word for word."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall.api_server import api_server
from otel_mesh_stack.outputs import ServicePort
from tests.engine.api_server import ApiServer
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.built import Built

CONTEXT = "elsewhere"
PLACE = ServicePort(namespace="seeing", name="tracing", port=16686)
OBJECTS = """\
{apiVersion: v1, kind: Namespace, metadata: {name: seeing}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: ada, namespace: seeing}}
---
{apiVersion: v1, kind: Service, metadata: {name: tracing, namespace: seeing},
 spec: {ports: [{name: http, port: 16686}]}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: tracing, namespace: seeing},
 subsets: [{notReadyAddresses: [{ip: 10.0.0.9}], ports: [{name: http, port: 16686}]}]}
"""
"""No controller runs here that would make endpoints."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Iterator[tuple[ApiServer, Path]]:
    """An API server with a Service that has no ready pods, and its administrator's kubeconfig."""
    programs = built("etcd", "kube-apiserver", "kubectl")
    with ApiServer.running(programs, tmp_path_factory.mktemp("api-server")) as running:
        file = tmp_path_factory.mktemp("kube") / "config"
        file.write_text(running.kubeconfig(CONTEXT))
        done = running.kubectl(["apply", "-f", "-"], file, OBJECTS)
        assert done.returncode == 0, done.stderr
        yield running, file


@pytest.fixture
def admin(server: tuple[ApiServer, Path], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The administrator's kubeconfig, in use."""
    monkeypatch.setenv("KUBECONFIG", str(server[1]))
    content: dict[str, Any] = yaml.safe_load(server[1].read_text())
    return content


def refusal(place: ServicePort = PLACE) -> CommandError:
    with api_server(CONTEXT) as found, pytest.raises(CommandError) as caught:
        found.backend("jaeger", place).json("/api/services")
    return caught.value


@pytest.mark.usefixtures("admin")
def test_a_service_that_is_not_there() -> None:
    error = refusal(PLACE.model_copy(update={"name": "nobody"}))
    assert error.message == 'service seeing/nobody (context elsewhere): services "nobody" not found'
    error = refusal(PLACE.model_copy(update={"namespace": "nowhere"}))
    assert error.message.startswith("service nowhere/tracing (context elsewhere): ")
    assert error.message.endswith(" not found")


@pytest.mark.usefixtures("admin")
def test_a_service_without_ready_pods() -> None:
    error = refusal()
    assert error.message.startswith("service seeing/tracing (context elsewhere): no endpoints available for service ")
    assert error.remedy == (
        "see `kubectl --context elsewhere -n seeing get pods`, "
        "and network_policies.api_server_addresses of the stack if they are ready"
    )


def test_a_user_without_the_right_and_then_with_it(
    server: tuple[ApiServer, Path], admin: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, file = server
    done = running.kubectl(["create", "token", "ada", "--namespace=seeing"], file)
    assert done.returncode == 0, done.stderr
    admin["users"][0]["user"] = {"token": done.stdout.strip()}
    (tmp_path / "config").write_text(yaml.safe_dump(admin))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    error = refusal()
    assert error.message == (
        'context elsewhere: services "http:tracing:16686" is forbidden: User "system:serviceaccount:seeing:ada" '
        'cannot get resource "services/proxy" in API group "" in the namespace "seeing"'
    )
    assert error.remedy == "have a Role in namespace seeing grant you the verb get on services/proxy"
    for words in (
        ["create", "role", "on-call", "--verb=get", "--resource=services/proxy"],
        ["create", "rolebinding", "on-call", "--role=on-call", "--serviceaccount=seeing:ada"],
    ):
        done = running.kubectl([*words, "--namespace=seeing"], file)
        assert done.returncode == 0, done.stderr
    # let through, as far as the Service, once the server's cache of roles has it
    wait_for(lambda: "no endpoints available" in refusal().message)


def test_credentials_that_the_server_does_not_know(
    admin: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin["users"][0]["user"] = {"token": "of-nobody"}
    (tmp_path / "config").write_text(yaml.safe_dump(admin))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert refusal().message.startswith("context elsewhere: the API server does not accept the credentials")


def test_a_server_of_another_authority(admin: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = base64.b64decode(admin["users"][0]["user"]["client-certificate-data"])
    cluster = admin["clusters"][0]["cluster"]
    cluster["certificate-authority-data"] = base64.b64encode(certificate).decode()
    (tmp_path / "config").write_text(yaml.safe_dump(admin))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert refusal().message.endswith("no answer (ConnectError)")
