"""The provider of a stack, and what it does with every object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh import Annotation
from otel_mesh_stack import identity

if TYPE_CHECKING:
    from otel_mesh_stack.model import StackSettings
    from otel_mesh_stack.settings import Stack


def provider(stack: Stack) -> Provider:
    """The provider of the stack's cluster, or of the folder that its objects are written to."""
    cluster = stack.settings.cluster
    if stack.render_dir is not None:
        # empty: the provider would read the environment's kubeconfig and reject both settings together
        where: dict[str, Any] = {"render_yaml_to_directory": str(stack.render_dir), "kubeconfig": ""}
    else:
        where = {"context": identity.recorded(stack.cluster_uid or "", cluster.context)}
    return Provider(
        "cluster",
        # a renewed certificate in the kubeconfig must not replace the deployed objects
        cluster_identifier=cluster.name,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # the client's default limit (5 requests a second) slows down large previews
        kube_client_settings={"qps": 2000, "burst": 4000},
        **where,
    )


def timeouts(settings: StackSettings) -> pulumi.CustomTimeouts:
    """The longest wait for an object to become ready."""
    limit = f"{settings.ready_timeout_seconds}s"
    return pulumi.CustomTimeouts(create=limit, update=limit)


def without_waiting(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """A transform that disables waiting for every Kubernetes object."""
    if not args.type_.startswith("kubernetes:") or "apiVersion" not in args.props:
        return None  # the parent of a chart's objects is not an object
    props: dict[str, Any] = dict(args.props)
    metadata = dict(props.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), Annotation.SKIP_AWAIT.value: "true"}
    return pulumi.ResourceTransformResult(props={**props, "metadata": metadata}, opts=args.opts)
