"""S2.4: start and stop of telemetry in processes of their own, against a receiver of OTLP."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_mesh_cli.core import child_processes
from tests.app_images.telemetry.otlp_receiver import Receiver
from tests.ending import ending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = """
    import logging, sys, time
    from opentelemetry import metrics, trace
    import otel_mesh_telemetry
    from otel_mesh_telemetry import handle
    handle.Telemetry.shutdown.__defaults__ = (60.0,)  # a busy machine takes longer than a pod may
    telemetry = otel_mesh_telemetry.init()
    with trace.get_tracer("t").start_as_current_span("work"):
        logging.getLogger("shop").info("did %s", "it", extra={"order.id": 7})
    metrics.get_meter("t").create_counter("work.done").add(1)
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def environment(**variables: str) -> dict[str, str]:
    base = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    return {**base, "OTEL_SERVICE_NAME": "shop", "OTEL_METRIC_EXPORT_INTERVAL": "60000", **variables}


def start(last: str, **variables: str) -> subprocess.Popen[str]:
    program = textwrap.dedent(PROGRAM) + textwrap.dedent(last)
    return child_processes.start(
        [sys.executable, "-W", "error", "-c", program],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(program: str, **variables: str) -> str:
    with ending(start(program, **variables)) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def names(receiver: Receiver) -> tuple[list[str], list[str], list[str]]:
    return (
        [span.name for _, span in receiver.spans],
        [record.body.string_value for _, record in receiver.records],
        [metric.name for _, metric in receiver.metrics if metric.name == "work.done"],
    )


def test_s2_4_one_shutdown_flushes_all_three_signals_of_one_resource(receiver: Receiver) -> None:
    out = run(
        "assert telemetry.shutdown(timeout=60) is True",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=shop",
    )
    assert names(receiver) == (["work"], ["did it"], ["work.done"])
    resources = [about for about, _ in [*receiver.spans, *receiver.records, *receiver.metrics]]
    assert all(about == resources[0] for about in resources)
    assert resources[0]["service.name"] == "shop"
    assert all(metadata["x-tenant"] == "shop" for metadata in receiver.metadata)
    (line,) = [json.loads(line) for line in out.splitlines()]
    ((_, record),) = receiver.records
    ((_, span),) = receiver.spans
    assert line["trace_id"] == record.trace_id.hex() == span.trace_id.hex()
    assert line["span_id"] == record.span_id.hex() == span.span_id.hex()
    assert line["order.id"] == 7


def test_s2_4_the_end_of_the_process_flushes(receiver: Receiver) -> None:
    run("", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert names(receiver) == (["work"], ["did it"], ["work.done"])


def test_s2_4_sigterm_flushes_and_ends_the_process_as_the_signal_does(receiver: Receiver) -> None:
    waiting = "print('up', flush=True); time.sleep(60)"
    with ending(start(waiting, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "up":
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert names(receiver) == (["work"], ["did it"], ["work.done"])


def test_s2_4_shutdown_is_safe_twice_from_threads_and_init_gives_one_handle(receiver: Receiver) -> None:
    run(
        """
        import threading
        assert otel_mesh_telemetry.init() is telemetry
        results = []
        threads = [threading.Thread(target=lambda: results.append(telemetry.shutdown(timeout=60))) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert results == [True] * 4 and telemetry.shutdown() is True
        with trace.get_tracer("t").start_as_current_span("late"):
            logging.getLogger("shop").info("late")
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert names(receiver) == (["work"], ["did it"], ["work.done"])


GIVING_UP = "assert telemetry.shutdown(timeout=1.0) is False"
LONG = {"OTEL_EXPORTER_OTLP_TIMEOUT": "600"}
"""Seconds of an export; `run` waits for a tenth of it: what ends sooner was ended by its own deadline."""


def test_s2_4_shutdown_keeps_its_deadline_without_a_collector() -> None:
    run(GIVING_UP, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", **LONG)


def test_s2_4_shutdown_keeps_its_deadline_with_a_collector_that_never_answers(receiver: Receiver) -> None:
    receiver.stalled.set()
    run(GIVING_UP, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **LONG)  # nothing holds the process afterwards


def test_s1_6_the_profile_timeout_ends_an_export_that_is_not_answered(receiver: Receiver) -> None:
    receiver.stalled.set()
    run(
        """
        from opentelemetry.sdk.trace.export import SpanExportResult
        from otel_mesh_telemetry.exporters import span_exporter
        assert span_exporter("grpc", 15.0)._timeout == 15.0
        assert span_exporter("grpc", 0.5).export([]) is SpanExportResult.FAILURE
        telemetry.shutdown(timeout=0.2)
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )


def test_otlp_over_http() -> None:
    received: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        run(
            "assert telemetry.shutdown(timeout=60) is True",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{server.server_port}",
            OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf",
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert {path for path, _ in received} == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    request = ExportTraceServiceRequest.FromString(next(body for path, body in received if path == "/v1/traces"))
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "work"


def certificate(folder: Path) -> tuple[Path, grpc.ServerCredentials]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "ca.crt"
    path.write_bytes(pem)
    return path, grpc.ssl_server_credentials([(private, pem)])


def test_tls_with_a_certificate_file_and_not_without(tmp_path: Path) -> None:
    path, credentials = certificate(tmp_path)
    with Receiver(credentials=credentials) as receiver:
        run("telemetry.shutdown(timeout=1.0)", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
        assert not receiver.spans, "a collector that cannot prove who it is gets nothing"
        run(
            "assert telemetry.shutdown(timeout=60) is True",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_EXPORTER_OTLP_CERTIFICATE=str(path),
        )
        assert names(receiver) == (["work"], ["did it"], ["work.done"])


def test_disabled_sdk_exports_nothing_and_still_logs(receiver: Receiver) -> None:
    out = run(
        "assert telemetry.shutdown(timeout=60) is True",
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        OTEL_SDK_DISABLED="true",
    )
    assert json.loads(out)["message"] == "did it"
    assert not receiver.metadata


def test_s2_4_a_flush_where_no_thread_starts_any_more_runs_in_the_thread_that_ends(receiver: Receiver) -> None:
    # As the interpreter of Python 3.12.0 to 3.12.2 does once it runs the functions of atexit.
    run(
        """
        import threading
        def refuse(_thread):
            raise RuntimeError("can't create new thread at interpreter shutdown")
        threading.Thread.start = refuse
        assert telemetry.shutdown(timeout=60) is True
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
    )
    assert names(receiver) == (["work"], ["did it"], ["work.done"])


def test_s2_4_init_after_shutdown_says_that_it_cannot_be_instead_of_a_dead_handle() -> None:
    run(
        """
        telemetry.shutdown()
        try:
            otel_mesh_telemetry.init()
        except RuntimeError as error:
            assert "init() after shutdown(): OpenTelemetry's providers can't be started twice" in str(error)
        else:
            raise AssertionError("a handle that exports nothing")
        """,
        OTEL_SDK_DISABLED="true",
    )
