"""What all components of the library have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.k8s.manifests import Manifest, resource

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGE: Final = "otel-mesh"
"""Pulumi package of the components' type tokens."""

READY_TIMEOUT: Final = "120s"
"""How long an object may take to become ready, unless the component's options say otherwise.

Pulumi's own 10 minutes keep a person waiting for a pod that can't start; the provider names the pod's reason
(``ImagePullBackOff``, ``Unschedulable``...) when the time is up.
"""

_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})


def _token(last_part: str) -> str:
    return f"{PACKAGE}:index:{last_part}"


class Component(pulumi.ComponentResource):
    """A group of Kubernetes objects with one name, one parent and typed outputs.

    A subclass sets `TYPE`, creates its objects with `children` and ends with `register_outputs`.

    Args:
        name: the component's name in the stack.
        opts: as of every Pulumi resource; all of them reach the children. Pulumi itself hands down neither
            ``custom_timeouts``, which replaces `READY_TIMEOUT` here, nor ``ignore_changes`` (e.g. ``spec.replicas``
            where an autoscaler decides).
    """

    TYPE: ClassVar[str]
    """Last part of the type token: fixed, so that a renamed class replaces nothing."""

    FORMER_TYPES: ClassVar[tuple[str, ...]] = ()
    """What `TYPE` was in earlier versions: what is deployed under those tokens is taken over, not replaced."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        opts = opts or pulumi.ResourceOptions()
        if self.FORMER_TYPES:
            former = [pulumi.Alias(type_=_token(one)) for one in self.FORMER_TYPES]
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=former))
        # without inputs: a preview then counts an object that changes once, not its component as well
        super().__init__(_token(self.TYPE), name, None, opts)
        self._name = name
        self._timeouts = opts.custom_timeouts or pulumi.CustomTimeouts(create=READY_TIMEOUT, update=READY_TIMEOUT)
        self._ignore_changes = opts.ignore_changes

    def children(self, manifests: Sequence[Manifest]) -> dict[str, pulumi.CustomResource]:
        """Registers objects below this component.

        Args:
            manifests: the objects, what others need before those that need it: a workload depends on everything before
                it. The first of a kind is called as the component, each further one as the component and the object.

        Returns:
            The resources by kind, further ones by kind and name: ``Secret/other``.
        """
        made: dict[str, pulumi.CustomResource] = {}
        for manifest in manifests:
            needs = list(made.values()) if manifest["kind"] in _WORKLOADS else []
            options = pulumi.ResourceOptions(
                parent=self,
                depends_on=needs,
                custom_timeouts=self._timeouts,
                ignore_changes=self._ignore_changes,
            )
            place, name = manifest["kind"], self._name
            if place in made:
                own = manifest["metadata"]["name"]
                place, name = f"{place}/{own}", f"{name}-{own}"
            made[place] = resource(name, manifest, options)
        return made

    def host(self, name: str, namespace: pulumi.Input[str]) -> pulumi.Output[str]:
        """The DNS name of a Service."""
        return pulumi.Output.concat(name, ".", namespace, ".svc.", CLUSTER_DOMAIN)
