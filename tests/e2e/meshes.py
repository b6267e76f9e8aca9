"""Meshes that the tests are about: `make e2e MESH=linkerd` runs the tests of one mesh, on the mesh of the stack's file.

`python -m tests.e2e.meshes KIND` says whether the stack's file selects that mesh; its exit status is 2 if not.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.stacks import stack_file
from otel_mesh_cli.stacks.stack_mesh import stack_mesh

if TYPE_CHECKING:
    import pytest

    from otel_mesh_cli.stacks.stack_mesh import StackMesh

KINDS: Final = ("istio", "linkerd")


@dataclass(frozen=True)
class About:
    """Meshes that the tests of a file are about."""

    kinds: tuple[str, ...]
    """Meshes that they run on."""
    reason: str = ""
    """Why they do not run on the others."""
    gateway: bool = False
    """Whether they need a gateway of the stack's own, which Linkerd has with ``mesh.gateway_api`` only."""


_BOTH: Final = About(KINDS)
_BEHIND_A_GATEWAY: Final = About(KINDS, gateway=True)
_NO_GATEWAY: Final = "a gateway, which the stack has none of (docs/linkerd.md, Requests from outside)"


def _istio(reason: str) -> About:
    return About(("istio",), reason)


def _linkerd(reason: str) -> About:
    return About(("linkerd",), reason)


BY_FILE: Final = {
    "test_access": _BOTH,
    "test_trace": _BOTH,
    "test_external_calls": _istio("an https host without addresses, which Linkerd refuses (tests/infra)"),
    "test_gateway_tls": _BEHIND_A_GATEWAY,
    "test_istio_analyzers": _istio("analyzers of the module that istiod is built from"),
    "test_istio_traffic": _istio("what only its routes express"),
    "test_linkerd": _linkerd("names and answers of Linkerd's proxies; test_mesh is about Istio's"),
    "test_linkerd_rotation": About(
        ("linkerd",), "certificates of `mesh.linkerd.identity`; istiod renews its own", gateway=True
    ),
    "test_linkerd_traffic": _linkerd("what only its routes express"),
    "test_mesh": _istio("names and answers of Istio's proxies and gateway; test_linkerd is about Linkerd's"),
    "test_mesh_backends": _istio("backends exposed with tokens, which Envoy Gateway would forward"),
    "test_mesh_control_plane": _BOTH,
    "test_mesh_definitions": _istio("definitions of Istio's chart `base`"),
    "test_mesh_experiments": _istio("a VirtualService that marks requests at the gateway"),
    "test_mesh_metrics": _istio("series of Envoy; test_linkerd reads those of Linkerd's proxies"),
    "test_mesh_node": _istio("istio-cni's repair of pods"),
    "test_mesh_removal": _istio("istiod's webhooks, and definitions of Istio's chart `base`"),
    "test_mesh_tokens": _istio("RequestAuthentication, which Linkerd has no counterpart of"),
    "test_mesh_upgrade": _istio("revisions of istiod; Linkerd has no revisions"),
    "test_mesh_versions": _istio("the label that tells Istio's proxies their version"),
    "test_network": _istio("the gateway's connections, and refusals in the logs of Istio's proxies"),
    "test_outside_stores": _istio("ServiceEntries for stores outside the cluster"),
    "test_team_stack": _BEHIND_A_GATEWAY,
    "test_traffic": _BOTH,
}
"""Meshes by file. The tests of other files run on each mesh, and without one."""


def why_not(item: pytest.Function, mesh: StackMesh) -> str | None:
    """Why a test does not run on a mesh; None if it does.

    Args:
        item: Test in tests/e2e.
        mesh: The stack's mesh.
    """
    about = BY_FILE.get(item.path.stem)
    if about is None:
        return None
    if about.gateway and not mesh.gateway:
        return _NO_GATEWAY
    if mesh.kind in about.kinds or (not mesh.installed and about.kinds == KINDS):
        return None
    return about.reason


def other_mesh(wanted: str) -> str | None:
    """What is wrong with the stack's file for the tests of a mesh; None if it selects that mesh.

    Args:
        wanted: Kind of the mesh.
    """
    if (kind := stack_mesh().kind) == wanted:
        return None
    file = stack_file.require(stack_file.LOCAL).name
    return f"{file}: mesh.kind is {kind}; set it to {wanted} (its programs: docs/{wanted}.md)"


def main(words: list[str]) -> int:
    """Report whether the stack's file selects the mesh in the only argument, and return the exit status."""
    (wanted,) = words
    known = wanted in KINDS
    problem = other_mesh(wanted) if known else f"MESH={wanted}: not one of {', '.join(KINDS)}"
    if problem is None:
        return 0
    sys.stderr.write(f"{problem}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
