"""S2.3, S2.9: the real Redis server with the files of the component."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_mesh import RedisSettings, Resources
from tests.app_images.services.redis_server import running
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.app_images.services.redis_server import RedisServer
    from tests.built import Built


@pytest.fixture(scope="module")
def redis(built: Built) -> Iterator[RedisServer]:
    settings = RedisSettings(resources=Resources(memory="8Mi", memory_limit="16Mi"))
    with running(built.debian("redis-server"), settings) as server:
        yield server


def test_s2_9_the_password_is_in_no_argument_variable_or_file_of_the_server(redis: RedisServer) -> None:
    assert redis.process is not None
    process = Path("/proc") / str(redis.process.pid)
    assert b"redis-server" in (process / "cmdline").read_bytes()
    seen = [process / "cmdline", process / "environ"]
    seen += [path for path in redis.folder.rglob("*") if path.is_file() and path != redis.password_file]
    assert {path.name for path in seen} >= {"users.acl", "redis.conf", "start.sh", "log"}
    for path in seen:
        assert redis.password.encode() not in path.read_bytes(), path
    assert (redis.run_dir / "users.acl").stat().st_mode & 0o777 == 0o600


def test_s2_9_clients_can_read_and_write_but_not_administer_the_server(redis: RedisServer) -> None:
    assert redis.cli("SET", "users:1", "one") == "OK"
    assert redis.cli("GET", "users:1") == "one"
    for words in (["FLUSHALL"], ["CONFIG", "SET", "dir", "/"], ["KEYS", "*"], ["SHUTDOWN"], ["ACL", "LIST"]):
        assert redis.cli(*words).startswith("NOPERM"), words


def test_s2_9_clients_without_the_password_are_refused(redis: RedisServer) -> None:
    redis.password_file.write_text("wrong")
    try:
        assert not redis.answers(), "the probe, and so the restart, tells a password that has changed"
        assert redis.cli("GET", "users:1").startswith("NOAUTH")
    finally:
        redis.password_file.write_text(redis.password)
    assert redis.answers()


def test_s2_9_a_changed_password_takes_effect_on_restart(redis: RedisServer) -> None:
    redis.password_file.write_text("another one\n")
    try:
        redis.stop()
        redis.start()
        assert redis.cli("PING") == "PONG"
    finally:
        redis.stop()
        redis.password_file.write_text(redis.password)
        redis.start()


def test_s2_9_old_keys_are_evicted_and_nothing_is_written_to_disk(redis: RedisServer) -> None:
    value = "x" * 100_000
    for number in range(200):  # 20 MB into 12 MiB, three quarters of the limit
        if number == 100:
            wait_for(lambda: int(redis.cli("OBJECT", "IDLETIME", "filling:99")) > 0)  # age is counted in seconds
        assert redis.cli("SET", f"filling:{number}", value) == "OK"
    old = int(redis.cli("EXISTS", *(f"filling:{number}" for number in range(100))))
    new = int(redis.cli("EXISTS", *(f"filling:{number}" for number in range(100, 200))))
    assert old + new < 130, "more than fits"
    assert old < new, "the server samples keys, so it evicts mostly, not exactly, the oldest"
    assert redis.cli("EXISTS", "filling:199") == "1"
    redis.stop()
    assert [path.name for path in redis.run_dir.iterdir()] == ["users.acl"]
    redis.start()
    assert redis.cli("EXISTS", "filling:199") == "0"
