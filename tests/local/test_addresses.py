from __future__ import annotations

import pytest

from local.addresses import GATEWAY
from local.errors import LocalError


def test_the_port_is_the_default_or_what_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GATEWAY.variable, raising=False)
    assert GATEWAY.url == "http://127.0.0.1:18080"
    monkeypatch.setenv("OTEL_MESH_PORT_GATEWAY", "28080")
    assert GATEWAY.url == "http://127.0.0.1:28080"


@pytest.mark.parametrize("value", ["http", "0", "80", "65536", "-1", "1e4", "\uff11\uff18", "18080 "])
def test_what_is_no_port_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OTEL_MESH_PORT_GATEWAY", value)
    with pytest.raises(LocalError, match="OTEL_MESH_PORT_GATEWAY=.*not a port number; set it to a number from 1024"):
        _ = GATEWAY.port
