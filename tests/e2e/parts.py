"""The parts that `make e2e-full PART=` runs one of: each takes 40 minutes at most on two cores.

One run of everything takes hours, which no machine of a CI has in one piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

ORDINARY: Final = "ordinary"
"""What `make e2e` runs: all tests without the marker `full`."""
BY_FILE: Final = {
    "test_contract": "load",
    "test_full_disk": "end",
    "test_interrupted_engine": "changes",
    "test_interrupted_up": "interrupted-up",
    "test_lifecycle": "node",
    "test_logs": "load",
    "test_mesh": "mesh",
    "test_mesh_control_plane": "mesh",
    "test_mesh_definitions": "mesh",
    "test_mesh_node": "mesh",
    "test_mesh_upgrade": "mesh",
    "test_on_call": "on-call",
    "test_order_failures": "load",
    "test_other_cluster": "other-cluster",
    "test_purge": "end",
    "test_rotation": "rotation",
    "test_soak": "load",
    "test_volumes": "node",
    "test_walkthroughs": "on-call",
}
"""Part of each file's tests with the marker `full`."""
DEPLOYMENTS: Final = ("deployments-1", "deployments-2")
"""First deployments that are killed, each with a destroy before it: an earlier and a later half of the points."""
_DEPLOYMENT: Final = "test_a_killed_deployment_is_finished_by_the_next_one"
NAMES: Final = tuple(dict.fromkeys((ORDINARY, *DEPLOYMENTS, *sorted(BY_FILE.values()))))


def of(item: pytest.Function, points: int) -> str:
    """The part that a test belongs to.

    Args:
        item: of tests/e2e.
        points: at how many points deployments are killed.

    Raises:
        KeyError: of its file nobody said.
    """
    if item.get_closest_marker("full") is None:
        return ORDINARY
    if item.originalname == _DEPLOYMENT:
        return DEPLOYMENTS[2 * item.callspec.indices["point"] >= points]
    return BY_FILE[item.path.stem]
