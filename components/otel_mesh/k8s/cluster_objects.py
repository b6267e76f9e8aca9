"""Objects without a namespace: namespaces, cluster roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pulumi

from otel_mesh.core.labels import PART_OF, Label
from otel_mesh.k8s.manifests import Manifest, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh.k8s.workload import Workload

PodSecurity = Literal["restricted", "privileged"]


def access(workload: Workload, rules: Sequence[Mapping[str, Any]]) -> list[Manifest]:
    """The ClusterRole of a workload's ServiceAccount and its ClusterRoleBinding.

    Args:
        workload: Workload whose pods ask the API server.
        rules: Rules of the ClusterRole.
    """
    prefix, account, namespace, labels = f"{PART_OF}:", workload.name, workload.namespace, workload.labels
    name = (
        f"{prefix}{namespace}:{account}"
        if isinstance(namespace, str)
        else pulumi.Output.concat(prefix, namespace, ":", account)
    )
    role: Manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels},
        "rules": [dict(rule) for rule in rules],
    }
    binding: Manifest = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": labels},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }
    return [role, binding]


def namespace(
    name: str, labels: Mapping[str, str], annotations: Mapping[str, str], *, security: PodSecurity = "restricted"
) -> Manifest:
    """A Namespace that enforces a Pod Security Standard.

    Args:
        name: Name of the namespace.
        labels: Labels of the namespace.
        annotations: Annotations of the namespace.
        security: Level of the standard; ``privileged`` is for agents of the node only.
    """
    standard = {
        Label.POD_SECURITY_ENFORCE.value: security,
        Label.POD_SECURITY_ENFORCE_VERSION.value: "latest",
        Label.POD_SECURITY_WARN.value: security,
        Label.POD_SECURITY_AUDIT.value: security,
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(name, {**labels, **standard}, annotations=annotations),
    }
