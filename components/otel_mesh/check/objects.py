"""Kubernetes objects as checks read them: any value may be missing or have the wrong type."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ISTIO: Final = "istio"
GATEWAY_API: Final = "gateway-api"
LINKERD: Final = "linkerd"
MONITORING: Final = "monitoring"
KUBERNETES: Final = ""

_CLUSTER_KINDS: Final = frozenset(
    {
        "APIService",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "GatewayClass",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "StorageClass",
        "ValidatingWebhookConfiguration",
    }
)
_DEFAULT_NAMESPACE: Final = "default"


def mapping(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[tuple[int, dict[str, Any]]]:
    """The mappings in a list, with their positions."""
    return [(place, one) for place, one in enumerate(items(value)) if isinstance(one, dict)]


def words(value: object) -> list[str]:
    """The strings in a list."""
    return [one for one in items(value) if isinstance(one, str)]


def text(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """The value as a whole number, None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


class Object:
    """A Kubernetes object.

    Args:
        manifest: Content of the object.
        source: File the object comes from; empty for a stack's.
        line: Line of the file where the object begins.
        document: Position of its document in the file.
    """

    def __init__(self, manifest: Mapping[str, Any], source: str = "", line: int = 0, document: int = 0) -> None:
        self.manifest = dict(manifest)
        self.source = source
        self.line = line
        self.document = document
        self.kind = text(manifest.get("kind"))
        self.group = _group(text(manifest.get("apiVersion")))
        self.metadata = mapping(manifest.get("metadata"))
        self.name = text(self.metadata.get("name")) or text(self.metadata.get("generateName"))
        self.namespace = (
            "" if self.kind in _CLUSTER_KINDS else text(self.metadata.get("namespace")) or _DEFAULT_NAMESPACE
        )

    @property
    def family(self) -> str:
        """The system that the object configures: `ISTIO`, `GATEWAY_API`, `LINKERD` or `MONITORING`; else empty."""
        if self.group.endswith("istio.io"):
            return ISTIO
        if self.group.endswith("linkerd.io"):
            return LINKERD
        return {"gateway.networking.k8s.io": GATEWAY_API, "monitoring.coreos.com": MONITORING}.get(
            self.group, KUBERNETES
        )

    @cached_property
    def spec(self) -> dict[str, Any]:
        """The field ``spec``."""
        return mapping(self.manifest.get("spec"))

    @cached_property
    def labels(self) -> dict[str, Any]:
        """Labels of the object."""
        return mapping(self.metadata.get("labels"))

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """Annotations of the object."""
        return mapping(self.metadata.get("annotations"))

    @property
    def place(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.place}"

    def __repr__(self) -> str:
        return f"<{self}>"


def _group(version: str) -> str:
    return version.partition("/")[0] if "/" in version else ""


def objects(manifests: Iterable[Mapping[str, Any]]) -> Iterator[Object]:
    """The objects of manifests; the items of a List are objects of their own."""
    for manifest in manifests:
        yield from unpacked(Object(manifest))


def unpacked(one: Object) -> Iterator[Object]:
    """The object itself, or the items of a List."""
    if not one.kind.endswith("List") or "items" not in one.manifest:
        yield one
        return
    for _, item in mappings(one.manifest["items"]):
        yield from unpacked(Object(item, one.source, one.line, one.document))
