"""The rotation of Linkerd's trust anchor and issuer while requests go on, and the step that is refused."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.smoke import request
from tests.e2e.meshed_pods import until_whole
from tests.e2e.request_stream import requests_go_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full, pytest.mark.in_order]

UP = ("pulumi", "--", "up", "--yes", "--skip-preview", "--non-interactive", "--suppress-outputs")


def _identity(run: Callable[..., CompletedProcess[str]], **identity: Any) -> CompletedProcess[str]:  # noqa: ANN401
    changes = json.dumps({"mesh": {"linkerd": {"identity": identity}}})
    return run(sys.executable, "-m", "tests.e2e.changed_stack", changes, *UP, timeout=900)


def test_a_replacement_in_one_step_is_refused(run: Callable[..., CompletedProcess[str]]) -> None:
    done = _identity(run, generations=[2])
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "mesh.linkerd.identity.generations: drop 1, which has issued the certificates of running pods" in said
    assert "deploy generations: [1, 2] first" in said
    assert "nothing was changed" in said


def test_a_rotation_in_its_steps_loses_no_request(
    run: Callable[..., CompletedProcess[str]],
    kubectl: Callable[..., str],
    record_property: Callable[[str, object], None],
) -> None:
    """To the second generation and back, so that the stack's file is right again."""
    steps = (
        {"generations": [1, 2]},
        {"generations": [1, 2], "issuer_generation": 2},
        {"generations": [1, 2], "issuer_generation": 1},
        {"generations": [1]},
    )
    with requests_go_on() as seen:
        for step in steps:
            done = _identity(run, **step)
            assert done.returncode == 0, done.stdout + done.stderr
            until_whole(kubectl)
    record_property("table", f"{seen.count} requests, {len(seen.failures)} failed")
    assert seen.failures == []
    request.run()
