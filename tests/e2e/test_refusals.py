"""Refusals of `make up`: one line with place, reason and remedy, exit status 2, and no change."""

from __future__ import annotations

import os
import socket
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.stacks.addresses import GATEWAY
from tests.e2e import node_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

    import httpx

pytestmark = pytest.mark.e2e


def test_an_occupied_port_is_named_with_the_program_that_holds_it(
    run: Callable[..., CompletedProcess[str]], http: httpx.Client
) -> None:
    before = node_processes.process_ids()
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        done = run(sys.executable, "-m", "otel_mesh_cli", "up", env={GATEWAY.variable: str(port)})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"port 127.0.0.1:{port}" in line
    assert str(os.getpid()) in line
    assert GATEWAY.variable in line
    assert node_processes.process_ids() == before
    assert http.get(f"{GATEWAY.url}{GATEWAY.ready_path}").status_code == HTTPStatus.OK


def test_a_second_environment_beside_a_running_one_is_refused(
    run: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    done = run(sys.executable, "-m", "otel_mesh_cli", "up", env={"OTEL_MESH_STATE": str(tmp_path / "state")})
    assert done.returncode == 2
    assert "another environment runs on this machine" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "state").exists()


def test_without_a_network_the_toolchain_fails_at_once_with_the_reason(
    run: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    """In a network namespace without interfaces, with empty caches."""
    caches = {name: str(tmp_path / name) for name in ("OTEL_MESH_CACHE", "GOMODCACHE", "GOCACHE")}
    command = ("unshare", "--net", sys.executable, "-m", "otel_mesh_cli", "node", "toolchain", "coredns")
    done = run(*command, env={**caches, "GOFLAGS": "-modcacherw"}, timeout=120)
    assert done.returncode == 2
    assert "network" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "OTEL_MESH_CACHE").glob("tools/coredns/*"))
