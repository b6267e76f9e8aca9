"""The commands of docs/backups.md make the Jobs that the tests of the environment run."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from tests.components.scenarios import SCENARIOS
from tests.e2e.backup_jobs import restoring

FILTER = re.compile(r"\| jq '(.+?)'", re.DOTALL)
DATABASE = "order_service"


def job(scenario: str) -> dict[str, Any]:
    """The Job that `kubectl create job --from=cronjob/postgres-backup` prints."""
    (cron,) = (one for one in SCENARIOS[scenario]() if one["kind"] == "CronJob")
    made: dict[str, Any] = json.loads(json.dumps(cron["spec"]["jobTemplate"]))
    return made


@pytest.mark.skipif(shutil.which("jq") is None, reason="runs the page's commands by jq")
def test_the_jobs_of_the_page_restore() -> None:
    from_volume, from_store = FILTER.findall((repo_dir() / "docs" / "backups.md").read_text())

    def changed(text: str, made: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(["jq", text], input=json.dumps(made), capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    expected = job("postgres-backup")
    expected["spec"]["template"]["spec"]["containers"][0]["args"] = ["/etc/otel-mesh/backup/restore.sh", DATABASE]
    assert changed(from_volume, job("postgres-backup")) == expected
    expected = copy.deepcopy(job("postgres-backup-store"))
    restoring(expected["spec"]["template"]["spec"], DATABASE)
    assert changed(from_store, job("postgres-backup-store")) == expected
