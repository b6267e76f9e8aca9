"""Traffic policy of one service: everything that its callers' requests meet on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from otel_mesh.catalog.model import Protocol  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest
from otel_mesh.core.network import service_host
from otel_mesh.core.values import DnsLabel, LabelValue, Port, Settings
from otel_mesh.mesh.policies.canary import ABTest, Canary  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.policies.fault import FaultInjection  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.mesh.policies.resilience import RateLimit, Resilience  # noqa: TC001 - pydantic reads it at run time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self


class TrafficPolicy(Settings):
    """What requests to a service meet. A mesh expresses all of it in one object per kind and host.

    Attributes:
        canary: A version that gets a part of the requests.
        ab_test: Versions that are compared.
        fault: Requests that are delayed or fail on purpose.
        resilience: Timeouts, retries and limits.
        rate_limit: Requests that each pod accepts.
    """

    canary: Canary | None = None
    ab_test: ABTest | None = None
    fault: FaultInjection | None = None
    resilience: Resilience | None = None
    rate_limit: RateLimit | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = list(self._contradictions())
        if problems:
            raise InvalidSettingsError(problems)
        return self

    def _contradictions(self) -> Iterator[Problem]:
        if self.canary is not None and self.ab_test is not None:
            yield Problem("ab_test", "the canary decides the version already", "set one of canary and ab_test")
        headers = {
            "canary.header": self.canary.header.name if self.canary and self.canary.header else None,
            "ab_test.header": self.ab_test.header if self.ab_test else None,
        }
        if self.fault is not None and self.fault.header is not None:
            for path, name in headers.items():
                if name == self.fault.header.name:
                    yield Problem("fault.header", f"{path} is the same header", "choose another header for one of them")

    @property
    def versions(self) -> tuple[str, ...]:
        """Versions that requests are routed to, beside the stable one."""
        if self.canary is not None:
            return (self.canary.version,)
        return tuple(dict.fromkeys(one.version for one in self.ab_test.groups.values())) if self.ab_test else ()


def subset_name(version: str) -> str:
    """The name of a version's group of pods: a DNS label."""
    return version.lower().replace(".", "-").replace("_", "-")


class Target(Settings):
    """A service that a policy is for.

    Attributes:
        service: Name of the Kubernetes Service, and of the workload.
        namespace: Namespace of the Service.
        port: Port of the Service and of its pods.
        protocol: Protocol of the port.
        version: Value of the ``version`` label of the stable version's pods.
        versions: Values of the ``version`` label of further versions' pods.
    """

    service: DnsLabel
    namespace: DnsLabel
    port: Port
    protocol: Protocol = "http"
    version: LabelValue
    versions: tuple[LabelValue, ...] = Field(default=())

    @property
    def host(self) -> str:
        """Fully qualified DNS name of the Service."""
        return service_host(self.service, self.namespace)

    def problems(self, policy: TrafficPolicy) -> list[Problem]:
        """Versions of a policy that the service does not have, or that cannot be told apart.

        Args:
            policy: Policy of the service.
        """
        known = (self.version, *self.versions)
        canary = "canary" if policy.canary is not None else "ab_test"
        found = [
            Problem(canary, f"'{name}' is not a version of {self.service}", nearest(name, known))
            for name in policy.versions
            if name not in known
        ]
        if policy.canary is not None and policy.canary.version == self.version:
            found.append(Problem("canary.version", f"'{self.version}' is the stable version", "name another one"))
        names: dict[str, str] = {}
        for version in dict.fromkeys((self.version, *policy.versions)):
            other = names.setdefault(subset_name(version), version)
            if other != version:
                reason = f"'{version}' and '{other}' differ in case or punctuation only"
                found.append(Problem(canary, reason, "rename one of the versions"))
        return found
