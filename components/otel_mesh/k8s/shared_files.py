"""A ConfigMap that several stacks fill: one stack owns the object, each other stack owns its keys in it.

Server-side apply keeps the owners apart: a stack cannot change another's key, and its `destroy` removes its own only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pulumi

from otel_mesh.core.labels import Role, recommended
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.manifests import metadata, patch

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest


@dataclass(frozen=True, kw_only=True)
class SharedFilesArgs:
    """Arguments of a `SharedFiles`.

    Attributes:
        namespace: Namespace of the ConfigMap.
        config_map: Name of the ConfigMap.
    """

    namespace: pulumi.Input[str]
    config_map: str


def shared_files_manifests(args: SharedFilesArgs) -> list[Manifest]:
    """The ConfigMap without a key of its own."""
    labels = recommended("shared-files", args.config_map, Role.METRICS)
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": metadata(args.config_map, labels, namespace=args.namespace),
        }
    ]


class SharedFiles(Component):
    """An empty ConfigMap for the files of other stacks."""

    TYPE: ClassVar[str] = "SharedFiles"

    def __init__(self, name: str, args: SharedFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.children(shared_files_manifests(args))
        self.register_outputs({})


@dataclass(frozen=True, kw_only=True)
class ContributedFilesArgs:
    """Arguments of a `ContributedFiles`.

    Attributes:
        namespace: Namespace of the ConfigMap.
        config_map: Name of the ConfigMap, which a `SharedFiles` of another stack owns.
        files: Text of each file by key; a key of another stack is rejected by the API server.
    """

    namespace: pulumi.Input[str]
    config_map: str
    files: dict[str, str]


class ContributedFiles(Component):
    """Files of this stack in a ConfigMap of another stack."""

    TYPE: ClassVar[str] = "ContributedFiles"

    def __init__(self, name: str, args: ContributedFilesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        manifest: Manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": args.config_map, "namespace": args.namespace},
            "data": dict(args.files),
        }
        patch(name, manifest, pulumi.ResourceOptions(parent=self))
        self.register_outputs({})
