from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node import waiting
from otel_mesh_embedded.node.layout import LOOPBACK
from otel_mesh_embedded.supervision.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    (tmp_path / "etcd.log").write_text("I started\nno space left on device\n\n")
    return Registry(tmp_path, tmp_path, tmp_path)


def test_it_ends_as_soon_as_the_thing_is_there(registry: Registry) -> None:
    answers = iter([False, True])
    waiting.until("API server", lambda: next(answers), registry, [], timeout=60)
    with pytest.raises(StopIteration):
        next(answers)


def test_a_program_that_has_ended_is_not_waited_for(registry: Registry) -> None:
    with pytest.raises(CommandError, match="etcd: ended right after its start: no space left on device") as caught:
        waiting.until("API server", lambda: False, registry, ["etcd"], timeout=60)
    assert caught.value.log == registry.log("etcd")


def test_what_does_not_come_in_time_is_named(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "require_alive", lambda _self, _name: None)
    with pytest.raises(CommandError, match=r"node: not there after 0 s; etcd says: no space left on device"):
        waiting.until("node", lambda: False, registry, ["etcd"], timeout=0.2)


@pytest.mark.parametrize(
    ("flags", "answers", "known"), [(0x8180, 1, True), (0x8180, 0, False), (0x8183, 0, False), (0x8182, 1, False)]
)
def test_dns_counts_only_when_it_knows_the_name(
    monkeypatch: pytest.MonkeyPatch, flags: int, answers: int, *, known: bool
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(waiting, "DNS_PORT", server.getsockname()[1])
        asked: list[bytes] = []

        def answer() -> None:
            query, client = server.recvfrom(512)
            asked.append(query)
            server.sendto(struct.pack(">6H", 1, flags, 1, answers, 0, 0) + query[12:], client)

        thread = threading.Thread(target=answer)
        thread.start()
        assert waiting.dns_answers(LOOPBACK, "kubernetes.default", timeout=60) is known
        thread.join()
    assert asked[0][12:] == b"\x0akubernetes\x07default\x00" + struct.pack(">2H", 1, 1)


def test_dns_that_is_silent_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(waiting, "DNS_PORT", server.getsockname()[1])
        assert not waiting.dns_answers(LOOPBACK, "kubernetes.default", timeout=0.1)
