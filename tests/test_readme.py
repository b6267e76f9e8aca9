"""The README says nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.smoke.order import ORDER
from otel_mesh_cli.stacks.addresses import ADDRESSES, GATEWAY_TLS
from service_kit.new_order import NewOrder

README = (repo_dir() / "README.md").read_text()
EXAMPLES = {"app_images/stock_service/"}  # what the reader is about to write
MAKEFILE = (repo_dir() / "Makefile").read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def code() -> str:
    words = ["git", "ls-files", "cli", "embedded", "Makefile"]
    files = subprocess.run(words, capture_output=True, cwd=repo_dir(), check=True)
    paths = [repo_dir() / name for name in files.stdout.decode().split() if name.endswith((".py", "Makefile"))]
    return "".join(path.read_text() for path in paths if path.exists())


def test_every_make_command_is_a_target() -> None:
    named = set(
        re.findall(r"\bmake (?:-s )?([a-z][a-z0-9-]*)", re.sub(r"```python.*?```", "", README, flags=re.DOTALL))
    )
    assert {"up", "test", "down", "env", "status", "e2e"} <= named
    assert named - targets() == set()


def test_every_target_explains_itself_in_the_help() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=repo_dir(), check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", README))))
def test_every_place_of_the_layout_is_there(path: str) -> None:
    assert (repo_dir() / path).exists() or path in EXAMPLES


def test_the_order_costs_what_the_smoke_check_pays() -> None:
    (body,) = re.findall(r"/api/orders .*? -d '(\{.*?\})'", README, re.DOTALL)
    wanted = NewOrder.model_validate_json(body)
    assert sum(item.quantity * (item.price or 0) for item in wanted.items) == 10997
    assert json.loads(body) == ORDER


def test_every_variable_is_read_by_the_code() -> None:
    own = code()
    ports = {f"OTEL_MESH_PORT_{name}" for name in ("GATEWAY", "GATEWAY_TLS", "JAEGER", "PROMETHEUS", "VICTORIA_LOGS")}
    for name in set(re.findall(r"\bOTEL_MESH_[A-Z_]+\b", README)) - ports:
        assert name in own, name
    assert {address.variable for address in (*ADDRESSES, GATEWAY_TLS)} == ports
