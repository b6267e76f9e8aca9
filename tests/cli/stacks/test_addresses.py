from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from otel_mesh import VictoriaLogsSettings
from otel_mesh.backends.victoria_logs import PAGE, PORT
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.smoke import request
from otel_mesh_cli.stacks.addresses import ADDRESSES, COLUMN, GATEWAY, LOGS
from otel_mesh_embedded import toolchain
from otel_mesh_embedded.node import env
from tests.cli.oncall import oncall_shop as shop

if TYPE_CHECKING:
    from pathlib import Path


def test_the_port_is_the_default_or_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GATEWAY.variable, raising=False)
    assert GATEWAY.url == "http://127.0.0.1:18080"
    monkeypatch.setenv("OTEL_MESH_PORT_GATEWAY", "28080")
    assert GATEWAY.url == "http://127.0.0.1:28080"


@pytest.mark.parametrize("value", ["http", "0", "80", "65536", "-1", "1e4", "\uff11\uff18", "18080 "])
def test_what_is_no_port_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_MESH_PORT_GATEWAY", value)
    with pytest.raises(CommandError, match="OTEL_MESH_PORT_GATEWAY=.*not a port number; set it to a number from 1024"):
        _ = GATEWAY.port


def test_where_people_search_logs_is_told_beside_its_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_PORT_VICTORIA_LOGS", "29428")
    assert LOGS.url == "http://127.0.0.1:29428"
    assert LOGS.page == f"http://127.0.0.1:29428{PAGE}"
    assert (LOGS.url_variable, LOGS.page_variable) == ("VICTORIA_LOGS_URL", "VICTORIA_LOGS_PAGE")
    assert (LOGS.place.name, LOGS.place.port) == (VictoriaLogsSettings().name, PORT)
    assert not GATEWAY.page


def test_names_and_addresses_stand_apart() -> None:
    assert all(f"{one.name:<{COLUMN}}".endswith("  ") for one in ADDRESSES)


def test_what_make_up_ends_with_names_where_logs_are_searched(capsys: pytest.CaptureFixture[str]) -> None:
    request.show(request.Result("0" * 32, traces.parse(shop.well()), 1, None), Console(width=120))
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [LOGS.name, LOGS.page] in said


def test_the_shell_is_told_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(env, "state_dir", lambda: tmp_path)
    monkeypatch.setattr(toolchain, "present", lambda _: ())
    (tmp_path / "kubeconfig").touch()
    settings = env.settings()
    assert settings["VICTORIA_LOGS_URL"] == LOGS.url
    assert settings["VICTORIA_LOGS_PAGE"] == LOGS.page
    assert {f"{one.url_variable}" for one in ADDRESSES} <= settings.keys()
