"""What a platform grants to the stacks of teams: plain data that its stack exports."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from otel_mesh.core.values import DnsLabel, Environment, Settings
from otel_mesh.mesh.policies.access import Caller  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.policies.team_routes import TeamRoute  # noqa: TC001 - pydantic reads it at run time

SHARED_RULES: Final = "team-rules"
"""Name of the ConfigMap with the rule files of teams."""
SHARED_DASHBOARDS: Final = "team-dashboards"
"""Name of the ConfigMap with the dashboards of teams."""


class TeamGrants(Settings):
    """What a platform grants to the stacks of teams.

    Attributes:
        environment: ``deployment.environment.name`` of all telemetry.
        observability: Namespace of the ConfigMaps with the teams' rule files and dashboards.
        rules: Name of the ConfigMap with the rule files.
        dashboards: Name of the ConfigMap with the dashboards.
        callers: Workloads of teams that may call a service of the platform, by service.
        routes: Places at the gateway that services of teams may serve.
    """

    environment: Environment
    observability: DnsLabel
    rules: DnsLabel = SHARED_RULES
    dashboards: DnsLabel = SHARED_DASHBOARDS
    callers: dict[str, tuple[Caller, ...]] = Field(default_factory=dict)
    routes: tuple[TeamRoute, ...] = ()
