"""B11: queues on disk and a second endpoint, on the running environment: what a Collector accepts is delivered.

The stack is changed for this module and restored afterwards.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from otel_mesh.catalog.log_queries import of_trace
from otel_mesh_cli.core import child_processes
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.stacks.addresses import JAEGER, LOGS
from tests.e2e.cluster_objects import as_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = [pytest.mark.e2e, pytest.mark.full]

NAMESPACE = ("-n", "observability")
STORES = ("deployment/jaeger", "deployment/victoria-logs")
SECOND = "jaeger-second"
BATCHES, SPANS = 40, 25
DEADLINE_S = 180.0
CHANGES = {
    "collector": {
        "replicas": 2,
        "metrics_interval_seconds": 10,
        "batching": {"timeout": "500ms"},
        "storage": {"kind": "persistent", "size": "256Mi", "storage_class": "local"},
        "exports": {"second": {"endpoint": f"http://{SECOND}.observability.svc:4317", "signals": ["traces"]}},
    }
}
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@pytest.fixture(scope="module")
def stack(run: Callable[..., subprocess.CompletedProcess[str]], kubectl: Callable[..., str]) -> Iterator[None]:
    """The environment with a second Jaeger, which the Collectors send copies to, and with queues on volumes."""
    _second_jaeger(kubectl)
    changed = (sys.executable, "-m", "tests.e2e.changed_stack", json.dumps(CHANGES))
    try:
        done = run(*changed, "up", timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        yield
    finally:
        kubectl("scale", *NAMESPACE, *STORES, "--replicas=1")
        done = run("otel-mesh", "up", timeout=600)
        kubectl("delete", *NAMESPACE, "deployment,service", SECOND, "--ignore-not-found")
        kubectl("delete", *NAMESPACE, "pvc", "-l", "app.kubernetes.io/instance=otel-collector", "--wait=false")
        assert done.returncode == 0, done.stdout + done.stderr


def _second_jaeger(kubectl: Callable[..., str]) -> None:
    """A copy of the stack's Jaeger under another name."""
    items = []
    for kind in ("deployment", "service"):
        found = json.loads(kubectl("get", *NAMESPACE, kind, "jaeger", "-o", "json"))
        labels = {**found["metadata"]["labels"], "app.kubernetes.io/instance": SECOND}
        found["metadata"] = {"name": SECOND, "namespace": "observability", "labels": labels}
        del found["status"]
        spec = found["spec"]
        if kind == "service":
            spec["selector"]["app.kubernetes.io/instance"] = SECOND
            for field in ("clusterIP", "clusterIPs"):
                del spec[field]
        else:
            spec["selector"]["matchLabels"]["app.kubernetes.io/instance"] = SECOND
            spec["template"]["metadata"]["labels"]["app.kubernetes.io/instance"] = SECOND
        items.append(found)
    kubectl("apply", "-f", "-", input=as_list(items))
    kubectl("rollout", "status", *NAMESPACE, f"deployment/{SECOND}", "--timeout=180s")


@contextlib.contextmanager
def _receiver(settings: Mapping[str, str], pod: str) -> Iterator[str]:
    """URL of the OTLP receiver (HTTP) of one pod, past its proxy."""
    command = ["kubectl", "port-forward", *NAMESPACE, f"pod/{pod}", ":4318"]
    environment = {**os.environ, **settings}
    forward = child_processes.start(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=repo_dir()
    )
    try:
        assert forward.stdout is not None
        line = forward.stdout.readline().decode()
        found = _FORWARDING.search(line)
        assert found, line
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        forward.kill()
        forward.wait()
        if forward.stdout is not None:
            forward.stdout.close()


def _resource(kind: str, scope: str, items: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    name = {"key": "service.name", "value": {"stringValue": "queue-test"}}
    return {kind: [{"resource": {"attributes": [name]}, scope: [{"scope": {"name": "test"}, items: records}]}]}


def _spans(trace_id: str) -> dict[str, Any]:
    now = time.time_ns()
    records = [
        {
            "traceId": trace_id,
            "spanId": secrets.token_hex(8),
            "name": f"span {number}",
            "kind": 1,
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 1_000_000),
        }
        for number in range(SPANS)
    ]
    return _resource("resourceSpans", "scopeSpans", "spans", records)


def _lines(trace_id: str) -> dict[str, Any]:
    now = str(time.time_ns())
    records = [
        {"timeUnixNano": now, "traceId": trace_id, "severityText": "INFO", "body": {"stringValue": f"line {number}"}}
        for number in range(SPANS)
    ]
    return _resource("resourceLogs", "scopeLogs", "logRecords", records)


