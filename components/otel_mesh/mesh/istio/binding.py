"""What workloads have to know of an Istio."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otel_mesh.mesh.binding import CollectorIdentity, GatewayBinding, MeshBinding

if TYPE_CHECKING:
    from otel_mesh.mesh.istio.settings import IstioSettings

_REVISION_LABEL: Final = "istio.io/rev"
_DEFAULT_REVISION: Final = "default"

_INJECTED_BY: Final = "otel-mesh.dev/mesh-revision"
"""On pods of a named revision: a pod gets its sidecar when it is made, so that one that moves has to be made again."""


def istio_binding(
    settings: IstioSettings,
    *,
    gateway: GatewayBinding | None = None,
    collector: CollectorIdentity | None = None,
) -> MeshBinding:
    """The binding of an installed Istio.

    Args:
        settings: that it was installed with.
        gateway: where requests from outside enter.
        collector: whose identity telemetry is sent to.
    """
    return MeshBinding(
        kind="istio",
        version=settings.version,
        revision=settings.revision,
        trust_domain=settings.trust_domain,
        # names the control plane in any case: `istio-injection: enabled` would win over a revision
        namespace_labels={_REVISION_LABEL: settings.revision or _DEFAULT_REVISION},
        pod_annotations={_INJECTED_BY: settings.revision} if settings.revision else {},
        outside_labels={"sidecar.istio.io/inject": "false"},
        resource_attributes={"service.mesh": "istio", "service.mesh.version": settings.version},
        gateway=gateway,
        collector=collector,
    )
