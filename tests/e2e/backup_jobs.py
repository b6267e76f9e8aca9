"""Jobs of the backups' CronJob, as docs/backups.md starts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from otel_mesh_cli.core import waiting

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_S = 180


def run_job(
    kubectl: Callable[..., str],
    namespace: str,
    name: str,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> str:
    """Run a Job made from the CronJob; return the logs of its own containers once it has succeeded.

    Args:
        kubectl: Fixture of that name.
        namespace: Namespace of the CronJob.
        name: Name of the Job.
        change: Changes the specification of the pod.
    """
    place = ("-n", namespace)
    made = kubectl("create", *place, "job", name, "--from=cronjob/postgres-backup", "--dry-run=client", "-o", "json")
    job = json.loads(made)
    pod = job["spec"]["template"]["spec"]
    change(pod)
    kubectl("create", "-f", "-", input=json.dumps(job))

    def ended() -> str | None:
        status = json.loads(kubectl("get", *place, "job", name, "-o", "json")).get("status", {})
        met = {one["type"] for one in status.get("conditions", ()) if one["status"] == "True"}
        return next(iter(met & {"Complete", "Failed"}), None)

    def logs() -> str:
        containers = [*pod.get("initContainers", ()), *pod["containers"]]
        return "".join(kubectl("logs", *place, f"job/{name}", "-c", one["name"]) for one in containers)

    ending = waiting.wait(ended, _PATIENCE_S, lambda: f"{name}: runs", "see it")
    assert ending == "Complete", logs()
    return logs()


def restoring(pod: dict[str, Any], database: str) -> None:
    """Restore a database from the object store: what docs/backups.md does with jq."""
    (backup,), (store,) = pod["initContainers"], pod["containers"]
    pod["initContainers"] = [{**store, "args": ["fetch", database]}]
    pod["containers"] = [{**backup, "args": ["/etc/otel-mesh/backup/restore.sh", database]}]
