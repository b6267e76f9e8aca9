"""Parts of `make e2e-full PART=`: each takes 40 minutes at most on two cores.

A complete run takes hours, longer than a CI job may run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

ORDINARY: Final = "ordinary"
"""The part of `make e2e`: all tests without the marker `full`."""
BY_FILE: Final = {
    "test_alertmanager": "load",
    "test_backup_store": "mesh",
    "test_collector_queue": "load",
    "test_contract": "load",
    "test_full_disk": "end",
    "test_interrupted_engine": "changes",
    "test_interrupted_up": "interrupted-up",
    "test_lifecycle": "node",
    "test_linkerd": "mesh",
    "test_linkerd_rotation": "mesh",
    "test_logs": "load",
    "test_mesh": "mesh",
    "test_mesh_control_plane": "mesh",
    "test_mesh_definitions": "mesh",
    "test_mesh_node": "mesh",
    "test_mesh_removal": "mesh",
    "test_mesh_upgrade": "mesh",
    "test_mesh_versions": "mesh",
    "test_on_call": "on-call",
    "test_order_failures": "load",
    "test_other_cluster": "other-cluster",
    "test_outside_stores": "mesh",
    "test_purge": "end",
    "test_rotation": "rotation",
    "test_soak": "load",
    "test_volumes": "node",
    "test_walkthroughs": "on-call",
}
"""Part of each file's tests with the marker `full`."""
DEPLOYMENTS: Final = ("deployments-1", "deployments-2")
"""Killed first deployments, each after a destroy: the earlier and the later half of the points."""
_DEPLOYMENT: Final = "test_a_killed_deployment_is_finished_by_the_next_one"
NAMES: Final = tuple(dict.fromkeys((ORDINARY, *DEPLOYMENTS, *sorted(BY_FILE.values()))))


def of(item: pytest.Function, points: int) -> str:
    """The part of a test.

    Args:
        item: Test in tests/e2e.
        points: Number of points at which deployments are killed.

    Raises:
        KeyError: `BY_FILE` has no entry for the test's file.
    """
    if item.get_closest_marker("full") is None:
        return ORDINARY
    if item.originalname == _DEPLOYMENT:
        return DEPLOYMENTS[2 * item.callspec.indices["point"] >= points]
    return BY_FILE[item.path.stem]
