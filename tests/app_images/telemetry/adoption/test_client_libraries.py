"""Calls that a foreign program makes are client spans in the words of today's conventions, and carry the context on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import child_processes
from tests.app_images.telemetry.adoption.foreign import (
    BIN,
    CLIENT,
    CONSUMER,
    PRODUCER,
    called_service,
    environment,
    of_kind,
)
from tests.app_images.telemetry.otlp_receiver import Receiver, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.app_images.services.postgres_server import PostgresServer
    from tests.app_images.services.redis_server import RedisServer


# Two lines and a span of the program's own around what it does.
AROUND = """
import asyncio, os
from opentelemetry import trace
from otel_mesh_telemetry import handle, instrument
handle.Telemetry.shutdown.__defaults__ = (60.0,)  # a busy machine takes longer to flush than a pod may
instrument()
URL, DSN = os.environ["URL"], os.environ["DSN"]

def work():
{work}

with trace.get_tracer("program").start_as_current_span("work"):
    work()
"""
WORK = {
    "httpx": "import httpx; httpx.get(URL + '/books', timeout=30).raise_for_status()",
    "httpx-async": """
        import httpx
        async def get():
            async with httpx.AsyncClient(timeout=30) as client:
                (await client.get(URL + "/books")).raise_for_status()
        asyncio.run(get())
    """,
    "requests": "import requests; requests.get(URL + '/books', timeout=30).raise_for_status()",
    "aiohttp": """
        import aiohttp
        async def get():
            async with aiohttp.ClientSession() as session, session.get(URL + "/books") as response:
                response.raise_for_status()
        asyncio.run(get())
    """,
    "sqlalchemy": """
        import sqlalchemy
        engine = sqlalchemy.create_engine(DSN.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT 7"))
        engine.dispose()
    """,
    "asyncpg": """
        import asyncpg
        async def select():
            connection = await asyncpg.connect(DSN)
            await connection.fetch("SELECT 7")
            await connection.close()
        asyncio.run(select())
    """,
    "psycopg": """
        import psycopg
        with psycopg.connect(DSN) as connection:
            connection.execute("SELECT 7")
    """,
    "psycopg-async": """
        import psycopg
        async def select():
            async with await psycopg.AsyncConnection.connect(DSN) as connection:
                await connection.execute("SELECT 7")
        asyncio.run(select())
    """,
    "redis": """
        import redis
        with redis.Redis.from_url(os.environ["REDIS"]) as client:
            client.set("book:7", "canary-value")
    """,
    "redis-async": """
        from redis import asyncio as redis
        async def put():
            async with redis.Redis.from_url(os.environ["REDIS"]) as client:
                await client.set("book:7", "canary-value")
        asyncio.run(put())
    """,
}
HTTP = ["httpx", "httpx-async", "requests", "aiohttp"]
POSTGRESQL = ["sqlalchemy", "asyncpg", "psycopg", "psycopg-async"]
REDIS = ["redis", "redis-async"]
OLD = {"http.method", "http.url", "http.status_code", "net.peer.name", "net.peer.port", "db.statement", "db.system"}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def callee() -> Iterator[tuple[str, list[str]]]:
    """A real HTTP server and the trace contexts that it was called with."""
    with called_service({}) as found:
        yield found


def run(work: str, receiver: Receiver, folder: Path, **variables: str) -> tuple[Span, list[Span]]:
    """Run the work as a program; the program's own span and the client spans."""
    program = AROUND.format(work=textwrap.indent(textwrap.dedent(WORK[work]).strip(), "    "))
    unused = {"URL": "", "DSN": "", "REDIS": ""}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(receiver, folder, **{**unused, **variables}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (own,) = [span for _, span in receiver.spans if span.name == "work"]
    return own, of_kind(receiver, CLIENT)


@pytest.mark.parametrize("library", HTTP)
def test_an_http_call_is_told_and_hands_the_context_on(
    library: str, receiver: Receiver, callee: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, contexts = callee
    own, (call,) = run(library, receiver, tmp_path, URL=url)
    assert call.parent_span_id == own.span_id
    ((context, _, flags),) = [one.rpartition("-") for one in contexts]
    assert context == f"00-{own.trace_id.hex()}-{call.span_id.hex()}"
    assert int(flags, 16) & 1, "sampled; newer SDKs set the flag of random trace ids too"
    told = plain(call.attributes)
    assert (told["http.request.method"], told["http.response.status_code"]) == ("GET", 200)
    assert (told["url.full"], told["server.address"]) == (f"{url}/books", "127.0.0.1")
    assert not OLD & told.keys()


@pytest.mark.parametrize("library", POSTGRESQL)
def test_a_statement_is_told(library: str, receiver: Receiver, postgres: PostgresServer, tmp_path: Path) -> None:
    dsn = f"postgresql://{postgres.user}:{postgres.password}@127.0.0.1:{postgres.port}/postgres"
    own, calls = run(library, receiver, tmp_path, DSN=dsn)
    told = [plain(call.attributes) for call in calls if "SELECT 7" in plain(call.attributes).values()]
    assert told, [(call.name, plain(call.attributes)) for call in calls]
    assert {about["db.query.text"] for about in told} == {"SELECT 7"}
    assert {about["db.system.name"] for about in told} == {"postgresql"}
    assert {about["db.namespace"] for about in told} == {"postgres"}
    assert {call.trace_id for call in calls} == {own.trace_id}
    assert not OLD & set().union(*told)
    assert postgres.password not in str(receiver.spans)


@pytest.mark.parametrize("library", REDIS)
def test_a_command_is_told(library: str, receiver: Receiver, redis: RedisServer, tmp_path: Path) -> None:
    own, calls = run(library, receiver, tmp_path, REDIS=redis_url(redis))
    (call,) = [call for call in calls if call.name.startswith("SET")]
    told = plain(call.attributes)
    assert call.trace_id == own.trace_id
    assert told["db.system.name"] == "redis"
    assert (told["server.address"], told["server.port"]) == ("127.0.0.1", redis.port)
    assert not OLD & told.keys()
    assert "canary-value" not in str(receiver.spans)


def redis_url(server: RedisServer) -> str:
    return f"redis://{server.user}:{server.password.replace(' ', '%20')}@127.0.0.1:{server.port}/0"


TASKS = """
import os
from celery import Celery

app = Celery("tasks", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(broker_connection_retry_on_startup=True, task_default_queue="books")

@app.task
def count(number):
    return number + 1
"""
SENDER = """
from otel_mesh_telemetry import instrument
instrument()
from tasks import count
assert count.delay(7).get(timeout=150) == 8
"""


def test_a_celery_task_runs_in_the_trace_of_its_sender(receiver: Receiver, redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(TASKS)
    settings: Any = environment(receiver, tmp_path, REDIS=redis_url(redis))
    worker = [str(BIN / "opentelemetry-instrument"), str(BIN / "celery"), "-A", "tasks", "worker"]
    worker += ["--pool", "prefork", "--concurrency", "1", "--without-mingle", "--without-gossip", "--loglevel", "INFO"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = child_processes.start(worker, cwd=tmp_path, env=settings, stdout=log, stderr=log)
    try:
        done = subprocess.run(
            [sys.executable, "-c", SENDER],
            env=settings,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr + (tmp_path / "worker.log").read_text()
        receiver.wait_for(lambda: len(of_kind(receiver, PRODUCER) + of_kind(receiver, CONSUMER)) == 2)
    finally:
        process.terminate()
        process.wait(90)
    (sent,), (ran,) = of_kind(receiver, PRODUCER), of_kind(receiver, CONSUMER)
    assert (ran.trace_id, ran.parent_span_id) == (sent.trace_id, sent.span_id)
    assert (sent.name, ran.name) == ("apply_async/tasks.count", "run/tasks.count")


def test_names_are_left_out_on_demand(receiver: Receiver, callee: tuple[str, list[str]], tmp_path: Path) -> None:
    url, contexts = callee
    _own, calls = run("httpx", receiver, tmp_path, URL=url, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="redis, httpx")
    assert (calls, contexts) == ([], [""])
