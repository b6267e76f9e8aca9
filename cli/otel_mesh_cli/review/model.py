"""One version of a stack as a model of its mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from otel_mesh.check.callers import identity
from otel_mesh.check.error_backends import is_error_backend
from otel_mesh.check.families import check_index
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects
from otel_mesh_cli.review import access, telemetry, transport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.workloads import Workload
    from otel_mesh_cli.review.access import Call
    from otel_mesh_cli.review.objects import Manifest
    from otel_mesh_cli.review.transport import Route


@dataclass(frozen=True)
class Version:
    """A version of a stack.

    Attributes:
        manifests: Its objects.
        environment: ``deployment.environment.name`` of the stack.
    """

    manifests: tuple[Manifest, ...]
    environment: str = ""

    @cached_property
    def index(self) -> Index:
        """The objects as the offline checks read them."""
        return Index(objects(self.manifests), self.environment)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of the offline checks, the worst first."""
        return check_index(self.index)

    @cached_property
    def workloads(self) -> Mapping[str, Workload]:
        """Workloads by ``namespace/name``, without error backends, which are the faults of routes."""
        return {one.object.place: one for one in self.index.workloads if not is_error_backend(one)}

    @cached_property
    def calls(self) -> frozenset[Call]:
        """Calls that the policies let through."""
        return access.calls(self.callers)

    @cached_property
    def denials(self) -> Mapping[str, str]:
        """Rules of AuthorizationPolicies that do not allow but deny or ask somebody else, by policy."""
        return access.denials(self.index)

    def is_meshed(self, place: str) -> bool:
        """Whether the pods of a workload get a proxy.

        Args:
            place: Workload, ``namespace/name``.
        """
        return self.index.injects(self.workloads[place])

    @cached_property
    def mtls(self) -> Mapping[str, str]:
        """Modes of mutual TLS by scope."""
        return transport.mtls(self.manifests)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """HTTP rules of VirtualServices, HTTPRoutes and GRPCRoutes."""
        return transport.routes(self.index)

    @cached_property
    def sampling(self) -> Mapping[str, float]:
        """Recorded share of the traces in percent, by who decides it."""
        return telemetry.sampling(self.manifests, self.workloads.values())

    @cached_property
    def pipelines(self) -> Mapping[str, tuple[str, ...]]:
        """Exporters of the Collectors' pipelines."""
        return telemetry.pipelines(self.manifests)

    @cached_property
    def dropping(self) -> Mapping[str, Mapping[str, Any]]:
        """Processors of the Collectors that drop data on purpose, with their configuration."""
        return telemetry.dropping(self.manifests)

    @cached_property
    def charts(self) -> Mapping[str, Mapping[str, Any]]:
        """Helm charts by ``namespace/name``, with version and values."""
        found = (one for one in self.manifests if one["kind"] == "Chart")
        return {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["spec"] for one in found}

    @cached_property
    def callers(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Requests that a workload accepts, by the workload and the caller."""
        return access.accepted(self.index)

    @cached_property
    def secrets(self) -> frozenset[tuple[str, str]]:
        """Secrets that the stack creates, by namespace and name."""
        found = (one["metadata"] for one in self.manifests if one["kind"] == "Secret")
        return frozenset((str(one.get("namespace", "")), str(one["name"])) for one in found)

    def identity_of(self, place: str) -> str:
        """The identity of a workload, ``namespace/service account``."""
        return identity(self.workloads[place])

    def mesh_of(self, place: str) -> str:
        """The mesh whose proxy the pods of a workload get; empty if they get none.

        Args:
            place: Workload, ``namespace/name``.
        """
        if not self.is_meshed(place):
            return ""
        workload = self.workloads[place]
        namespace = self.index.namespaces.get(workload.namespace)
        notes = workload.annotations | (namespace.annotations if namespace else {})
        return "Linkerd" if notes.get("linkerd.io/inject") in {"enabled", "ingress"} else "Istio"

    @cached_property
    def _identities(self) -> Mapping[str, str]:
        return {identity(one): one.object.place for one in self.workloads.values()}

    def workload_of(self, identity: str) -> str:
        """The workload that has an identity; the identity itself if there is none."""
        return self._identities.get(identity, identity)
