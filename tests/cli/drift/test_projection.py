"""What of a live object counts as a difference from the declared one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from otel_mesh_cli.drift import ownership
from otel_mesh_cli.drift.projection import reduced, seen
from otel_mesh_cli.review.objects import differences
from otel_mesh_cli.stacks.drift import MARK

ENGINE = "pulumi-kubernetes-2cd6c4ff"
DECLARED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "shop", "labels": {"app": "shop"}, "annotations": {"pulumi.com/x": "1"}},
    "spec": {
        "replicas": 2,
        "template": {
            "metadata": {"annotations": {"otel-mesh.dev/config-checksum": "of-placeholders"}},
            "spec": {
                "hostNetwork": False,
                "tolerations": [],
                "containers": [
                    {
                        "name": "shop",
                        "image": "placeholder.invalid/shop:0.1.0",
                        "env": [{"name": "A", "value": "1"}],
                        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1024Mi"}},
                        "ports": [{"containerPort": 8080, "name": "http"}],
                    }
                ],
            },
        },
    },
}


def live(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """The object as the API server returns it: with defaults, status, and what it records of the writers."""
    found = deepcopy(DECLARED)
    found["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "annotations": {"deployment.kubernetes.io/revision": "3"},
        "managedFields": [
            entry(ENGINE, {"f:spec": {"f:replicas": {}, "f:template": {}}}, operation="Apply"),
            entry(
                "kube-controller-manager",
                {"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}},
            ),
            entry("kube-controller-manager", {"f:status": {"f:replicas": {}}}, subresource="status"),
        ],
    }
    found["spec"] |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
    pod = found["spec"]["template"]["spec"]
    pod |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    del pod["hostNetwork"], pod["tolerations"]
    container = pod["containers"][0]
    container |= {"image": "registry.example.com/shop@sha256:1", "terminationMessagePath": "/dev/termination-log"}
    container["resources"] = {"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    container["ports"][0]["protocol"] = "TCP"
    found["spec"]["template"]["metadata"]["annotations"]["otel-mesh.dev/config-checksum"] = "of-secrets"
    return {**found, "status": {"replicas": 2}, **more}


def entry(manager: str, fields: dict[str, Any], operation: str = "Update", subresource: str = "") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "subresource": subresource, "fieldsV1": fields}


def found(declared: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs, by path."""
    wanted = reduced(declared)
    one = seen(wanted, reduced(now), ownership.declared(now), ownership.maintained(now))
    return {path: (old, new) for path, old, new in differences(wanted, one)}


def by_kubectl(now: dict[str, Any], fields: dict[str, Any], manager: str = "kubectl-edit") -> dict[str, Any]:
    now["metadata"]["managedFields"].append(entry(manager, fields))
    return now


def test_defaults_status_and_equal_quantities_are_no_difference() -> None:
    assert found(DECLARED, live()) == {}


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("spec", "replicas"), 5, "spec.replicas"),
        (("metadata", "labels", "app"), "other", "metadata.labels.app"),
        (
            ("spec", "template", "spec", "containers", 0, "resources", "limits", "memory"),
            "2Gi",
            "spec.template.spec.containers[0].resources.limits.memory",
        ),
        (
            ("spec", "template", "spec", "containers", 0, "env", 0, "value"),
            "2",
            "spec.template.spec.containers[0].env[0].value",
        ),
        (("spec", "template", "spec", "hostNetwork"), True, "spec.template.spec.hostNetwork"),
    ],
)
def test_a_changed_field_that_is_declared_is_a_difference(
    path: tuple[str | int, ...], value: object, shown: str
) -> None:
    now = live()
    place: Any = now
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    ((where, (_, new)),) = found(DECLARED, now).items()
    assert (where, new) == (shown, value)


