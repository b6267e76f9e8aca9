"""Rules for the pods of all components."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_mesh.core.values import quantity
from otel_mesh.k8s.pod_security import security_context
from tests.components.scenarios import SCENARIOS

WORKLOADS = [
    pytest.param(manifest, id=f"{name}-{manifest['kind']}")
    for name, make in SCENARIOS.items()
    for manifest in make()
    if manifest["kind"] in {"Deployment", "StatefulSet"}
]


def _pod(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def _containers(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    pod = _pod(manifest)
    return [*pod["containers"], *pod.get("initContainers", ())]


@pytest.mark.parametrize("manifest", WORKLOADS)
def test_the_pod_security_context_covers_injected_containers(manifest: dict[str, Any]) -> None:
    context = _pod(manifest)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["fsGroup"] == context["runAsGroup"] == context["runAsUser"]
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("manifest", WORKLOADS)
def test_containers_can_write_to_volumes_only(manifest: dict[str, Any]) -> None:
    for container in _containers(manifest):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("manifest", WORKLOADS)
def test_containers_have_all_three_probes_and_bounded_memory(manifest: dict[str, Any]) -> None:
    for container in _pod(manifest)["containers"]:
        assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
        startup = container["startupProbe"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 60
    for container in _containers(manifest):
        resources = container["resources"]
        assert quantity(resources["requests"]["memory"]) <= quantity(resources["limits"]["memory"])
        assert "cpu" not in resources["limits"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_only_clients_of_the_api_server_get_a_token(name: str) -> None:
    """The Collector looks up senders, Prometheus finds the mesh's proxies; both may only read."""
    by_kind = {manifest["kind"]: manifest for manifest in SCENARIOS[name]()}
    asks = name.startswith("otel-collector") or name == "prometheus-meshed"
    assert asks is ("ClusterRole" in by_kind) is ("ClusterRoleBinding" in by_kind)
    for kind in {"Deployment", "StatefulSet"} & by_kind.keys():
        assert _pod(by_kind[kind])["automountServiceAccountToken"] is asks
    if asks:
        (subject,) = by_kind["ClusterRoleBinding"]["subjects"]
        assert subject["name"] == _pod(by_kind.get("Deployment") or by_kind["StatefulSet"])["serviceAccountName"]
        role = by_kind["ClusterRole"]
        assert by_kind["ClusterRoleBinding"]["roleRef"]["name"] == role["metadata"]["name"]
        assert {verb for rule in role["rules"] for verb in rule["verbs"]} <= {"get", "list", "watch"}
        assert {one for rule in role["rules"] for one in rule["resources"]} <= {"pods", "namespaces", "replicasets"}


@pytest.mark.parametrize("manifest", WORKLOADS)
def test_every_mount_has_its_volume_and_every_volume_its_mount(manifest: dict[str, Any]) -> None:
    pod = _pod(manifest)
    mounted = {mount["name"] for container in _containers(manifest) for mount in container["volumeMounts"]}
    templates = manifest["spec"].get("volumeClaimTemplates", ())
    claimed = {template["metadata"]["name"] for template in templates}
    assert mounted == {volume["name"] for volume in pod["volumes"]} | claimed


@pytest.mark.parametrize("manifest", WORKLOADS)
def test_selectors_match_the_pods_and_never_change(manifest: dict[str, Any]) -> None:
    selected = manifest["spec"]["selector"]["matchLabels"]
    assert selected.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()
    assert set(selected) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}


@pytest.mark.parametrize("name", SCENARIOS)
def test_services_target_named_ports_of_their_own_pods(name: str) -> None:
    manifests = SCENARIOS[name]()
    pods = [manifest["spec"]["template"] for manifest in manifests if manifest["kind"] in {"Deployment", "StatefulSet"}]
    for service in (manifest for manifest in manifests if manifest["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= pods[0]["metadata"]["labels"].items()
        offered = {port["name"]: port["containerPort"] for port in pods[0]["spec"]["containers"][0]["ports"]}
        for port in service["spec"]["ports"]:
            assert offered[port["targetPort"]] == port["port"]
            assert port["appProtocol"] in {"http", "grpc", "tcp"}


def test_services_claims_and_jobs_are_not_awaited() -> None:
    manifests = [manifest for make in SCENARIOS.values() for manifest in make()]
    skipped = {one["kind"] for one in manifests if one["metadata"].get("annotations", {}).get("pulumi.com/skipAwait")}
    assert skipped == {"Service", "PersistentVolumeClaim", "Job"}


def test_a_stateful_set_is_awaited_by_conditions_that_respect_its_generation() -> None:
    (manifest,) = (one for one in SCENARIOS["postgres"]() if one["kind"] == "StatefulSet")
    assert json.loads(manifest["metadata"]["annotations"]["pulumi.com/waitFor"]) == [
        "jsonpath={.status.updatedReplicas}=1",
        "jsonpath={.status.readyReplicas}=1",
        "jsonpath={.status.availableReplicas}=1",
    ]


def test_another_number_of_replicas_keeps_the_pod_template() -> None:
    small, large = (
        next(one for one in SCENARIOS[name]() if one["kind"] == "Deployment")["spec"]["template"]["spec"]
        for name in ("microservice", "microservice-meshed")
    )
    assert small["topologySpreadConstraints"] == large["topologySpreadConstraints"]


def test_a_group_of_its_own_owns_the_volumes() -> None:
    context = security_context(101, 102)
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (101, 102, 102)
