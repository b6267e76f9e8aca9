"""Changes to the objects of charts and files before they are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

from otel_mesh.core.labels import Annotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.mesh.istio.settings import IstioSettings

_WEBHOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_ISTIOD_WRITES: Final = ["webhooks[*].clientConfig.caBundle", "webhooks[*].failurePolicy"]
"""Fields of the webhooks that istiod writes once it runs."""
_GROUPS: Final = ("kubernetes:helm.sh/v4:Chart", "kubernetes:yaml/v2:ConfigGroup")
"""Types of the resources that only group objects."""


def chart_transform(
    settings: IstioSettings, timeouts: pulumi.CustomTimeouts, *, takes_over: bool = True
) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None]:
    """The resource transform for the objects of the charts.

    Args:
        settings: Settings of the mesh.
        timeouts: Timeouts of each object.
        takes_over: Whether existing CustomResourceDefinitions, left behind or applied by others, become this stack's.
            Not for the Gateway API's: other meshes and gateways share them, and a newer release would be downgraded.
            Existing definitions with the same content are no conflict.
    """

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if not args.type_.startswith("kubernetes:") or args.type_ in _GROUPS:
            return None
        kind = args.type_.rpartition(":")[2]
        extra = pulumi.ResourceOptions(custom_timeouts=timeouts)
        props = dict(args.props)
        if kind in _WEBHOOKS:
            extra.ignore_changes = list(_ISTIOD_WRITES)
            props = _annotated(props, Annotation.PATCH_FORCE)
        elif kind == "CustomResourceDefinition":
            extra.retain_on_delete = settings.crds == "keep"
            if takes_over:
                props = _annotated(props, Annotation.PATCH_FORCE)
        return pulumi.ResourceTransformResult(props=props, opts=pulumi.ResourceOptions.merge(args.opts, extra))

    return transform


def _annotated(props: dict[str, Any], annotation: Annotation) -> dict[str, Any]:
    metadata = dict(props.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), annotation.value: "true"}
    return {**props, "metadata": metadata}