def _send(url: str) -> list[str]:
    """Sends spans and log lines, all of which the Collector accepts; returns their trace ids."""
    sent = []
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        for _ in range(BATCHES):
            trace_id = secrets.token_hex(16)
            for path, body in (("/v1/traces", _spans(trace_id)), ("/v1/logs", _lines(trace_id))):
                answer = client.post(path, json=body)
                assert answer.status_code == HTTPStatus.OK, answer.text
                assert not answer.json().get("partialSuccess")
            sent.append(trace_id)
    return sent


def _collector_processes() -> list[int]:
    """Processes of the Collectors' program, in whichever container."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"--config=file:/etc/otel-collector/config.yaml" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def _wait_until_all_arrived(http: httpx.Client, sent: list[str]) -> None:
    end = time.monotonic() + DEADLINE_S
    missing = {(kind, one) for kind in ("spans", "lines") for one in sent}
    while missing:
        for kind, trace_id in sorted(missing):
            counted = _span_count(http, trace_id) if kind == "spans" else _line_count(http, trace_id)
            if counted >= SPANS:
                missing.discard((kind, trace_id))
        assert time.monotonic() < end, (
            f"{len(missing)} of {2 * len(sent)} batches did not arrive: {sorted(missing)[:4]}"
        )
        time.sleep(0.5)


def _span_count(http: httpx.Client, trace_id: str) -> int:
    with contextlib.suppress(httpx.HTTPError, json.JSONDecodeError):
        answer = http.get(f"{JAEGER.url}/api/traces/{trace_id}")
        if answer.status_code == HTTPStatus.OK:
            return len({span["spanID"] for one in answer.json()["data"] for span in one["spans"]})
    return 0


def _line_count(http: httpx.Client, trace_id: str) -> int:
    with contextlib.suppress(httpx.HTTPError, json.JSONDecodeError):
        answer = http.get(f"{LOGS.url}/select/logsql/query", params={"query": of_trace(trace_id)})
        if answer.status_code == HTTPStatus.OK:
            return len({json.loads(line)["_msg"] for line in answer.text.splitlines()})
    return 0


def test_a_second_endpoint_gets_every_trace_too(
    stack: None,  # noqa: ARG001 - deployed
    settings: Mapping[str, str],
    kubectl: Callable[..., str],
    http: httpx.Client,
) -> None:
    with _receiver(settings, "otel-collector-0") as url:
        sent = _send(url)
    _wait_until_all_arrived(http, sent)
    proxy = f"/api/v1/namespaces/observability/services/{SECOND}:16686/proxy"
    services = json.loads(kubectl("get", "--raw", f"{proxy}/api/services"))["data"]
    assert {"queue-test", "api-gateway"} <= set(services)
    end = time.monotonic() + DEADLINE_S
    for trace_id in sent:
        while True:
            with contextlib.suppress(AssertionError):
                found = json.loads(kubectl("get", "--raw", f"{proxy}/api/traces/{trace_id}"))["data"]
                if sum(len(one["spans"]) for one in found) == SPANS:
                    break
            assert time.monotonic() < end, trace_id
            time.sleep(0.5)


def test_nothing_accepted_is_lost_when_backends_are_down_and_collectors_are_killed(
    stack: None,  # noqa: ARG001 - deployed
    settings: Mapping[str, str],
    kubectl: Callable[..., str],
    http: httpx.Client,
) -> None:
    pods = ("otel-collector-0", "otel-collector-1")
    kubectl("scale", *NAMESPACE, *STORES, "--replicas=0")
    for name in ("jaeger", "victoria-logs"):
        kubectl("wait", *NAMESPACE, "--for=delete", "pod", "-l", f"app.kubernetes.io/instance={name}", "--timeout=180s")
    sent = []
    for pod in pods:
        with _receiver(settings, pod) as url:
            sent += _send(url)
    old = {pod: kubectl("get", *NAMESPACE, "pod", pod, "-o", "jsonpath={.metadata.uid}") for pod in pods}
    killed = _collector_processes()
    assert len(killed) == len(pods)
    for process in killed:
        os.kill(process, signal.SIGKILL)
    kubectl("delete", *NAMESPACE, "pod", *pods, "--grace-period=0", "--force")
    kubectl("rollout", "status", *NAMESPACE, "statefulset/otel-collector", "--timeout=180s")
    new = {pod: kubectl("get", *NAMESPACE, "pod", pod, "-o", "jsonpath={.metadata.uid}") for pod in pods}
    assert all(new[pod] != old[pod] for pod in pods)
    kubectl("scale", *NAMESPACE, *STORES, "--replicas=1")
    _wait_until_all_arrived(http, sent)
