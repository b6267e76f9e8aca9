"""Changes of single fields of a component's objects, as Pulumi's transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh.k8s.manifests import Manifest


def changing(kind: str, change: Callable[[Manifest], None], name: str | None = None) -> pulumi.ResourceTransform:
    """A transform that changes the objects of one kind, for fields without a setting.

    Args:
        kind: Kind of the objects, such as ``Deployment``.
        change: Function that changes an object in place. Values that are Outputs can be replaced, but not read.
        name: Name of the object; None for all objects of the kind.
    """

    def transform(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        group, _, own = args.type_.rpartition(":")
        if own != kind or not group.startswith("kubernetes:"):
            return None
        props = _copied(dict(args.props))
        if name is not None and props["metadata"]["name"] != name:
            return None
        change(props)
        return pulumi.ResourceTransformResult(props=props, opts=args.opts)

    return transform


def _copied(value: Any) -> Any:  # noqa: ANN401 - any value of an object
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value
