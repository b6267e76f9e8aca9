"""Settings that are Outputs of other resources, on the real engine, provider and API server.

The tests of this file share one stack and run in file order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh.k8s.manifests import checksum

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.built import Built
    from tests.engine.api_server import ApiServer
    from tests.engine.stack_program import StackProgram

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

ADDRESS = "https://search.example.com:9200"
MOVED = "https://search.example.com:9201"
CHECKSUM = "otel-mesh.dev/config-checksum"


@pytest.fixture(scope="module")
def program(
    tmp_path_factory: pytest.TempPathFactory,
    new_program: Callable[[Path, str], StackProgram],
    api_server: ApiServer,
    kubeconfig: Path,
    built: Built,
) -> StackProgram:
    (definitions,) = (built.charts() / "base" / "files").glob("crd-all*.yaml")
    for words in (
        ["apply", "--server-side", "--force-conflicts", f"--filename={definitions}"],
        ["wait", "crd", "--all", "--for=condition=Established", "--timeout=150s"],
    ):
        done = api_server.kubectl(words, kubeconfig)
        assert done.returncode == 0, done.stderr
    program = new_program(tmp_path_factory.mktemp("late"), "late_values")
    program.environment["ADDRESS"] = ADDRESS
    return program


@pytest.fixture(scope="module")
def get(api_server: ApiServer, kubeconfig: Path) -> Callable[[str, str], Any]:
    def call(kind: str, name: str) -> Any:  # noqa: ANN401 - JSON
        done = api_server.kubectl(["get", kind, name, "--namespace=late", "-o", "json"], kubeconfig)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def servers(get: Callable[[str, str], Any]) -> Any:  # noqa: ANN401 - YAML
    data = configuration(get, "jaeger")
    stores = yaml.safe_load(data["config.yaml"])["extensions"]["jaeger_storage"]["backends"]
    (store,) = stores.values()
    return store["opensearch"]["server_urls"]


def configuration(get: Callable[[str, str], Any], name: str) -> Any:  # noqa: ANN401 - a mapping
    """The files of a program, whose checksum its pods have."""
    data = get("configmap", name)["data"]
    template = get("deployment", name)["spec"]["template"]
    assert template["metadata"]["annotations"][CHECKSUM] == checksum(data)
    return data


def test_a_new_stack_is_previewed_before_any_value_is_known(program: StackProgram) -> None:
    assert {step.op for step in program.preview()} == {"create"}


def test_the_values_reach_the_objects(program: StackProgram, get: Callable[[str, str], Any]) -> None:
    program.up()
    assert servers(get) == [ADDRESS]
    metrics = yaml.safe_load(configuration(get, "prometheus")["prometheus.yml"])
    targets = {one["job_name"]: one["static_configs"][0]["targets"] for one in metrics["scrape_configs"]}
    assert targets["jaeger"] == ["jaeger.late.svc.cluster.local:8888"]
    assert [one["url"] for one in metrics["remote_write"]] == [ADDRESS]
    (alerts,) = metrics["alerting"]["alertmanagers"]
    assert (alerts["scheme"], alerts["static_configs"]) == ("https", [{"targets": ["search.example.com:9200"]}])
    collector = yaml.safe_load(get("configmap", "otel-collector")["data"]["config.yaml"])
    assert collector["exporters"]["otlp_grpc/vendor"]["endpoint"] == "search.example.com:9200"
    annotations = get("serviceaccount", "orders")["metadata"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"] == "arn:aws:iam::123456789012:role/orders"
    orders, proxy = get("deployment", "orders")["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one for one in orders["env"]}
    assert env["SEARCH"]["value"] == ADDRESS
    assert (env["DATABASE_HOST"]["value"], env["DATABASE_PORT"]["value"]) == ("search.example.com", "9200")
    secret = env["USER"]["valueFrom"]["secretKeyRef"]["name"]
    assert secret.startswith("login-")
    volumes = get("deployment", "redis")["spec"]["template"]["spec"]["volumes"]
    assert secret in [one["secret"]["secretName"] for one in volumes if "secret" in one]
    assert get("serviceentry", "external-search")["spec"]["hosts"] == ["search.example.com"]
    assert "./search.example.com" in get("sidecar", "orders-egress")["spec"]["egress"][0]["hosts"]
    assert proxy["image"] == "registry.example.com/proxy:1.0"
    pod = get("deployment", "jaeger")["spec"]["template"]["spec"]
    assert pod["dnsConfig"] == {"options": [{"name": "ndots", "value": "2"}]}
    (container,) = pod["containers"]
    username = next(one for one in container["env"] if one["name"] == "STORE_USERNAME")
    assert username["valueFrom"]["secretKeyRef"]["name"] == secret
    assert program.up() == []


def test_another_value_rolls_the_pods(program: StackProgram, get: Callable[[str, str], Any]) -> None:
    program.environment["ADDRESS"] = MOVED
    changed = {step.place: step.op for step in program.up()}
    assert changed == {
        "Namespace late": "update",
        "ConfigMap jaeger": "update",
        "Deployment jaeger": "update",
        "Deployment orders": "update",
        "ConfigMap collector-otel-collector": "update",
        "Deployment collector-otel-collector": "update",
        "ConfigMap prometheus": "update",
        "Deployment prometheus": "update",
    }
    assert servers(get) == [MOVED]


def test_an_invalid_value_stops_the_update(program: StackProgram, get: Callable[[str, str], Any]) -> None:
    program.environment["ADDRESS"] = "http://search.example.com:9200"
    done = program.run("up", "--yes", "--skip-preview", check=False)
    assert done.returncode != 0
    assert "opensearch.login_secret: would leave the cluster unencrypted" in done.stdout
    assert servers(get) == [MOVED], "nothing was changed"
