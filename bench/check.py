"""How long the offline checks take beside reading the same objects: `python -m bench.check`.

Each service has a ServiceAccount, a Service, a Deployment and the policies that a catalogue gives it: an
AuthorizationPolicy, a NetworkPolicy, a VirtualService with retries and a DestinationRule with subsets.
The baseline in the same run walks every value of the same objects. Times are CPU seconds: other programs do not count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING, Any

from otel_mesh import Severity, check_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = (100, 300, 1000)
_LIMIT_S = 2.0
_CALLERS = 3
_TEAM = 10


def _object(api: str, kind: str, name: str, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}}
    return made if spec is None else {**made, "spec": spec}


def service(number: int) -> Iterator[dict[str, Any]]:
    """The objects of one service, which up to `_CALLERS` others of its team of ten may call; one of ten is retried."""
    name = f"service-{number}"
    labels = {"app": name, "part-of": "shop"}
    first = number - number % _TEAM
    callers = [f"service-{one}" for one in range(max(first, number - _CALLERS), number)] or ["ingress"]
    yield _object("v1", "ServiceAccount", name)
    port = {"name": "http", "port": 8080, "targetPort": "http", "appProtocol": "http"}
    yield _object("v1", "Service", name, {"selector": labels, "ports": [port]})
    container = {"name": name, "image": f"registry.example/{name}", "ports": [{"name": "http", "containerPort": 8080}]}
    pod = {"serviceAccountName": name, "containers": [container]}
    template = {"metadata": {"labels": {**labels, "version": "v1"}}, "spec": pod}
    yield _object("apps/v1", "Deployment", name, {"selector": {"matchLabels": labels}, "template": template})
    source = {"principals": [f"cluster.local/ns/shop/sa/{caller}" for caller in callers]}
    rule = {"from": [{"source": source}], "to": [{"operation": {"ports": ["8080"]}}]}
    access = {"selector": {"matchLabels": labels}, "action": "ALLOW", "rules": [rule]}
    yield _object("security.istio.io/v1", "AuthorizationPolicy", f"{name}-callers", access)
    peers = [{"podSelector": {"matchLabels": {"app": caller}}} for caller in callers]
    network = {"podSelector": {"matchLabels": labels}, "ingress": [{"from": peers, "ports": [{"port": 8080}]}]}
    yield _object("networking.k8s.io/v1", "NetworkPolicy", name, network)
    route = {"destination": {"host": name, "subset": "v1", "port": {"number": 8080}}}
    retries = {"attempts": 0 if number % _TEAM else 2, "perTryTimeout": "500ms"}
    http = [{"route": [route], "timeout": "2s", "retries": retries}]
    yield _object("networking.istio.io/v1", "VirtualService", name, {"hosts": [name], "http": http})
    subsets = [{"name": "v1", "labels": {"version": "v1"}}]
    yield _object("networking.istio.io/v1", "DestinationRule", name, {"host": name, "subsets": subsets})


def objects(count: int) -> list[dict[str, Any]]:
    """The objects of a mesh with a number of services."""
    labels = {"istio-injection": "enabled"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": labels}}
    strict = _object("security.istio.io/v1", "PeerAuthentication", "default", {"mtls": {"mode": "STRICT"}})
    account = _object("v1", "ServiceAccount", "ingress")
    pod = _object("v1", "Pod", "ingress", {"serviceAccountName": "ingress", "containers": []})
    pod["metadata"]["labels"] = {"app": "ingress", "sidecar.istio.io/inject": "false"}
    return [namespace, strict, account, pod, *(one for number in range(count) for one in service(number))]


def _walk(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(_walk(one) for one in value.values())
    return 1 + sum(_walk(one) for one in value) if isinstance(value, list) else 1


def seconds(act: Callable[[], object], runs: int) -> float:
    """Median CPU seconds of some runs."""
    taken = []
    for _ in range(runs):
        begin = time.process_time()
        act()
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


def main() -> None:
    """Print a table, and what the objects' findings are: there must be none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median counts")
    runs = parser.parse_args().runs
    print(f"{'services':>8} {'objects':>8} {'walk s':>8} {'check s':>8} {'ratio':>7} {'ms/service':>11}")
    taken = 0.0
    for count in SIZES:
        given = objects(count)
        findings = [one for one in check_objects(given) if one.severity is not Severity.INFO]
        if findings:
            raise SystemExit(f"{len(findings)} findings, the first: {findings[0]}")
        walked = seconds(lambda given=given: [_walk(one) for one in given], runs)  # type: ignore[misc]
        taken = seconds(lambda given=given: check_objects(given), runs)  # type: ignore[misc]
        columns = f"{walked:8.3f} {taken:8.3f} {taken / walked:7.1f} {1000 * taken / count:11.3f}"
        print(f"{count:8} {len(given):8} {columns}")
    print(f"limit for {SIZES[-1]} services: {_LIMIT_S} s, taken {taken:.3f} s")


if __name__ == "__main__":
    main()
