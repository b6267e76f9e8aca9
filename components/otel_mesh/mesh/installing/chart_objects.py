"""Changes to the objects of charts and files before they are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import pulumi

from otel_mesh.core.labels import Annotation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Crds = Literal["keep", "delete"]
"""What happens to CustomResourceDefinitions when the mesh is removed."""

_WEBHOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_GROUPS: Final = ("kubernetes:helm.sh/v4:Chart", "kubernetes:yaml/v2:ConfigGroup")
"""Types of the resources that only group objects."""


def chart_transform(
    crds: Crds, timeouts: pulumi.CustomTimeouts, *, takes_over: bool = True, webhooks_written: Sequence[str] = ()
) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None]:
    """The resource transform for the objects of the charts.

    Args:
        crds: Whether CustomResourceDefinitions stay in the cluster when the mesh is removed.
        timeouts: Timeouts of each object.
        takes_over: Whether existing CustomResourceDefinitions, left behind or applied by others, become this stack's.
            Not for the Gateway API's: other meshes and gateways share them, and a newer release would be downgraded.
            Existing definitions with the same content are no conflict.
        webhooks_written: Fields of webhook configurations that the control plane writes once it runs.
    """

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if not args.type_.startswith("kubernetes:") or args.type_ in _GROUPS:
            return None
        kind = args.type_.rpartition(":")[2]
        extra = pulumi.ResourceOptions(custom_timeouts=timeouts)
        props = dict(args.props)
        if kind in _WEBHOOKS and webhooks_written:
            extra.ignore_changes = list(webhooks_written)
            props = _annotated(props, Annotation.PATCH_FORCE)
        elif kind == "CustomResourceDefinition":
            extra.retain_on_delete = crds == "keep"
            if takes_over:
                props = _annotated(props, Annotation.PATCH_FORCE)
        return pulumi.ResourceTransformResult(props=props, opts=pulumi.ResourceOptions.merge(args.opts, extra))

    return transform


def _annotated(props: dict[str, Any], annotation: Annotation) -> dict[str, Any]:
    metadata = dict(props.get("metadata") or {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), annotation.value: "true"}
    return {**props, "metadata": metadata}
