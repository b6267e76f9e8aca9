"""Traffic policies for tests: the figures of a mesh tutorial, and any valid policy."""

from __future__ import annotations

from typing import Any, Final

import yaml
from hypothesis import strategies as st

from otel_mesh import TrafficPolicy
from otel_mesh.mesh.policies.traffic import Target
from otel_mesh_cli.core.paths import repo_dir

TARGET: Final = Target(service="orders", namespace="shop", port=8082, version="v1", versions=("v2", "v3"))
GRPC: Final = TARGET.model_copy(update={"protocol": "grpc", "port": 8081})


def example(mesh: str) -> dict[str, Any]:
    """The policy of examples/traffic for a mesh."""
    content = yaml.safe_load((repo_dir() / "examples" / "traffic" / f"Pulumi.{mesh}.yaml").read_text())
    policy: dict[str, Any] = content["config"]["traffic:policy"]
    return policy


TUTORIAL: Final = example("istio")
"""Canary by header and 10 %; 10 % delayed by 5 s, 5 % answered with 503; 100 connections, 50 pending, 100 requests;
5 errors, 30 s, 30 s, 50 %."""

_VERSIONS = st.sampled_from(["v2", "v3"])
_HEADERS = st.sampled_from([{"name": "x-beta"}, {"name": "x-tester", "value": "yes"}])
_PERCENT = st.floats(0, 100, allow_nan=False).map(lambda value: round(value, 2))
_CANARIES = st.fixed_dictionaries(
    {"version": _VERSIONS, "weight": st.integers(0, 100)},
    optional={"header": st.one_of(st.none(), st.just({"name": "x-canary"}))},
)
_AB_TESTS = st.integers(0, 100).map(
    lambda share: {
        "groups": {"control": {"version": "v1", "weight": 100 - share}, "new": {"version": "v2", "weight": share}}
    }
)
_DELAYS = st.fixed_dictionaries({"duration": st.sampled_from(["1ms", "5s", "1m"]), "percentage": _PERCENT})
_ABORTS = st.fixed_dictionaries({"status": st.integers(400, 599), "percentage": _PERCENT})
_FAULTS = st.one_of(
    st.fixed_dictionaries({"delay": _DELAYS}, optional={"abort": _ABORTS, "header": _HEADERS}),
    st.fixed_dictionaries({"abort": _ABORTS}, optional={"header": _HEADERS}),
)
_RESILIENCE = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.just("10s"),
        "retries": st.fixed_dictionaries({"attempts": st.integers(0, 3)}, optional={"try_timeout": st.just("2s")}),
        "connections": st.fixed_dictionaries({}, optional={"max_requests": st.integers(1, 1000)}),
        "outliers": st.fixed_dictionaries({}, optional={"consecutive_errors": st.integers(1, 100)}),
    },
)
_LIMITS = st.fixed_dictionaries({"requests": st.integers(1, 1000)}, optional={"interval": st.just("1m")})


def policies() -> st.SearchStrategy[TrafficPolicy]:
    """Any valid policy of `TARGET`."""
    routed: st.SearchStrategy[dict[str, Any]] = st.one_of(
        st.just({}),
        st.fixed_dictionaries({"canary": _CANARIES}),
        st.fixed_dictionaries({"ab_test": _AB_TESTS}),
    )
    rest = st.fixed_dictionaries({}, optional={"fault": _FAULTS, "resilience": _RESILIENCE, "rate_limit": _LIMITS})
    return st.builds(lambda one, other: TrafficPolicy.model_validate({**one, **other}), routed, rest)
