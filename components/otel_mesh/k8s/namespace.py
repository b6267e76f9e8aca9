"""A namespace for workloads, with the restricted Pod Security Standard and in the mesh if there is one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role, recommended
from otel_mesh.core.values import DnsLabel, Settings
from otel_mesh.k8s import cluster_objects
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


class NamespaceSettings(Settings):
    """Settings of a `Namespace`.

    Attributes:
        name: Name of the namespace.
        meshed: Whether the pods of the namespace join the mesh.
    """

    name: DnsLabel
    meshed: bool = True


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """Arguments of a `Namespace`.

    Attributes:
        settings: Settings, or a mapping of their fields.
        mesh: Mesh of the cluster.
    """

    settings: NamespaceSettings
    mesh: MeshBinding = field(default_factory=NoMesh)


def namespace_manifests(args: NamespaceArgs, settings: NamespaceSettings) -> list[Manifest]:
    """The Namespace."""
    labels = recommended(settings.name, settings.name, Role.NAMESPACE)
    annotations: dict[str, str] = {}
    if settings.meshed:
        labels |= args.mesh.namespace_labels
        annotations = args.mesh.namespace_annotations
    return [cluster_objects.namespace(settings.name, labels, annotations)]


class Namespace(Component):
    """A namespace that admits only pods of the restricted Pod Security Standard.

    Attributes:
        namespace: Name of the namespace, known once it exists: objects that use it are created later.

    Raises:
        InvalidSettingsError: The settings are invalid.
    """

    TYPE: ClassVar[str] = "Namespace"

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(NamespaceSettings, args.settings)
        super().__init__(name, opts)
        made = self.children(namespace_manifests(args, settings))["Namespace"]
        self.namespace = pulumi.Output.all(settings.name, made.urn).apply(lambda values: str(values[0]))
        self.register_outputs({"namespace": self.namespace})
