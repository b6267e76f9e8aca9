from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.network import ranges
from otel_mesh_embedded.node.network.ranges import POD_VARIABLE, SERVICE_VARIABLE, Ranges

if TYPE_CHECKING:
    from pathlib import Path

USED_BY_OTHERS = ("172.17.0.0/16", "10.88.0.0/16", "10.244.0.0/16", "10.96.0.0/12", "10.42.0.0/16", "10.43.0.0/16")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (POD_VARIABLE, SERVICE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def test_the_defaults_are_not_those_of_docker_podman_or_another_kubernetes() -> None:
    found = ranges.configured()
    assert not [
        other
        for other in map(IPv4Network, USED_BY_OTHERS)
        for own in (found.pods, found.services)
        if other.overlaps(own)
    ]


def test_the_variables_choose_both_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(POD_VARIABLE, "192.168.64.0/20")
    monkeypatch.setenv(SERVICE_VARIABLE, "172.30.9.0/24")
    found = ranges.configured()
    assert list(map(str, (found.node, found.api_service, found.dns_service))) == [
        "192.168.64.1",
        "172.30.9.1",
        "172.30.9.10",
    ]


@pytest.mark.parametrize(
    ("pods", "services", "message"),
    [
        ("10.1.2.3/16", "", "OTEL_MESH_POD_CIDR=10.1.2.3/16: 10.1.2.3/16 has host bits set"),
        ("pods", "", "OTEL_MESH_POD_CIDR=pods: "),
        ("", "8.8.0.0/16", "OTEL_MESH_SERVICE_CIDR=8.8.0.0/16: not a private range"),
        ("127.64.0.0/16", "", "not a private range"),
        ("10.1.2.0/25", "", "OTEL_MESH_POD_CIDR=10.1.2.0/25: 128 addresses"),
        ("", "10.0.0.0/8", "OTEL_MESH_SERVICE_CIDR=10.0.0.0/8: 16777216 addresses"),
        ("10.1.0.0/16", "10.1.128.0/20", "the ranges overlap"),
    ],
)
def test_a_range_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, pods: str, services: str, message: str
) -> None:
    monkeypatch.setenv(POD_VARIABLE, pods)
    monkeypatch.setenv(SERVICE_VARIABLE, services)
    with pytest.raises(CommandError) as caught:
        ranges.configured()
    assert message in caught.value.message


def test_a_record_outlives_the_variables(tmp_path: Path) -> None:
    file = tmp_path / "networks.json"
    assert ranges.recorded(file) is None
    made = Ranges(IPv4Network("10.20.0.0/16"), IPv4Network("10.21.0.0/16"))
    ranges.record(file, made)
    assert ranges.recorded(file) == made


def test_every_address_of_the_node_follows_the_ranges(tmp_path: Path) -> None:
    code = (
        "from otel_mesh_embedded.node import layout\n"
        "from otel_mesh_embedded.node.network.bridge import _BRIDGE_MAC\n"
        "print(layout.API_SERVER, layout.API_SERVICE_ADDRESS, layout.DNS_SERVICE_ADDRESS, _BRIDGE_MAC)"
    )
    variables = {POD_VARIABLE: "10.20.0.0/16", SERVICE_VARIABLE: "10.21.0.0/16", "OTEL_MESH_STATE": str(tmp_path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["https://10.20.0.1:16443", "10.21.0.1", "10.21.0.10", "0a:58:0a:14:00:01"]
