"""Comments in pull requests of GitHub, and results of code scanning.

The token of a workflow run comes from GITHUB_TOKEN; the other variables are those that every GitHub Actions job has.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.publish import text as report_text
from otel_mesh_cli.publish.code_host import Api, variable

_IN_ACTIONS: Final = "run it in a job of GitHub Actions, or set it"
_PERMISSION: Final = "give the job `permissions: pull-requests: write`; a pull request from a fork never has it"
_SCANNING: Final = "give the job `permissions: security-events: write` and enable code scanning"
_FROM_FORK: Final = "Made without secrets by the code of the pull request itself, which may say anything here."
_NO_PULL_REQUEST: Final = "run it in a workflow on `pull_request` or `workflow_run`, or give --number"


class GitHub:
    """The pull request of a workflow run.

    Args:
        number: Number of the pull request; None for that of the event.

    Raises:
        CommandError: A variable of the job is not set.
    """

    longest = 65_536

    def __init__(self, number: int | None = None) -> None:
        self._repository = variable("GITHUB_REPOSITORY", _IN_ACTIONS)
        self._number = number
        self._url = os.environ.get("GITHUB_API_URL", "https://api.github.com")
        self._headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {variable('GITHUB_TOKEN', 'pass the token of the job')}",
            "X-GitHub-Api-Version": "2022-11-28",
        }

    def publish(self, text: str) -> str:
        """Post a report, or update the comment that has its mark.

        Args:
            text: The report.

        Raises:
            CommandError: The API refuses, or there is no pull request.
        """
        with self._api(_PERMISSION) as api:
            return self._published(api, text)

    def _published(self, api: Api, text: str) -> str:
        if "workflow_run" in self._event:
            text = report_text.noted(text, _FROM_FORK)
        body = {"body": report_text.fitted(text, self.longest, self._whole())}
        comments = f"{self._path}/issues/{self._pull_request(api)}/comments"
        user = api.allows("/user", "who the token belongs to")  # tokens of apps and jobs may not ask
        found = [
            one
            for one in api.pages(f"{comments}?per_page=100", "list comments")
            if report_text.mark(one["body"] or "") == report_text.mark(text) and _is_own(one["user"] or {}, user)
        ]
        if not found:
            return f"created {api.call('POST', comments, 'create a comment', body)['html_url']}"
        first, *others = found
        answer = api.call("PATCH", f"{self._path}/issues/comments/{first['id']}", "update a comment", body)
        for one in others:  # of two runs at the same time
            api.call("DELETE", f"{self._path}/issues/comments/{one['id']}", "delete a second comment")
        return f"updated {answer['html_url']}"

    def scanned(self, log: str) -> str:
        """Upload a SARIF log to code scanning.

        Args:
            log: The log.

        Raises:
            CommandError: The API refuses.
        """
        packed = base64.b64encode(gzip.compress(log.encode(), mtime=0)).decode()
        with self._api(_SCANNING) as api:
            if run := self._event.get("workflow_run"):
                commit, reference = run["head_sha"], f"refs/pull/{self._pull_request(api)}/head"
            else:
                commit, reference = variable("GITHUB_SHA", _IN_ACTIONS), variable("GITHUB_REF", _IN_ACTIONS)
            body = {"commit_sha": commit, "ref": reference, "sarif": packed}
            api.call("POST", f"{self._path}/code-scanning/sarifs", "upload to code scanning", body)
        return f"uploaded for {reference} at {commit}"

    @property
    def _path(self) -> str:
        return f"/repos/{self._repository}"

    @cached_property
    def _event(self) -> dict[str, Any]:
        file = os.environ.get("GITHUB_EVENT_PATH")
        if not file:
            return {}
        found: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        return found

    def _api(self, remedy: str) -> Api:
        return Api("GitHub", self._url, self._headers, remedy)

    def _pull_request(self, api: Api) -> int:
        """The number of the pull request; nothing that the pull request's own code wrote is trusted with it."""
        if self._number is not None:
            return self._number
        if "pull_request" in self._event:
            return int(self._event["pull_request"]["number"])
        if run := self._event.get("workflow_run"):
            # the event of a fork's run names no pull requests
            head = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
            path = f"{self._path}/pulls?state=open&per_page=100&head={quote(head)}"
            for one in api.pages(path, "find the pull request"):
                if one["head"]["sha"] == run["head_sha"]:
                    return int(one["number"])
            raise CommandError(
                f"GitHub: no open pull request of {head} has commit {run['head_sha']}",
                remedy="nothing is left to do if it was pushed to again or closed",
            )
        raise CommandError("GitHub: the event has no pull request", remedy=_NO_PULL_REQUEST)

    def _whole(self) -> str:
        run = os.environ.get("GITHUB_RUN_ID")
        if not run:
            return "run the command below"
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"[this run]({server}/{self._repository}/actions/runs/{run}) has the whole report as its artifact"


def _is_own(author: dict[str, Any], user: Any | None) -> bool:  # noqa: ANN401 - any JSON value
    """Whether the token's owner wrote a comment: anyone may write the mark."""
    return bool(author.get("type") == "Bot" if user is None else author.get("login") == user["login"])