def test_a_removed_field_that_is_declared_is_a_difference() -> None:
    now = live()
    del now["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    path = "spec.template.spec.containers[0].resources.limits"
    assert found(DECLARED, now) == {path: ({"memory": "1024Mi"}, None)}


def test_a_field_that_somebody_added_is_a_difference_and_a_default_is_none() -> None:
    now = live()
    now["spec"]["template"]["spec"] |= {"hostPID": True, "schedulerName": "default-scheduler"}
    by_kubectl(now, {"f:spec": {"f:template": {"f:spec": {"f:hostPID": {}}}}})
    assert found(DECLARED, now) == {"spec.template.spec.hostPID": (None, True)}


def test_items_of_lists_are_told_apart_by_their_names() -> None:
    now = live()
    container = now["spec"]["template"]["spec"]["containers"][0]
    container["env"].insert(0, {"name": "B", "value": "2"})
    now["spec"]["template"]["spec"]["containers"].insert(0, {"name": "debug", "image": "busybox"})
    ((path, (old, new)),) = found(DECLARED, now).items()
    assert path == "spec.template.spec.containers"
    assert [one["name"] for one in old] == ["shop"]
    assert [one["name"] for one in new] == ["shop", "debug"]
    assert [one["name"] for one in new[0]["env"]] == ["A", "B"]
    assert new[0]["image"] == old[0]["image"], "an image that is not known here counts as equal"


def test_a_restart_by_kubectl_is_no_difference() -> None:
    now = live()
    note = "kubectl.kubernetes.io/restartedAt"
    now["spec"]["template"]["metadata"]["annotations"][note] = "2026-01-01T00:00:00Z"
    fields: dict[str, Any] = {"f:spec": {"f:template": {"f:metadata": {"f:annotations": {f"f:{note}": {}}}}}}
    assert found(DECLARED, by_kubectl(now, fields, "kubectl-rollout")) == {}


@pytest.mark.parametrize(("manager", "is_drift"), [("kube-controller-manager", False), ("kubectl", True)])
def test_pods_of_an_autoscaler_are_no_difference_and_those_of_a_person_are(manager: str, is_drift: bool) -> None:  # noqa: FBT001 - a parameter
    now = live()
    now["spec"]["replicas"] = 5
    now["metadata"]["managedFields"].append(entry(manager, {"f:spec": {"f:replicas": {}}}, subresource="scale"))
    assert found(DECLARED, now) == ({"spec.replicas": (2, 5)} if is_drift else {})


WEBHOOK = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "istiod"},
    "webhooks": [{"name": "rev.istio.io", "failurePolicy": "Ignore", "clientConfig": {"service": {"name": "istiod"}}}],
}


def test_what_istiod_fills_in_is_no_difference() -> None:
    now = deepcopy(WEBHOOK)
    now["webhooks"][0] |= {"failurePolicy": "Fail"}  # type: ignore[index]
    now["webhooks"][0]["clientConfig"]["caBundle"] = "LS0t"  # type: ignore[index]
    item: dict[str, Any] = {"f:failurePolicy": {}, "f:clientConfig": {"f:caBundle": {}}}
    fields = {"f:webhooks": {'k:{"name":"rev.istio.io"}': item}}
    now["metadata"]["managedFields"] = [entry("pilot-discovery", fields)]  # type: ignore[index]
    assert found(WEBHOOK, now) == {}
    now["metadata"]["managedFields"] = [entry("kubectl-edit", fields)]  # type: ignore[index]
    assert found(WEBHOOK, now) == {
        "webhooks[0].failurePolicy": ("Ignore", "Fail"),
        "webhooks[0].clientConfig.caBundle": (None, "LS0t"),
    }


def test_a_patch_of_another_stack_is_no_difference_and_of_a_person_it_is() -> None:
    declared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "team-rules", "labels": {"a": "b"}}}
    now = {**deepcopy(declared), "data": {"mobile.yaml": "groups: []"}}
    fields: dict[str, Any] = {"f:data": {"f:mobile.yaml": {}}}
    own = entry(ENGINE, {"f:metadata": {"f:labels": {"f:a": {}, "f:app.kubernetes.io/name": {}}}}, "Apply")
    now["metadata"]["managedFields"] = [own, entry("pulumi-kubernetes-00000000", fields, "Apply")]  # type: ignore[index]
    assert found(declared, now) == {}
    now["metadata"]["managedFields"] = [own, entry("kubectl-edit", fields)]  # type: ignore[index]
    assert found(declared, now) == {"data": (None, {"mobile.yaml": "groups: []"})}


def test_contents_of_secrets_are_left_out_and_encrypted_values_count_as_equal() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x"},
        "type": "Opaque",
        "stringData": {"a": "1"},
    }
    assert reduced(secret) == {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    declared = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {MARK: "1b", "value": "v1"}}
    now = {**declared, "data": {"a": "1"}}
    assert found(declared, now) == {}
