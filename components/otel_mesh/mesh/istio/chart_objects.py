"""What is changed on the objects of charts and files before they are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi

from otel_mesh.core.labels import Annotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.mesh.istio.settings import IstioSettings

_WEBHOOKS: Final = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_ISTIOD_WRITES: Final = ["webhooks[*].clientConfig.caBundle", "webhooks[*].failurePolicy"]
"""Fields of the webhooks that istiod itself fills in once it serves."""
_GROUPS: Final = ("kubernetes:helm.sh/v4:Chart", "kubernetes:yaml/v2:ConfigGroup")
"""Types of resources that only hold objects together."""


def chart_transform(
    settings: IstioSettings, timeouts: pulumi.CustomTimeouts, *, takes_over: bool = True
) -> Callable[[pulumi.ResourceTransformArgs], pulumi.ResourceTransformResult | None]:
    """What is changed on objects of the charts before they are registered.

    Args:
        settings: of the mesh.
        timeouts: of each object.
        takes_over: whether definitions that an earlier installation left behind, or somebody else applied, become this
            stack's. The Gateway API's don't: other meshes and gateways share them, and those of a newer release would
            be set back without a word. What is there already with the same content is no conflict.
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
