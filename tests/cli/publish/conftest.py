"""A code host on loopback, and the environment of a pipeline that works on its pull request 7."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.publish.code_hosts import TOKEN, CodeHost, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with serving(CodeHost()) as running:
        yield running


@pytest.fixture
def in_github(host: CodeHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The event's file of a job of GitHub Actions."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    values = {
        "GITHUB_API_URL": host.url,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ID": "99",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_SHA": "c0ffee",
        "GITHUB_TOKEN": TOKEN,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return event


@pytest.fixture
def in_gitlab(host: CodeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "CI_API_V4_URL": host.url,
        "CI_JOB_URL": "https://gitlab.example/job/1",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "5",
        "GITLAB_TOKEN": TOKEN,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
