"""The traffic policy of one service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import patch
from otel_mesh.mesh.binding import MeshBinding  # noqa: TC001 - a component plugin reads it at run time
from otel_mesh.mesh.control.renderers import renderer
from otel_mesh.mesh.policies.traffic import Target, TrafficPolicy

if TYPE_CHECKING:
    from otel_mesh.core.errors import Problem
    from otel_mesh.k8s.manifests import Manifest
    from otel_mesh.mesh.binding import MeshKind


@dataclass(frozen=True, kw_only=True)
class ServiceTrafficArgs:
    """Arguments of a `ServiceTraffic`.

    Attributes:
        target: The service.
        mesh: Binding of the mesh.
        settings: Policy of the service, or a mapping of its fields.
    """

    target: Target
    mesh: MeshBinding
    settings: TrafficPolicy = field(default_factory=TrafficPolicy)


def traffic_problems(policy: TrafficPolicy, target: Target, mesh: MeshBinding | MeshKind) -> list[Problem]:
    """Versions that a service lacks, and what the mesh cannot do of its policy.

    Args:
        policy: Policy of the service.
        target: The service.
        mesh: Binding of the mesh, or its kind.
    """
    found = target.problems(policy)
    try:
        return [*found, *renderer(mesh).traffic_problems(policy, target)]
    except InvalidSettingsError as error:
        return [*found, *error.problems]


def service_traffic_manifests(args: ServiceTrafficArgs, settings: TrafficPolicy) -> list[Manifest]:
    """The objects of one service's policy.

    Args:
        args: Arguments of the component.
        settings: Policy of the service.

    Raises:
        InvalidSettingsError: The policy names a version that the service lacks, asks for what the mesh cannot do, or
            there is no mesh.
    """
    target = parse(Target, args.target, "target")
    if problems := traffic_problems(settings, target, args.mesh):
        raise InvalidSettingsError(problems)
    return renderer(args.mesh).traffic(settings, target)


class ServiceTraffic(Component):
    """Applies a traffic policy to the requests of one service's callers.

    All policies of a service are one object of each kind: a mesh's behaviour with two is undefined.
    """

    TYPE: ClassVar[str] = "ServiceTraffic"

    def __init__(self, name: str, args: ServiceTrafficArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(TrafficPolicy, args.settings)
        manifests = service_traffic_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        if annotations := renderer(args.mesh).service_annotations(settings):
            meta = {"name": args.target.service, "namespace": args.target.namespace, "annotations": annotations}
            own = pulumi.ResourceOptions(parent=self, custom_timeouts=self._timeouts)
            patch(f"{name}-service", {"apiVersion": "v1", "kind": "Service", "metadata": meta}, own)
        self.register_outputs({})
