"""The web page of Prometheus is served; machines without the npm registry are tested elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.toolchain.prometheus_page import prometheus_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

pytestmark = pytest.mark.e2e


def test_the_page_and_its_assets_are_served(http: httpx.Client, settings: Mapping[str, str]) -> None:
    assert "-none" not in prometheus_page().name, "run `python -m otel_mesh_cli images --refresh` and `make up`"
    home = settings["PROMETHEUS_URL"]
    page = http.get(f"{home}/query?g0.expr=up", follow_redirects=True)
    assert page.status_code == 200
    assert "<title>Prometheus" in page.text
    loaded = re.findall(r'(?:src|href)="\.?(/[^"]+\.(?:js|css))"', page.text)
    assert {name.rpartition(".")[2] for name in loaded} == {"js", "css"}
    for name in loaded:
        part = http.get(f"{home}{name}")
        assert part.status_code == 200, name
        assert len(part.content) > 10_000, name
