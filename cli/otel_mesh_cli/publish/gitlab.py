"""Notes in merge requests of GitLab.

The token of a project or group with the scope ``api`` comes from GITLAB_TOKEN: the token of a job may not write notes.
The other variables are those that every merge request pipeline has.
"""

from __future__ import annotations

import os
from typing import Final

from otel_mesh_cli.publish import text as report_text
from otel_mesh_cli.publish.code_host import Api, variable

_IN_PIPELINE: Final = "run it in a merge request pipeline, or set it"
_TOKEN: Final = "add a masked variable with a project access token of scope `api`; pipelines of forks never have it"  # noqa: S105 - advice
_ROLE: Final = "give the token the scope `api` and the role Reporter in the project of the merge request"


class GitLab:
    """The merge request of a pipeline.

    Args:
        number: Number (IID) of the merge request; None for that of the pipeline.

    Raises:
        CommandError: A variable of the job is not set.
    """

    longest = 1_000_000

    def __init__(self, number: int | None = None) -> None:
        project = variable("CI_MERGE_REQUEST_PROJECT_ID", _IN_PIPELINE)
        iid = number if number is not None else variable("CI_MERGE_REQUEST_IID", _IN_PIPELINE)
        self._notes = f"/projects/{project}/merge_requests/{iid}/notes"
        token = {"PRIVATE-TOKEN": variable("GITLAB_TOKEN", _TOKEN)}
        self._api = Api("GitLab", variable("CI_API_V4_URL", _IN_PIPELINE), token, _ROLE)

    def publish(self, text: str) -> str:
        """Post a report, or update the note that has its mark.

        Args:
            text: The report.

        Raises:
            CommandError: The API refuses.
        """
        body = {"body": report_text.fitted(text, self.longest, _whole())}
        with self._api as api:
            user = api.call("GET", "/user", "who the token belongs to")["id"]
            found = [
                one["id"]
                for one in api.pages(f"{self._notes}?per_page=100&sort=asc&order_by=created_at", "list notes")
                if report_text.mark(one["body"]) == report_text.mark(text) and one["author"]["id"] == user
            ]
            if not found:
                return f"created note {api.call('POST', self._notes, 'create a note', body)['id']}"
            first, *others = found
            api.call("PUT", f"{self._notes}/{first}", "update a note", body)
            for one in others:  # of two pipelines at the same time
                api.call("DELETE", f"{self._notes}/{one}", "delete a second note")
            return f"updated note {first}"


def _whole() -> str:
    job = os.environ.get("CI_JOB_URL")
    return f"[this job]({job}) has the whole report as its artifact" if job else "run the command below"
