"""S2.3: the stack as a Docker Compose project, read by Docker Compose's own library."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from otel_mesh.core import versions
from otel_mesh_cli import compose
from otel_mesh_cli.compose import writing
from otel_mesh_cli.compose.containers import environment, service
from otel_mesh_cli.compose.objects import declared
from otel_mesh_cli.compose.probes import Client
from otel_mesh_cli.compose.project import OWNER, Published, translate
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_stack.services import CATALOG
from tests.programs.command import output_of
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest
    from tests.built import Built


SECRET_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def objects() -> list[Manifest]:
    return declared()


MIGRATIONS = {f"{service.name}-migrate" for service in CATALOG.services if "postgres" in service.stores}
"""What has to end before a service begins."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "otel-mesh"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Path:
    out = tmp_path_factory.mktemp("out") / "compose"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_MESH_STATE", str(state))
        said = compose.run(str(out))
    assert f"docker compose --file {out}/docker-compose.yaml up --build --detach" in said
    return out


@pytest.fixture(scope="module")
def content(written: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((written / writing.FILE).read_text())
    return loaded


def test_docker_compose_reads_it(written: Path, built: Built) -> None:
    checker = built("compose-check") / "compose-check"
    done = subprocess.run([checker, written / writing.FILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    project = json.loads(done.stdout)
    assert {one["target"] for one in project["services"]["api-gateway"]["ports"]} == {8080}
    assert {one["host_ip"] for made in project["services"].values() for one in made.get("ports", ())} == {"127.0.0.1"}
    for name in (one["file"] for part in ("configs", "secrets") for one in project[part].values()):
        assert Path(name).read_text(), name


def test_a_mistake_would_be_found(written: Path, tmp_path: Path, built: Built) -> None:
    checker = built("compose-check") / "compose-check"
    text = (written / writing.FILE).read_text()
    for wrong, told in (
        (text.replace("read_only: true", "readonly: true", 1), "readonly"),
        (text.replace("condition: service_healthy", "condition: service_well", 1), "service_well"),
        (text.replace("source: jaeger-config.yaml", "source: nowhere", 1), "nowhere"),
    ):
        assert wrong != text
        (tmp_path / "wrong.yaml").write_text(wrong)
        done = subprocess.run([checker, tmp_path / "wrong.yaml"], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert told in done.stderr or "one of" in done.stderr


def test_everything_that_the_stack_runs_is_there(objects: list[Manifest], content: dict[str, Any]) -> None:
    workloads = {one["metadata"]["name"] for one in objects if one["kind"] in {"Deployment", "StatefulSet"}}
    assert workloads >= {service.name for service in CATALOG.services} | {store.name for store in CATALOG.stores}
    assert content["services"].keys() - {OWNER} == workloads | MIGRATIONS


def test_each_begins_after_those_that_it_calls_can_serve(content: dict[str, Any]) -> None:
    services = content["services"]
    for edge in CATALOG.edges():
        assert services[edge.caller]["depends_on"][edge.callee] == {"condition": "service_healthy"}
    for name in MIGRATIONS:
        assert name in services[name.removesuffix("-migrate")]["depends_on"]
    for name, made in services.items():
        assert name in {OWNER, *MIGRATIONS} or "healthcheck" in made, name
        for other, how in made.get("depends_on", {}).items():
            completes = other in {OWNER, *MIGRATIONS}
            assert how["condition"] == ("service_completed_successfully" if completes else "service_healthy")


def test_no_container_may_more_than_its_pod(content: dict[str, Any]) -> None:
    for name, made in content["services"].items():
        assert made["cap_drop"] == ["ALL"], name
        assert made["read_only"] is True, name
        assert made["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in made
        assert name == OWNER or re.fullmatch(r"[1-9]\d*:[1-9]\d*", made["user"]), name
        assert all(one.startswith("127.0.0.1:") for one in made.get("ports", ()))


def test_secrets_are_files_that_nobody_else_reaches_and_that_stay(written: Path, state: Path) -> None:
    folder = state.with_name("otel-mesh-compose") / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    before = {path.name: path.read_text() for path in folder.iterdir()}
    assert {f"{name}-credentials-password" for name in ("grafana", "postgres", "redis")} <= set(before)
    assert {f"postgres-credentials-{role}-password" for role in ("migrations", "services")} <= set(before)
    assert all(SECRET_VALUE.fullmatch(value) for value in before.values())
    text = "".join(path.read_text() for path in written.rglob("*") if path.is_file())
    assert not [name for name, value in before.items() if value in text]
    assert "placeholder" not in text
    again = written.with_name("again")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_MESH_STATE", str(state))
        compose.run(str(again))
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    one, two = ({path.relative_to(top): path.read_text() for path in top.rglob("*.*")} for top in (written, again))
    assert one == two


def test_telemetry_does_not_claim_to_come_from_a_cluster(written: Path, content: dict[str, Any]) -> None:
    for made in content["services"].values():
        assert "k8s." not in made.get("environment", {}).get("OTEL_RESOURCE_ATTRIBUTES", "")
    collector = yaml.safe_load((written / "config" / "otel-collector" / "config.yaml").read_text())
    assert "k8s_attributes" not in collector["processors"]
    for name, pipeline in collector["service"]["pipelines"].items():
        assert "k8s_attributes" not in pipeline["processors"], name


def test_the_programs_read_their_configurations(written: Path, content: dict[str, Any], built: Built) -> None:
    programs = built("otelcol", "promtool")
    environment = content["services"]["otel-collector"]["environment"]
    config = written / "config" / "otel-collector" / "config.yaml"
    output_of(programs / "otelcol", "validate", f"--config=file:{config}", environment=environment)
    prometheus = written / "config" / "prometheus" / "prometheus.yml"
    output_of(programs / "promtool", "check", "config", "--syntax-only", prometheus)


def test_s2_3_people_look_at_it_in_grafana(written: Path, content: dict[str, Any]) -> None:
    grafana = content["services"]["grafana"]
    assert grafana["ports"] == ["127.0.0.1:${OTEL_MESH_PORT_GRAFANA:-13000}:3000"]
    assert set(grafana["depends_on"]) == {"jaeger", "prometheus", "victoria-logs"}
    mounted = {one["target"]: content["configs"][one["source"]]["file"] for one in grafana["configs"]}
    sources = next(file for target, file in mounted.items() if "/provisioning/datasources/" in target)
    assert {one["type"] for one in yaml.safe_load((written / sources).read_text())["datasources"]} == {
        "prometheus",
        "jaeger",
        "victoriametrics-logs-datasource",
    }


def test_what_upstream_ships_is_the_image_that_a_cluster_runs(content: dict[str, Any]) -> None:
    services = content["services"]
    assert services["postgres"]["image"] == versions.POSTGRES_IMAGE
    for name, image in (("jaeger", versions.JAEGER_IMAGE), ("prometheus", versions.PROMETHEUS_IMAGE)):
        assert f"\nFROM {image}\n" in services[name]["build"]["dockerfile_inline"]


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").touch()
    with pytest.raises(CommandError, match="holds files that `otel-mesh compose` did not write; name another folder"):
        compose.run(str(tmp_path / "theirs"))


def _workload(**pod: object) -> Manifest:
    container = {"name": "main", "image": "example.invalid/a:1", "resources": {"limits": {"memory": "64Mi"}}}
    spec = {
        "securityContext": {"runAsUser": 10001, "runAsGroup": 10001},
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
        **pod,
    }
    meta = {"name": "a", "namespace": "shop"}
    return {"kind": "Deployment", "metadata": meta, "spec": {"template": {"metadata": {"labels": {}}, "spec": spec}}}


@pytest.mark.parametrize(
    ("pod", "told"),
    [
        ({"hostNetwork": True}, "a: hostNetwork: not translated"),
        ({"automountServiceAccountToken": True}, "a: needs the Kubernetes API"),
        ({"containers": [{}, {}]}, "a: 2 containers"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(pod: dict[str, Any], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        service(_workload(**pod), None)


def test_kinds_volumes_and_probes_that_are_new_are_refused_too(tmp_path: Path) -> None:
    def of(*manifests: Manifest) -> None:
        translate(manifests, builds={}, published=(), secrets_dir=tmp_path)

    with pytest.raises(CommandError, match="CronJob often: not translated"):
        of({"kind": "CronJob", "metadata": {"name": "often", "namespace": "shop"}})
    mounting = _workload(volumes=[{"name": "x", "hostPath": {"path": "/"}}])
    mounting["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [{"name": "x", "mountPath": "/x"}]
    with pytest.raises(CommandError, match="a: a volume of hostPath: not translated"):
        of(mounting)
    with pytest.raises(CommandError, match="a probe by grpc, periodSeconds: not translated"):
        Client(python=False).command({"grpc": {}, "periodSeconds": 1}, 1)
    with pytest.raises(CommandError, match="Service shop/none: not deployed"):
        translate([], builds={}, published=[Published("shop/none", 1, "PORT", 1)], secrets_dir=tmp_path)


class _Answering(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _succeeds(probe: dict[str, Any], port: int) -> bool:
    _, *arguments = Client(python=True).command(probe, port)
    return subprocess.run([sys.executable, *arguments], capture_output=True, timeout=60, check=False).returncode == 0


def test_what_asks_by_http_fails_when_the_probe_would() -> None:
    probe = {"httpGet": {"path": "/readyz"}, "timeoutSeconds": 30}
    with ThreadingHTTPServer(("127.0.0.1", free_port()), _Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert _succeeds(probe, server.server_port)
        assert _succeeds({"tcpSocket": {}}, server.server_port)
        _Answering.status = 503
        assert not _succeeds(probe, server.server_port)
        server.shutdown()
        port = server.server_port
    assert not _succeeds(probe, port)
    assert not _succeeds({"tcpSocket": {}}, port)


def test_what_asks_by_grpc_fails_when_the_probe_would() -> None:
    health_servicer = health.HealthServicer()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{free_port()}")
    server.start()
    probe = {"grpc": {"service": "readiness"}, "timeoutSeconds": 30}
    try:
        health_servicer.set("readiness", health_pb2.HealthCheckResponse.SERVING)
        assert _succeeds(probe, port)
        assert not _succeeds({**probe, "grpc": {"service": "unknown"}}, port)
        health_servicer.set("readiness", health_pb2.HealthCheckResponse.NOT_SERVING)
        assert not _succeeds(probe, port)
    finally:
        server.stop(None).wait()
    assert not _succeeds(probe, port)


def test_references_among_variables_are_resolved_and_others_stay() -> None:
    one = _workload()
    one["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "GREETING", "value": "I am $(POD_NAME), not $(NOBODY)"},
        {"name": "OTEL_RESOURCE_ATTRIBUTES", "value": "service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME)"},
    ]
    assert environment(one) == {
        "POD_NAME": "a",
        "GREETING": "I am a, not $(NOBODY)",
        "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=a",
    }


def test_two_that_call_each_other_do_not_wait_for_each_other(tmp_path: Path) -> None:
    def calling(name: str, other: str) -> list[Manifest]:
        labels = {"app": name}
        one = _workload()
        one["metadata"] = {"name": name, "namespace": "shop"}
        one["spec"]["template"]["metadata"]["labels"] = labels
        url = f"http://{other}.shop.svc.cluster.local:80"
        one["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "URL", "value": url}]
        front = {"kind": "Service", "metadata": one["metadata"], "spec": {"selector": labels, "ports": [{"port": 80}]}}
        return [one, front]

    made = translate([*calling("a", "b"), *calling("b", "a")], builds={}, published=(), secrets_dir=tmp_path).content
    assert made["services"]["a"]["depends_on"] == {"b": {"condition": "service_started"}}
    assert "depends_on" not in made["services"]["b"]
