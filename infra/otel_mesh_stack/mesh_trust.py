"""The certificates of a running Linkerd, compared with a stack's settings before anything is changed."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from kubernetes import client

from otel_mesh import TRUST_MARKER, DeployedTrust, InvalidSettingsError, Problem, rotation_problems
from otel_mesh_stack import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_mesh import GivenIdentity
    from otel_mesh_stack.model import StackSettings

_TIMEOUT_SECONDS: Final = (5, 10)
_ANCHORS, _ISSUER, _DEPLOYMENT = "linkerd-identity-trust-roots", "linkerd-identity-issuer", "linkerd-identity"


def require_rotation(settings: StackSettings, given: GivenIdentity | None) -> None:
    """Rejects a change of the mesh's certificates that running pods cannot follow.

    Args:
        settings: Settings of the stack.
        given: The user's own certificates; None if the mesh generates them.

    Raises:
        InvalidSettingsError: A step of the rotation is left out.
    """
    if (mesh := settings.mesh.rotated) is None:
        return
    if (deployed := deployed_trust(settings.cluster.context, mesh.namespace)) is None:
        return
    anchors, issuer = (None, None) if given is None else (str(given.trust_anchors), given.issuer_certificate)
    found = rotation_problems(deployed, mesh.identity, anchors, None if issuer is None else str(issuer))
    if found:
        raise InvalidSettingsError(Problem(_place(one.path), one.reason, one.remedy) for one in found)


def _place(path: str) -> str:
    of_files = {"trust_anchors": "mesh.linkerd_trust_anchors", "issuer_certificate": "mesh.linkerd_issuer"}
    return of_files.get(path, f"mesh.linkerd.identity.{path}")


def deployed_trust(context: str, namespace: str) -> DeployedTrust | None:
    """The certificates in the cluster; None if no Linkerd runs there, or its objects may not be read.

    Args:
        context: Context of the kubeconfig.
        namespace: Namespace of the control plane.
    """
    with identity.api_client(context) as api:
        core = client.CoreV1Api(api)
        anchors = _object(core.read_namespaced_config_map, _ANCHORS, namespace)
        deployment = _object(client.AppsV1Api(api).read_namespaced_deployment, _DEPLOYMENT, namespace)
        if anchors is None or deployment is None:
            return None
        issuer = _object(core.read_namespaced_secret, _ISSUER, namespace)
        annotations = deployment.spec.template.metadata.annotations or {}
        return DeployedTrust(
            anchors=(anchors.data or {}).get("ca-bundle.crt", ""),
            issuer=None if issuer is None else _text((issuer.data or {}).get("tls.crt", "")),
            marker=annotations.get(TRUST_MARKER, ""),
        )


def _object(read: Callable[..., Any], name: str, namespace: str) -> Any:  # noqa: ANN401 - of several types
    try:
        return read(name, namespace, _request_timeout=_TIMEOUT_SECONDS)
    except client.ApiException as error:
        if error.status in (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN):
            return None
        raise


def _text(encoded: str) -> str:
    try:
        return base64.b64decode(encoded).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
