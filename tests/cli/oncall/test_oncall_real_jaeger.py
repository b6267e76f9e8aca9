"""S2.13 on the real Jaeger: its answers are what the commands take them for, cut, sorted and filtered as it does."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from otel_mesh import JaegerSettings
from otel_mesh.backends.jaeger import jaeger_config
from otel_mesh_cli import main as commands
from otel_mesh_cli.oncall import traces
from otel_mesh_cli.oncall.jaeger import Jaeger
from otel_mesh_cli.stacks.addresses import JAEGER
from tests.app_images.telemetry.otlp_sending import send, span, trace_id
from tests.programs.ports import free_port
from tests.programs.program import LoopbackProgram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.built import Built


SERVER, CLIENT = OtlpSpan.SPAN_KIND_SERVER, OtlpSpan.SPAN_KIND_CLIENT
ORDINARY = 3 * Jaeger.PAGE
SLOW, FAILED = 2, 3
"""Among the oldest of all, so that neither is on the first page."""


@pytest.fixture(scope="module")
def otlp(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Iterator[tuple[int, int]]:
    """A Jaeger with the memory of a deployed one: ports of OTLP and of its API."""
    folder: Path = tmp_path_factory.mktemp("jaeger")
    ports = {name: free_port() for name in ("4317", "4318", "8888", "13133", "16686")}
    text = json.dumps(jaeger_config(JaegerSettings())).replace("0.0.0.0", "127.0.0.1")  # noqa: S104 -- not there
    for name, port in ports.items():
        text = text.replace(f"127.0.0.1:{name}", f"127.0.0.1:{port}").replace(f'"port": {name}', f'"port": {port}')
    config = json.loads(text)
    config["extensions"]["jaeger_query"]["grpc"] = {"endpoint": f"127.0.0.1:{free_port()}"}
    file = folder / "jaeger.json"
    file.write_text(json.dumps(config))
    program = built("jaeger") / "jaeger"
    with LoopbackProgram([str(program), f"--config=file:{file}"], ports["16686"], folder / "jaeger.log"):
        end = time.monotonic() + 90
        while not _ready(ports["13133"]):
            assert time.monotonic() < end, (folder / "jaeger.log").read_text()
            time.sleep(0.1)
        _fill(ports["4317"])
        _until_kept(ports["16686"], SLOW, FAILED, ORDINARY)
        yield ports["4317"], ports["16686"]


def _ready(port: int) -> bool:
    with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", "/status")
        return connection.getresponse().status == http.client.OK
    return False


def _until_kept(port: int, *numbers: int) -> None:
    """Wait until Jaeger shows these traces whole: it takes spans before it keeps them."""
    end = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        for number in numbers:
            while len(traces.fetch(client, f"http://127.0.0.1:{port}", trace_id(number).hex())) < 3:
                assert time.monotonic() < end, number
                time.sleep(0.1)


def _fill(port: int) -> None:
    for first in range(1, ORDINARY, 100):
        above, below = [], []
        for trace in range(first, first + 100):
            long, bad = (3000 if trace == SLOW else 0), trace == FAILED
            peer = {"service.peer.name": "user-service"}
            above += [
                span(trace, 1, kind=SERVER, milliseconds=long + 20, error=bad),
                span(trace, 2, parent=1, kind=CLIENT, milliseconds=long + 15, error=bad, attributes=peer),
            ]
            below.append(
                span(
                    *(trace, 3),
                    parent=2,
                    kind=SERVER,
                    milliseconds=long + 10,
                    error=bad,
                    attributes={"error.type": "RuntimeError"} if bad else {},
                )
            )
        send(port, "api-gateway", *above)
        send(port, "user-service", *below)


@pytest.fixture
def said(
    otlp: tuple[int, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    monkeypatch.setenv(JAEGER.variable, str(otlp[1]))
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words: str) -> str:
        assert commands.main(list(words)) == 0
        return capsys.readouterr().out

    return run


def test_the_slowest_is_found_behind_pages_of_newer_ones(said: Callable[..., str]) -> None:
    lines = said("slow", "--service", "api-gateway", "--limit", "1", "--since", "1h").splitlines()
    assert lines[1].split()[:2] == ["3020.0", "ms"]
    assert "99%  in " not in lines[2], "its own time is the lowest span's"
    assert "user-service  hop 3" in lines[2]
    assert lines[3].strip() == f"otel-mesh trace {trace_id(SLOW).hex()}"


def test_the_failing_one_is_found_among_many_good_ones(said: Callable[..., str]) -> None:
    text = said("errors", "--since", "1h")
    assert text.splitlines()[0] == "1 failed trace in the last 1h"
    assert "1 x  user-service  RuntimeError" in text
    assert trace_id(FAILED).hex() in text


def test_one_trace_is_whole(said: Callable[..., str]) -> None:
    text = said("trace", trace_id(FAILED).hex())
    assert "└── api-gateway  hop 1  server  20.0 ms at +0.0" in text
    assert "    └── api-gateway  hop 2  client  15.0 ms" in text
    assert "        └── user-service  hop 3  server  10.0 ms" in text
    assert "failed first: user-service in user-service  hop 3  RuntimeError" in text


def test_a_route_is_one_of_jaeger_s_operations(said: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    of_gateway = ("slow", "--service", "api-gateway", "--route")
    assert "requests of" not in said(*of_gateway, "1", "--since", "1h", "--limit", "1").splitlines()[0]
    assert commands.main([*of_gateway, "/nowhere"]) == 2
    assert capsys.readouterr().err == ("otel-mesh: --route /nowhere: not a route of api-gateway; give one of: hop 1\n")
