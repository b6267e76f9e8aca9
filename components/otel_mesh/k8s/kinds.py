"""Kinds of custom resources, each bound to the type of its ``spec``: mypy finds a field that the kind does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

SpecT = TypeVar("SpecT", bound=Mapping[str, object])


@dataclass(frozen=True)
class Kind(Generic[SpecT]):
    """A kind of custom resource.

    Attributes:
        api_version: API group and version, such as ``networking.istio.io/v1``.
        name: Name of the kind, such as ``VirtualService``.
        spec: Type of the ``spec``: a TypedDict of the fields in use. Tests compare it with the kind's
            CustomResourceDefinition.
    """

    api_version: str
    name: str
    spec: type[SpecT]

    def manifest(self, metadata: Mapping[str, Any], spec: SpecT) -> Manifest:
        """An object of the kind.

        Args:
            metadata: Metadata of the object.
            spec: The object's ``spec``.
        """
        fields = cast("dict[str, Any]", dict(spec))
        return {"apiVersion": self.api_version, "kind": self.name, "metadata": dict(metadata), "spec": fields}
