"""S2.5: gRPC interceptors, synchronous and asyncio, on all four kinds of calls over a real connection."""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc import aio
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from otel_mesh_telemetry import deadline
from otel_mesh_telemetry.deadline import DeadlineExceededError
from otel_mesh_telemetry.grpc_aio_client import aio_client_interceptors
from otel_mesh_telemetry.grpc_aio_server import AioServerInterceptor
from otel_mesh_telemetry.grpc_client import ClientInterceptor
from otel_mesh_telemetry.grpc_server import ServerInterceptor
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.rpc import status_name
from otel_mesh_telemetry.testing import Capture, capture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

SERVICE = "shop.v1.Users"
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
BYTES = (lambda message: message, lambda message: message)


@pytest.fixture
def seen() -> Iterator[Capture]:
    LINGERING.clear()
    with capture() as running:
        yield running


def act(message: bytes, context: Any) -> bytes:  # noqa: ANN401
    assert trace.get_current_span().get_span_context().is_valid is (message != b"probe")
    if message == b"abort":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
    if message == b"crash":
        raise LookupError("canary")
    if message == b"left":
        return str(deadline.remaining()).encode()
    return message


LINGERING: list[bytes] = []  # requests whose handler waits for ever


class Sync:
    """Handlers of a synchronous server."""

    def unary_unary(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        return act(request, context)

    def unary_stream(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        for _ in range(3):
            yield act(request, context)

    def stream_unary(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return [act(request, context) for request in requests][-1]

    def stream_stream(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield act(request, context)


async def act_aio(message: bytes, context: Any) -> bytes:  # noqa: ANN401
    if message == b"abort":
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such user")
    if message == b"forever":
        LINGERING.append(message)
        await asyncio.Event().wait()
    return act(message, context)


class Aio:
    """Handlers of an asyncio server."""

    async def unary_unary(self, request: bytes, context: Any) -> bytes:  # noqa: ANN401
        return await act_aio(request, context)

    async def unary_stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
        for _ in range(3):
            yield await act_aio(request, context)
        while request == b"endless":
            yield request
            await asyncio.sleep(0.01)

    async def stream_unary(self, requests: AsyncIterator[bytes], context: Any) -> bytes:  # noqa: ANN401
        last = b""
        async for request in requests:
            last = await act_aio(request, context)
        return last

    async def stream_stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:  # noqa: ANN401
        async for request in requests:
            yield await act_aio(request, context)


def handlers(behaviours: object) -> grpc.GenericRpcHandler:
    made = {kind: getattr(grpc, f"{kind}_rpc_method_handler")(getattr(behaviours, kind), *BYTES) for kind in KINDS}
    return grpc.method_handlers_generic_handler(SERVICE, made)


class Caller:
    """Calls a method by its kind; what it returns is a list, or for asyncio a coroutine of one."""

    def __init__(self, channel: Any, ask: Callable[..., Any]) -> None:  # noqa: ANN401
        self.channel = channel
        self._ask = ask

    def __call__(self, kind: str, message: bytes, **options: Any) -> Any:  # noqa: ANN401
        return self._ask(kind, message, **options)


@contextlib.contextmanager
def sync_pair(seen: Capture, **reading: Any) -> Iterator[Caller]:  # noqa: ANN401
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[ServerInterceptor(**seen.providers, **reading)])
    server.add_generic_rpc_handlers((handlers(Sync()),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    target = f"127.0.0.1:{port}"
    with grpc.insecure_channel(target) as plain:
        channel = grpc.intercept_channel(plain, ClientInterceptor(target, "user-service", **seen.providers))

        def ask(kind: str, message: bytes, **options: Any) -> list[bytes]:  # noqa: ANN401
            method = getattr(channel, kind)(f"/{SERVICE}/{kind}", *BYTES)
            request = iter([message, message]) if kind.startswith("stream") else message
            answer = method(request, **options)
            return list(answer) if kind.endswith("stream") else [answer]

        yield Caller(channel, ask)
    server.stop(0).wait()


def pair_of(spans: list[ReadableSpan]) -> tuple[ReadableSpan, ReadableSpan]:
    (client,) = [span for span in spans if span.kind is SpanKind.CLIENT]
    (server,) = [span for span in spans if span.kind is SpanKind.SERVER]
    return client, server


def check(seen: Capture, kind: str, status: str) -> None:
    end = time.monotonic() + 60
    while len(seen.spans()) < 2:
        assert time.monotonic() < end, seen.spans()
        time.sleep(0.01)
    client, server = pair_of(seen.spans())
    assert client.name == server.name == f"{SERVICE}/{kind}"
    assert client.context is not None
    assert server.parent is not None
    assert server.parent.span_id == client.context.span_id
    for span in (client, server):
        attributes = span.attributes or {}
        assert attributes["rpc.system.name"] == "grpc"
        assert attributes["rpc.method"] == f"{SERVICE}/{kind}"
        assert attributes["rpc.response.status_code"] == status
    assert (client.attributes or {})["service.peer.name"] == "user-service"
    assert (client.attributes or {})["server.address"] == "127.0.0.1"
    failed = {"OK": (False, False), "NOT_FOUND": (True, False), "UNKNOWN": (True, True)}[status]
    assert tuple(span.status.status_code is StatusCode.ERROR for span in (client, server)) == failed
    assert [event.name for event in server.events] == (["exception"] if status == "UNKNOWN" else [])
    for side in ("client", "server"):
        assert seen.counts(f"rpc.{side}.call.duration", "rpc.response.status_code") == {status: 1}


CASES = [(b"hello", "OK"), (b"abort", "NOT_FOUND"), (b"crash", "UNKNOWN")]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("message", "status"), CASES)
def test_s2_5_sync(seen: Capture, kind: str, message: bytes, status: str) -> None:
    with sync_pair(seen) as ask:
        if status == "OK":
            count = {"unary_stream": 3, "stream_stream": 2}.get(kind, 1)
            assert ask(kind, message) == [message] * count
        else:
            with pytest.raises(grpc.RpcError) as raised:
                ask(kind, message)
            assert status_name(raised.value.code()) == status
    check(seen, kind, status)


class Way:
    """The network between a caller and a server.

    Attributes:
        is_cut: True: nothing more goes through, not even that somebody has given up.
    """

    def __init__(self) -> None:
        self.is_cut = False

    @contextlib.asynccontextmanager
    async def to(self, port: int) -> AsyncIterator[int]:
        """A port that leads to another one."""
        writers: list[asyncio.StreamWriter] = []

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", port)
            writers.extend((writer, back))
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))

        entry = await asyncio.start_server(connect, "127.0.0.1", 0)
        try:
            yield entry.sockets[0].getsockname()[1]
        finally:
            entry.close()
            for writer in writers:
                writer.transport.abort()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(2**16):
                if not self.is_cut:
                    sink.write(data)
                    await sink.drain()


@contextlib.asynccontextmanager
async def aio_pair(seen: Capture, way: Way | None = None, **reading: Any) -> AsyncIterator[Caller]:  # noqa: ANN401
    server = aio.server(interceptors=[AioServerInterceptor(**seen.providers, **reading)])
    server.add_generic_rpc_handlers((handlers(Aio()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with contextlib.AsyncExitStack() as stack:
        target = f"127.0.0.1:{await stack.enter_async_context(way.to(port)) if way else port}"
        interceptors = aio_client_interceptors(target, "user-service", **seen.providers)
        channel = await stack.enter_async_context(aio.insecure_channel(target, interceptors=interceptors))

        async def ask(kind: str, message: bytes, **options: Any) -> list[bytes]:  # noqa: ANN401
            method = getattr(channel, kind)(f"/{SERVICE}/{kind}", *BYTES)

            async def messages() -> AsyncIterator[bytes]:
                # asyncio's gRPC answers INTERNAL instead when a call is aborted during a further write.
                for _ in range(2 if message == b"hello" else 1):
                    yield message

            answer = method(messages() if kind.startswith("stream") else message, **options)
            if kind.endswith("stream"):
                return [response async for response in answer]
            return [await answer]

        yield Caller(channel, ask)
    await server.stop(0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("message", "status"), CASES)
async def test_s2_5_aio(seen: Capture, kind: str, message: bytes, status: str) -> None:
    async with aio_pair(seen) as ask:
        if status == "OK":
            count = {"unary_stream": 3, "stream_stream": 2}.get(kind, 1)
            assert await ask(kind, message) == [message] * count
        else:
            with pytest.raises(aio.AioRpcError) as raised:
                await ask(kind, message)
            assert raised.value.code().name == status
        async with asyncio.timeout(60):  # the server's handler ends on this loop, which `check` would block
            while len(seen.spans()) < 2:  # noqa: ASYNC110 - a capture has no event to wait for
                await asyncio.sleep(0.01)
    check(seen, kind, status)


def test_s1_12_the_deadline_shrinks_over_grpc_too(seen: Capture) -> None:
    with sync_pair(seen) as ask:
        with deadline.within(25):
            (left,) = ask("unary_unary", b"left")
        assert 0 < float(left) <= 25.3, "gRPC rounds up"
        (left,) = ask("unary_unary", b"left", timeout=20)
        assert 0 < float(left) <= 20.2
        with deadline.within(0), pytest.raises(DeadlineExceededError):
            ask("unary_unary", b"left")


async def test_s1_12_the_deadline_shrinks_over_asyncio_grpc_too(seen: Capture) -> None:
    async with aio_pair(seen) as ask:
        with deadline.within(25):
            (left,) = await ask("unary_unary", b"left")
            assert 0 < float(left) <= 25.3, "gRPC rounds up"
        with deadline.within(0), pytest.raises(DeadlineExceededError):
            await ask("unary_unary", b"left")


def test_s2_5_an_unknown_method_makes_no_span_on_the_server(seen: Capture) -> None:
    with sync_pair(seen) as ask, pytest.raises(grpc.RpcError):
        ask.channel.unary_unary("/attacker.Chosen/Name", *BYTES)(b"x")
    assert [span.kind for span in seen.spans()] == [SpanKind.CLIENT]


async def test_s2_5_a_caller_that_leaves_a_stream_early_ends_both_spans(
    seen: Capture, caplog: pytest.LogCaptureFixture
) -> None:
    async with aio_pair(seen) as ask:
        stream = ask.channel.unary_stream(f"/{SERVICE}/unary_stream", *BYTES)(b"endless")
        async for _ in stream:
            break
        stream.cancel()
        async with asyncio.timeout(60):
            while len(seen.spans()) < 2:  # noqa: ASYNC110 - spans end on their own time
                await asyncio.sleep(0.02)
    assert {(span.attributes or {})["rpc.response.status_code"] for span in seen.spans()} == {"CANCELLED"}
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("kind", ["unary_unary", "stream_unary"])
async def test_a_caller_that_is_cancelled_cancels_the_call_in_the_server_too(seen: Capture, kind: str) -> None:
    async with aio_pair(seen) as ask:
        asking = asyncio.create_task(ask(kind, b"forever"))
        async with asyncio.timeout(60):
            while not LINGERING:  # noqa: ASYNC110 - of the test before, that loop is another
                await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(60):
            while len(seen.spans()) < 2:  # noqa: ASYNC110 - spans end on their own time
                await asyncio.sleep(0.02)
    client, server = pair_of(seen.spans())
    for span in (client, server):
        assert (span.attributes or {})["rpc.response.status_code"] == "CANCELLED"


XFCC = (("x-forwarded-client-cert", "By=spiffe://c/ns/a/sa/b;Hash=00;URI=spiffe://c/ns/shop/sa/api-gateway"),)


def test_s1_9_the_peer_is_known_over_grpc_too(seen: Capture) -> None:
    with sync_pair(seen, features=[PeerIdentity(Trust.XFCC_LAST)]) as ask:
        ask("unary_unary", b"hello", metadata=XFCC)
    _, server = pair_of(seen.spans())
    assert (server.attributes or {})["mesh.peer.service_account"] == "api-gateway"
    assert "By=" not in str(server.attributes)


async def test_s1_9_the_peer_is_known_over_asyncio_grpc_too(seen: Capture) -> None:
    async with aio_pair(seen, features=[PeerIdentity(Trust.XFCC_LAST)]) as ask:
        await ask("unary_unary", b"hello", metadata=XFCC)
    _, server = pair_of(seen.spans())
    assert (server.attributes or {})["mesh.peer.spiffe_id"] == "spiffe://c/ns/shop/sa/api-gateway"


async def test_s2_2_probes_over_grpc_leave_neither_span_nor_measurement(seen: Capture) -> None:
    excluded = [f"{SERVICE}/unary_unary"]
    with sync_pair(seen, exclude=excluded) as ask:
        ask("unary_unary", b"probe")
    async with aio_pair(seen, exclude=excluded) as ask:
        await ask("unary_unary", b"probe")
        await ask("unary_stream", b"hello")
    assert [span.name for span in seen.spans() if span.kind is SpanKind.SERVER] == [f"{SERVICE}/unary_stream"]
    assert seen.counts("rpc.server.call.duration", "rpc.method") == {f"{SERVICE}/unary_stream": 1}


@pytest.mark.parametrize("hears", [True, False])
async def test_s1_12_a_server_whose_time_is_over_says_so(seen: Capture, *, hears: bool) -> None:
    """A caller whose time is over cancels the call: a server that hears of it before its own time is over sees that.

    A server that hears nothing more of its caller has its own deadline only.
    """
    way = Way()
    async with aio_pair(seen, way) as ask:
        for seconds in (2, 10, 60):  # until it is enough for the call to get as far as its handler
            asking = asyncio.create_task(ask("unary_unary", b"forever", timeout=seconds))
            while not (LINGERING or asking.done()):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
            way.is_cut = not hears and bool(LINGERING)
            with pytest.raises(aio.AioRpcError) as raised:
                await asking
            assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            if LINGERING:
                break
        async with asyncio.timeout(60):
            while not [span for span in seen.spans() if span.kind is SpanKind.SERVER]:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
    *_, client = [span for span in seen.spans() if span.kind is SpanKind.CLIENT]
    (server,) = [span for span in seen.spans() if span.kind is SpanKind.SERVER]
    assert (client.attributes or {})["rpc.response.status_code"] == "DEADLINE_EXCEEDED"
    assert client.status.status_code is StatusCode.ERROR
    told = ((server.attributes or {})["rpc.response.status_code"], server.status.status_code)
    assert told == ("DEADLINE_EXCEEDED", StatusCode.ERROR) or (hears and told == ("CANCELLED", StatusCode.UNSET))
