"""Parts that all pods share: hardening, probes, environment, scratch space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_UID: Final = 10001
"""User and group of our containers: no user of the node has it."""


def rolling_update() -> dict[str, Any]:
    """Replaces pods one by one, each new one ready before an old one goes; works on a single node."""
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def security_context(uid: int = DEFAULT_UID) -> dict[str, Any]:
    """The pod's part of the restricted Pod Security Standard, for injected containers too."""
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": uid,
        "fsGroup": uid,
        # a database's files are not walked at every start, and keep the modes that it wants
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> dict[str, Any]:
    """The container's part of the restricted Pod Security Standard, and a read-only root file system."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def http_probe(path: str, port: str, *, period: int, failures: int, timeout: int = 2) -> dict[str, Any]:
    """A probe by HTTP GET.

    Args:
        path: of the endpoint.
        port: its name.
        period: seconds between two tries.
        failures: tries in a row that must fail.
        timeout: seconds for one try.
    """
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }


def grpc_probe(service: str, port: int, *, period: int, failures: int, timeout: int = 2) -> dict[str, Any]:
    """A probe by gRPC's health protocol, ``grpc.health.v1``.

    Args:
        service: whose health is asked for.
        port: its number: Kubernetes takes no name here.
        period: seconds between two tries.
        failures: tries in a row that must fail.
        timeout: seconds for one try.
    """
    return {
        "grpc": {"port": port, "service": service},
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": timeout,
    }


def env_from_fields(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Environment variables from the downward API, e.g. ``{"POD_IP": "status.podIP"}``."""
    return [{"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()]


def env(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Environment variables with plain values."""
    return [{"name": name, "value": value} for name, value in values.items()]


def ports(named: Mapping[str, int]) -> list[dict[str, Any]]:
    """Container ports."""
    return [{"name": name, "containerPort": number} for name, number in named.items()]


def scratch_volumes(mounts: Mapping[str, str], size: str = "64Mi") -> tuple[list[Any], list[Any]]:
    """Small writable directories beside the read-only root: (volumes, mounts) for name to path."""
    volumes = [{"name": name, "emptyDir": {"sizeLimit": size}} for name in mounts]
    return volumes, [{"name": name, "mountPath": path} for name, path in mounts.items()]
