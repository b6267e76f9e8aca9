"""A workload as one value, and the objects that are rendered from it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from otel_mesh import (
    Container,
    ContainerPort,
    DeploymentShape,
    JobShape,
    Manifest,
    Probes,
    Resources,
    Role,
    Scheduling,
    StatefulSetShape,
    Storage,
    Volume,
    Workload,
    render,
    temporary_files,
)
from otel_mesh.k8s.containers import config_volume, data_volume, exec_check, grpc_check, http_check, secret_volume
from otel_mesh.k8s.render import controller, front, prerequisites

MAIN = Container(
    name="main",
    image="registry.example/main:1",
    resources=Resources(),
    pod_fields={"POD_NAME": "metadata.name"},
    env={"MODE": "fast"},
    ports=(ContainerPort(name="http", number=8080, protocol="http"), ContainerPort(name="admin", number=9000)),
    probes=Probes(live=http_check("/livez", "http")),
    volumes=(temporary_files(),),
)
WORKLOAD = Workload(
    name="shop-front",
    namespace="shop",
    program="front",
    role=Role.SERVICE,
    version="v1",
    containers=(MAIN,),
    scheduling=Scheduling(max_unavailable=2),
    shape=DeploymentShape(replicas=3, disruption_budget=True),
)


def _kinds(manifests: list[Manifest]) -> list[str]:
    return [one["kind"] for one in manifests]


def _pod(workload: Workload) -> dict[str, Any]:
    spec: dict[str, Any] = controller(workload)["spec"]["template"]["spec"]
    return spec


def test_objects_follow_their_dependencies() -> None:
    data = data_volume("data", Storage(kind="persistent"), "shop-front", "/data")
    everything = dataclasses.replace(
        WORKLOAD,
        containers=(dataclasses.replace(MAIN, volumes=(data,)),),
        files={"main.yaml": "a: 1"},
        secrets={"credentials": {"password": "from-a-secret-output"}},
    )
    assert _kinds(render(everything)) == [
        *("ServiceAccount", "ConfigMap", "Secret", "PersistentVolumeClaim"),
        *("Deployment", "Service", "PodDisruptionBudget"),
    ]
    assert render(everything) == [*prerequisites(everything), controller(everything), *front(everything)]


def test_all_objects_have_the_workloads_labels_and_namespace() -> None:
    for manifest in render(WORKLOAD):
        assert manifest["metadata"]["labels"] == WORKLOAD.labels
        assert manifest["metadata"]["namespace"] == "shop"


def test_the_service_exposes_only_ports_with_a_protocol() -> None:
    service = next(one for one in render(WORKLOAD) if one["kind"] == "Service")
    assert [port["name"] for port in service["spec"]["ports"]] == ["http"]
    (container,) = _pod(WORKLOAD)["containers"]
    assert [port["name"] for port in container["ports"]] == ["http", "admin"]


def test_a_sidecar_adds_its_ports_and_shares_volumes_of_the_same_name() -> None:
    sidecar = Container(
        name="sidecar",
        image="registry.example/sidecar:1",
        ports=(ContainerPort(name="grpc", number=9090, protocol="grpc"),),
        volumes=(temporary_files(), secret_volume("token", "tokens", "/tokens")),
    )
    both = dataclasses.replace(WORKLOAD, containers=(MAIN, sidecar))
    assert [volume["name"] for volume in _pod(both)["volumes"]] == ["tmp", "token"]
    service = next(one for one in render(both) if one["kind"] == "Service")
    assert [port["name"] for port in service["spec"]["ports"]] == ["http", "grpc"]


def test_versions_of_a_service_share_its_service() -> None:
    stable = dataclasses.replace(WORKLOAD, service_selector={"app.kubernetes.io/name": "front"})
    canary = dataclasses.replace(WORKLOAD, name="shop-front-v2", version="v2")
    deployments = [controller(stable), controller(canary)]
    pods = [one["spec"]["template"]["metadata"]["labels"] for one in deployments]
    assert [labels["app.kubernetes.io/version"] for labels in pods] == ["v1", "v2"]
    service = next(one for one in render(stable) if one["kind"] == "Service")
    for labels in pods:
        assert service["spec"]["selector"].items() <= labels.items()
    first, second = (one["spec"]["selector"]["matchLabels"] for one in deployments)
    assert not first.items() <= pods[1].items(), "neither Deployment adopts the pods of the other"
    assert not second.items() <= pods[0].items()


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        (DeploymentShape(), ["ServiceAccount", "Deployment", "Service"]),
        (DeploymentShape(disruption_budget=True), ["ServiceAccount", "Deployment", "Service", "PodDisruptionBudget"]),
        (StatefulSetShape(), ["ServiceAccount", "StatefulSet", "Service"]),
        (JobShape(deadline_seconds=60), ["ServiceAccount", "Job", "Service"]),
    ],
)
def test_the_workload_shape_selects_the_controller(
    shape: DeploymentShape | StatefulSetShape | JobShape, kinds: list[str]
) -> None:
    assert _kinds(render(dataclasses.replace(WORKLOAD, shape=shape))) == kinds


def test_a_workload_without_ports_has_no_service() -> None:
    silent = dataclasses.replace(WORKLOAD, containers=(dataclasses.replace(MAIN, ports=()),))
    assert "Service" not in _kinds(render(silent))


def test_a_claim_is_released_before_the_next_pod_mounts_it() -> None:
    for storage, strategy in ((Storage(), "RollingUpdate"), (Storage(kind="persistent"), "Recreate")):
        data = data_volume("data", storage, "shop-front", "/data")
        stored = dataclasses.replace(WORKLOAD, containers=(dataclasses.replace(MAIN, volumes=(data,)),))
        assert controller(stored)["spec"]["strategy"]["type"] == strategy


def test_a_changed_file_changes_the_pod_template_and_a_changed_secret_does_not() -> None:
    def template(**fields: Any) -> object:  # noqa: ANN401 - any field
        return controller(dataclasses.replace(WORKLOAD, **fields))["spec"]["template"]

    assert template(files={"a": "1"}) != template(files={"a": "2"})
    assert template(secrets={"a": {"password": "1"}}) == template(secrets={"a": {"password": "2"}})


def test_files_in_folders_keep_their_paths() -> None:
    files = {"main.ini": "", "provisioning/sources.yaml": ""}
    volume = config_volume("config", "shop-front", "/etc/main", files)
    workload = dataclasses.replace(WORKLOAD, files=files, containers=(dataclasses.replace(MAIN, volumes=(volume,)),))
    config = next(one for one in render(workload) if one["kind"] == "ConfigMap")
    assert list(config["data"]) == ["main.ini", "provisioning_sources.yaml"]
    (mounted,) = _pod(workload)["volumes"]
    assert mounted["configMap"]["items"] == [
        {"key": "main.ini", "path": "main.ini"},
        {"key": "provisioning_sources.yaml", "path": "provisioning/sources.yaml"},
    ]


def test_probes_default_to_the_liveness_check() -> None:
    live, ready = grpc_check("liveness", 8080), exec_check(["ready"], timeout_seconds=3)
    probes = Probes(live=live, ready=ready, start_seconds=90).manifest()
    assert probes["startupProbe"] == {**live, "periodSeconds": 1, "failureThreshold": 90, "timeoutSeconds": 2}
    assert probes["readinessProbe"] == {**ready, "periodSeconds": 5, "failureThreshold": 2}
    assert probes["livenessProbe"]["grpc"] == {"port": 8080, "service": "liveness"}


def test_further_fields_of_a_container_are_passed_on() -> None:
    container = Container(name="main", image="auto", further={"imagePullPolicy": "IfNotPresent"})
    (made,) = _pod(dataclasses.replace(WORKLOAD, containers=(container,)))["containers"]
    assert made["imagePullPolicy"] == "IfNotPresent"
    assert "resources" not in made


def test_a_volume_of_any_kind_can_be_mounted() -> None:
    memory = Volume(name="run", path="/run/main", source={"emptyDir": {"medium": "Memory"}})
    workload = dataclasses.replace(WORKLOAD, containers=(dataclasses.replace(MAIN, volumes=(memory,)),))
    assert _pod(workload)["volumes"] == [{"name": "run", "emptyDir": {"medium": "Memory"}}]
    (made,) = _pod(workload)["containers"]
    assert made["volumeMounts"] == [{"name": "run", "mountPath": "/run/main"}]
