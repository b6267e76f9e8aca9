"""Fixtures of all tests of the stack's program: an event loop, files and a cluster with a UID."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_stack import identity, mesh_trust
from tests.components.pulumi_program import event_loop
from tests.infra.stack_config import CONTEXT, UID, surroundings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with event_loop() as made:
        yield made


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", "{}")  # what tests put there goes with them
    for name, value in surroundings(tmp_path, (CONTEXT, "otel-mesh-dev", "otel-mesh-prod")).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def answering_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of every context has the same UID, and no mesh yet."""
    monkeypatch.setattr(identity, "read_uid", lambda _: UID)
    monkeypatch.setattr(mesh_trust, "deployed_trust", lambda _context, _namespace: None)
