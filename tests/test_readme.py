"""README and docs name nothing that does not exist."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.smoke.order import ORDER
from otel_mesh_cli.stacks.addresses import ADDRESSES, GATEWAY_TLS
from service_kit.new_order import NewOrder
from tests.docs.pages import TEXT, commands, shell_lines

README = (repo_dir() / "README.md").read_text()
MADE_BY_THE_READER = {"app_images/stock_service/", "dist/docs/index.html"}
MAKEFILE = (repo_dir() / "Makefile").read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def code() -> str:
    words = ["git", "ls-files", "cli", "embedded", "infra", "Makefile"]
    files = subprocess.run(words, capture_output=True, cwd=repo_dir(), check=True)
    paths = [repo_dir() / name for name in files.stdout.decode().split() if name.endswith((".py", "Makefile"))]
    return "".join(path.read_text() for path in paths if path.exists())


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 200


def test_every_make_command_is_a_target() -> None:
    named = {
        target for line in shell_lines() for target in re.findall(r"(?:^|[ (])make (?:-s )?([a-z][a-z0-9-]*)", line)
    }
    assert {"up", "test", "down", "env", "status", "e2e", "docs", "lint"} <= named
    assert named - targets() == set()


def test_every_command_of_otel_mesh_exists() -> None:
    known = commands()
    named = {
        (found[1], option)
        for line in shell_lines()
        if (found := re.match(r"otel-mesh ((?:node )?[a-z][a-z-]*|)", line))
        for option in ("", *re.findall(r" (--[a-z-]+)", line))
    }
    assert {"up", "status", "env", "smoke", "preview", "render", "pulumi", "down"} <= {name for name, _ in named}
    assert {one for one in named if one[1] not in known.get(one[0], ())} == set()


def test_every_target_explains_itself_in_the_help() -> None:
    shown = subprocess.run(
        ["make", "--no-print-directory", "help"], capture_output=True, text=True, cwd=repo_dir(), check=True
    ).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets()


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`((?:[a-z_]+/)+(?:[A-Za-z_.]+\.[a-z]+)?)`", TEXT))))
def test_every_place_that_is_named_exists(path: str) -> None:
    inside = (repo_dir(), repo_dir() / "components" / "otel_mesh")
    assert any((folder / path).exists() for folder in inside) or path in MADE_BY_THE_READER


def test_the_order_costs_what_the_smoke_check_pays() -> None:
    (body,) = re.findall(r"/api/orders .*? -d '(\{.*?\})'", TEXT, re.DOTALL)
    wanted = NewOrder.model_validate_json(body)
    assert sum(item.quantity * (item.price or 0) for item in wanted.items) == 10997
    assert json.loads(body) == ORDER


def test_every_variable_is_read_by_the_code() -> None:
    own = code()
    ports = {
        f"OTEL_MESH_PORT_{name}"
        for name in ("ALERTMANAGER", "GATEWAY", "GATEWAY_TLS", "JAEGER", "PROMETHEUS", "VICTORIA_LOGS")
    }
    for name in set(re.findall(r"\bOTEL_MESH_[A-Z_]+\b", TEXT)) - ports:
        assert name in own, name
    assert {address.variable for address in (*ADDRESSES, GATEWAY_TLS)} == ports
