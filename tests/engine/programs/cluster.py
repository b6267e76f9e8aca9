"""The provider of the test programs; objects are not awaited, since there is no kubelet."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_kubernetes.provider import Provider

from otel_mesh.core.labels import Annotation

CONTEXT = "otel-mesh-local"


def provider(name: str = "cluster") -> Provider:
    """The provider with the settings of the platform's stacks."""
    return Provider(
        name,
        context=CONTEXT,
        cluster_identifier=CONTEXT,
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        kube_client_settings={"qps": 2000, "burst": 4000},
    )


def annotated(key: str, value: str) -> Any:  # noqa: ANN401 - a transform
    """A transform that annotates every Kubernetes object."""

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if not args.type_.startswith("kubernetes:"):
            return None
        props: dict[str, Any] = dict(args.props)
        metadata = dict(props.get("metadata") or {})
        metadata["annotations"] = {**(metadata.get("annotations") or {}), key: value}
        return pulumi.ResourceTransformResult(props={**props, "metadata": metadata}, opts=args.opts)

    return transform


def wait_for_nothing() -> None:
    """Annotates every object with skipAwait: no pod becomes ready and no garbage collector runs."""
    pulumi.runtime.register_resource_transform(annotated(Annotation.SKIP_AWAIT.value, "true"))
    pulumi.runtime.register_resource_transform(annotated("pulumi.com/deletionPropagationPolicy", "background"))
