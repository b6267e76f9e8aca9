"""The base class of all components."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

import pulumi

from otel_mesh.core.network import CLUSTER_DOMAIN
from otel_mesh.k8s.manifests import Manifest, resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PACKAGE: Final = "otel-mesh"
"""Pulumi package of the type tokens."""

READY_TIMEOUT: Final = "120s"
"""Time that an object may take to become ready, unless ``custom_timeouts`` of the component is set.

Pulumi's default of 10 minutes delays the report of a pod that cannot start: the provider names the pod's reason
(``ImagePullBackOff``, ``Unschedulable``...) when the time is up.
"""

_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})


def _token(last_part: str) -> str:
    return f"{PACKAGE}:index:{last_part}"


def _both(one: Sequence[str] | None, other: Sequence[str] | None) -> list[str] | None:
    return [*(one or ()), *(other or ())] or None


class Component(pulumi.ComponentResource):
    """A group of Kubernetes objects with one parent and typed outputs.

    A subclass sets `TYPE`, registers its objects with `children` and calls `register_outputs` at the end.

    Args:
        name: Name of the component in the stack.
        opts: Pulumi's resource options; all of them apply to the children, also ``custom_timeouts`` (in place of
            `READY_TIMEOUT`) and ``ignore_changes`` (such as ``spec.replicas`` for an autoscaler), which Pulumi itself
            does not pass on.
    """

    TYPE: ClassVar[str]
    """Last part of the type token; it stays when the class is renamed, so that no deployed object is replaced."""

    FORMER_TYPES: ClassVar[tuple[str, ...]] = ()
    """Values of `TYPE` in earlier versions; objects deployed under them are adopted instead of replaced."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        opts = opts or pulumi.ResourceOptions()
        if self.FORMER_TYPES:
            former = [pulumi.Alias(type_=_token(one)) for one in self.FORMER_TYPES]
            opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=former))
        # without inputs: a preview then reports a changed object once, and not its component too
        super().__init__(_token(self.TYPE), name, None, opts)
        self._name = name
        self._timeouts = opts.custom_timeouts or pulumi.CustomTimeouts(create=READY_TIMEOUT, update=READY_TIMEOUT)
        self._ignore_changes = opts.ignore_changes

    def children(
        self, manifests: Sequence[Manifest], unmanaged: Mapping[str, Sequence[str]] | None = None
    ) -> dict[str, pulumi.CustomResource]:
        """Registers objects as children of the component.

        Args:
            manifests: Objects, dependencies first: a workload depends on all objects before it except other workloads.
                The resource name of an object is the component's name followed by the object's, or just the name that
                they share.
            unmanaged: Fields of Deployments that others change once they are created, by the object's name.

        Returns:
            The resources by kind, further ones of a kind by kind and name: ``Secret/other``.
        """
        made: dict[str, pulumi.CustomResource] = {}
        names = {(one["kind"], self._resource_name(one)) for one in manifests}
        for manifest in manifests:
            kind, own = manifest["kind"], manifest["metadata"]["name"]
            needs = []
            if kind in _WORKLOADS:
                needs = [one for place, one in made.items() if place.partition("/")[0] not in _WORKLOADS]
            fields = (unmanaged or {}).get(own) if kind == "Deployment" else None
            place, former = (kind, self._name) if kind not in made else (f"{kind}/{own}", f"{self._name}-{own}")
            options = pulumi.ResourceOptions(
                parent=self,
                depends_on=needs,
                custom_timeouts=self._timeouts,
                ignore_changes=_both(self._ignore_changes, fields),
                # names of objects deployed before 2026-12 depended on what else the component made
                aliases=[] if (kind, former) in names else [pulumi.Alias(name=former)],
            )
            made[place] = resource(self._resource_name(manifest), manifest, options)
        return made

    def _resource_name(self, manifest: Manifest) -> str:
        """The resource name of an object, in which no other object has a part.

        If it passed to another object, as the first of its kind does when the one before it is no longer made, the
        engine would update that object under its new name and then delete it under its former one.
        """
        own = manifest["metadata"]["name"]
        known = isinstance(own, str) and own != self._name  # the name of a ClusterRole contains the namespace's
        return f"{self._name}-{own}" if known else self._name

    def host(self, name: str, namespace: pulumi.Input[str]) -> pulumi.Output[str]:
        """The DNS name of a Service."""
        return pulumi.Output.concat(name, ".", namespace, ".svc.", CLUSTER_DOMAIN)
