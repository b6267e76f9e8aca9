"""Every reviewed object of the mesh's kinds is accepted by the running API server and the mesh's own validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from tests.components.mesh.test_kinds import KINDS, reviewed
from tests.e2e.cluster_objects import as_list

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e


def test_objects_of_all_kinds_are_accepted(kubectl: Callable[..., str]) -> None:
    module = f"otel_mesh.mesh.{stack_mesh().kind}."
    mine = {(one.api_version, one.name) for one in KINDS if one.spec.__module__.startswith(module)}
    objects = [one for one in reviewed() if (one["apiVersion"], one["kind"]) in mine]
    assert {(one["apiVersion"], one["kind"]) for one in objects} == mine
    for place, one in enumerate(objects):
        one["metadata"] |= {"name": f"kinds-{place}", "namespace": "shop"}
    text = as_list(objects)
    told = kubectl("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=text)
    assert len(told.splitlines()) == len(objects)
