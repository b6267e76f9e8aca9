"""The rotation of Linkerd's trust anchor and issuer while requests go on, and the step that is refused."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from otel_mesh_cli.smoke import request
from tests.e2e.meshed_pods import until_whole
from tests.e2e.request_stream import requests_go_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
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
    """To the second generation under requests, and back without, so that the stack's file is right again.

    Each step replaces every pod once, the gateway's too. A request that the first service answers itself crosses two
    proxies. One that needs PostgreSQL, of which there is one pod, may fail until that is back, and is only counted.
    """

    def rotate(*steps: Mapping[str, object]) -> None:
        for step in steps:
            done = _identity(run, **step)
            assert done.returncode == 0, done.stdout + done.stderr
            until_whole(kubectl)

    new, both = {"generations": [2]}, {"generations": [1, 2]}
    with requests_go_on("/api/users/nobody", httpx.codes.BAD_REQUEST) as seen, requests_go_on() as reading:
        rotate(both, {**both, "issuer_generation": 2}, new)
    # an update that brings former pods back is over for the engine before they are ready: nothing to count here
    rotate({**both, "issuer_generation": 2}, {**both, "issuer_generation": 1}, {"generations": [1]})
    kinds = {"without a store": seen, "for a user, from PostgreSQL or the cache": reading}
    lines = (f"requests {kind}: {one.count}, {len(one.failures)} failed" for kind, one in kinds.items())
    record_property("table", "\n".join(lines))
    assert seen.failures == []
    request.run()
