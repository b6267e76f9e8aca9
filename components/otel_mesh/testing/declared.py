"""The objects that a program declares, as its tests ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from otel_mesh.check.callers import Callers
from otel_mesh.check.calls import Calls
from otel_mesh.check.families import check_index
from otel_mesh.check.findings import Severity
from otel_mesh.check.index import Index
from otel_mesh.check.objects import Object, mappings, objects
from otel_mesh.core.errors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh.check.findings import Finding
    from otel_mesh.check.workloads import Workload
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True)
class Declared:
    """What a program declares.

    Attributes:
        objects: Kubernetes objects in no particular order, values of Secrets in plain text. A Helm chart is one
            object of kind ``Chart`` with its version and values: only the engine renders it.
        outputs: Outputs of the stack; None if a value is known only after an update.
    """

    objects: tuple[Manifest, ...]
    outputs: Mapping[str, Any]

    def one(self, kind: str, name: str, namespace: str = "") -> Manifest:
        """The object of a kind with a name.

        Args:
            kind: Kind of the object, such as ``Deployment``.
            name: Name of the object.
            namespace: Namespace of the object; empty if the name is unique.

        Raises:
            LookupError: There is no such object, or one in each of several namespaces.
        """
        found = [
            one
            for one in self.objects
            if (one["kind"], one["metadata"]["name"]) == (kind, name)
            and namespace in ("", one["metadata"].get("namespace", ""))
        ]
        if len(found) == 1:
            return found[0]
        if found:
            places = ", ".join(sorted(str(one["metadata"].get("namespace", "")) for one in found))
            raise LookupError(f"{kind} '{name}' is in several namespaces: {places}")
        names = [str(one["metadata"]["name"]) for one in self.objects if one["kind"] == kind]
        place = f" in namespace '{namespace}'" if namespace else ""
        raise LookupError(f"no {kind} '{name}' is declared{place}; {nearest(name, names) if names else 'none at all'}")

    def variables(self, workload: str, container: str = "") -> dict[str, str | None]:
        """Environment variables of a container; None for a value from elsewhere, such as a Secret.

        Args:
            workload: Name of the workload, or ``namespace/name``.
            container: Name of the container; empty for the first.

        Raises:
            LookupError: There is no such workload or container.
        """
        found = self._workload(workload)
        containers = [one for _, one in mappings(found.spec.get("containers"))]
        for one in containers:
            if container in ("", one["name"]):
                return {str(each["name"]): each.get("value") for _, each in mappings(one.get("env"))}
        names = [str(one["name"]) for one in containers]
        raise LookupError(f"{found} has no container '{container}'; {nearest(container, names)}")

    def findings(self, environment: str = "") -> tuple[Finding, ...]:
        """Mistakes across the objects: those of `check_objects` that are errors or warnings.

        Args:
            environment: ``deployment.environment.name``; in ``production`` more is an error.
        """
        index = self._index if not environment else Index(self._index.objects, environment)
        return tuple(one for one in check_index(index) if one.severity is not Severity.INFO)

    def refusal(self, caller: str, callee: str) -> str | None:
        """Reason why the access policies of mesh and network refuse a call; None if they let it through.

        A rule for some routes of the callee counts as one for all of them.

        Args:
            caller: Name of the calling workload, or ``namespace/name``.
            callee: Name of the workload that is called, or ``namespace/name``.

        Raises:
            LookupError: There is no such workload.
        """
        refusal = self._calls.refusal(self._workload(caller), self._workload(callee))
        return refusal.reason if refusal else None

    def callers(self, callee: str) -> dict[str, frozenset[str]]:
        """Callers that the access policies let through, with their requests in words; an empty text for all requests.

        A caller is ``namespace/service account``, ``namespace x``, ``token x``, ``anyone in the mesh`` or ``anyone``.

        Args:
            callee: Name of the workload that is called, or ``namespace/name``.

        Raises:
            LookupError: There is no such workload.
        """
        return Callers(self._index).of(self._workload(callee))

    @cached_property
    def _index(self) -> Index:
        given: list[Object] = []
        for one in self.objects:
            given += objects([one])
        return Index(given)

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._index)

    def _workload(self, name: str) -> Workload:
        namespace, _, own = name.rpartition("/")
        found = [one for one in self._index.workloads if one.object.name == own and namespace in ("", one.namespace)]
        if len(found) == 1:
            return found[0]
        known = sorted(f"{one.namespace}/{one.object.name}" for one in self._index.workloads)
        if found:
            raise LookupError(f"workload '{name}' is not the only one: write one of {', '.join(map(str, found))}")
        raise LookupError(f"no workload '{name}' is declared; {nearest(name, known) if known else 'none at all'}")
