"""Security contexts of the restricted Pod Security Standard."""

from __future__ import annotations

from typing import Any, Final

DEFAULT_UID: Final = 10001
"""User and group ID of containers whose image requires no other; no user of the node has it."""


def security_context(uid: int = DEFAULT_UID, gid: int | None = None) -> dict[str, Any]:
    """The pod's security context; it applies to injected containers too.

    Args:
        uid: User ID of the processes.
        gid: Group ID of the processes and of the volumes' files; None: that of the user.
    """
    group = uid if gid is None else gid
    return {
        "runAsNonRoot": True,
        "runAsUser": uid,
        "runAsGroup": group,
        "fsGroup": group,
        # without it the kubelet changes owner and mode of all files of a database at every start
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> dict[str, Any]:
    """The container's security context, with a read-only root file system."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
