"""S1.2: an uninstall that would delete custom resources of others is refused before any change."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

DELETE = json.dumps({"mesh": {"istio": {"crds": "delete"}}})
UP = ("pulumi", "--", "up", "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs")
FOREIGN = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "Sidecar",
    "metadata": {"name": "theirs", "namespace": "default"},
    "spec": {"egress": [{"hosts": ["./*"]}]},
}


def test_definitions_in_use_by_others_are_not_deleted(
    run: Callable[..., CompletedProcess[str]], kubectl: Callable[..., str]
) -> None:
    changed = (sys.executable, "-m", "tests.e2e.changed_stack", DELETE)
    pods = ("get", "pods", "--all-namespaces", "-o", "jsonpath={.items[*].metadata.uid}")
    try:
        done = run(*changed, *UP, timeout=600)  # the state now marks them for deletion
        assert done.returncode == 0, done.stdout + done.stderr
        kubectl("apply", "-f", "-", input=json.dumps(FOREIGN))
        before = kubectl(*pods)
        for words in (("destroy",), ("up",)):
            change = DELETE if words == ("destroy",) else json.dumps({"mesh": {"kind": "none"}})
            program = (sys.executable, "-m", "tests.e2e.changed_stack", change)
            done = run(*program, "pulumi", "--", *words, "--yes", "--skip-preview", "--non-interactive", timeout=600)
            assert done.returncode == 2, done.stdout + done.stderr
            assert "would be deleted (mesh.istio.crds: delete)" in done.stderr
            assert "Sidecar default/theirs; nothing was done" in done.stderr
        assert kubectl(*pods) == before
    finally:
        kubectl("delete", "sidecars.networking.istio.io", "theirs", "-n", "default", "--ignore-not-found")
        done = run(sys.executable, "-m", "otel_mesh_cli", *UP, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
