"""Real losses of a real VictoriaLogs, scraped by a real Prometheus: every alert rule of the log store sees its own.

promtool shows the rules' thresholds and times (tests/components/backends/test_alert_rules.py); here it is that the
names and labels are those that the program has.
"""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING, Final

import pytest
import yaml
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from otel_mesh import PrometheusSettings, VictoriaLogsSettings
from otel_mesh.backends.prometheus.component import prometheus_config
from otel_mesh.backends.prometheus.rules import rule_files
from otel_mesh.backends.victoria_logs import victoria_logs_arguments
from otel_mesh.k8s.manifests import to_yaml
from tests.app_images.telemetry.otlp_sending import log_request, record
from tests.programs.prometheus import LoopbackPrometheus
from tests.programs.victoria_logs import LoopbackVictoriaLogs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.built import Built

FILE: Final = "victoria_logs.rules.yaml"
FREE: Final = "-storage.minFreeDiskSpaceBytes=67108864"
NEEDS_A_SMALL_DISK: Final = {"VictoriaLogsDiskFills"}
"""Nothing here fills a disk; its metrics are looked for all the same."""


@pytest.fixture
def logs(tmp_path: Path, built: Built) -> Iterator[LoopbackVictoriaLogs]:
    program = built("victoria-logs") / "victoria-logs"
    arguments = victoria_logs_arguments(VictoriaLogsSettings())
    with LoopbackVictoriaLogs(program, arguments, tmp_path / "logs") as running:
        yield running


@pytest.fixture
def prometheus(tmp_path: Path, built: Built, logs: LoopbackVictoriaLogs) -> Iterator[LoopbackPrometheus]:
    program = built("prometheus") / "prometheus"
    config = prometheus_config(PrometheusSettings(), {"victoria-logs": f"127.0.0.1:{logs.port}"})
    (tmp_path / FILE).write_text(rule_files()[FILE])
    config["rule_files"] = [str(tmp_path / FILE)]
    config["global"] |= {"evaluation_interval": "1s", "scrape_interval": "1s", "scrape_timeout": "1s"}
    (tmp_path / "prometheus.yml").write_text(to_yaml(config))
    with LoopbackPrometheus(program, tmp_path / "prometheus.yml", tmp_path) as running:
        yield running


class Alerts:
    """What fires, or waits for its time, and what did before."""

    def __init__(self, prometheus: LoopbackPrometheus) -> None:
        self._prometheus = prometheus
        self.seen: set[str] = set()

    def until(self, expected: str, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while expected not in self.seen:
            assert time.monotonic() < end, f"not seen: {expected}, but {self.seen}"
            time.sleep(0.5)
            self.seen |= {one["labels"]["alertname"] for one in self._prometheus.ask("alerts")["alerts"]}

    def scraped(self, expression: str, seconds: float = 120) -> None:
        """Wait until an expression has a value."""
        end = time.monotonic() + seconds
        while not self._prometheus.series(expression):
            assert time.monotonic() < end, f"no {expression}"
            time.sleep(0.2)


def test_every_loss_is_seen_by_its_rule(logs: LoopbackVictoriaLogs, prometheus: LoopbackPrometheus) -> None:
    alerts = Alerts(prometheus)
    resource = {"service.name": "api-gateway"}
    logs.push(log_request(resource, record("kept")).SerializeToString())
    alerts.scraped("vl_rows_ingested_total == 1")
    alerts.scraped("vl_streams_created_total == 1")
    assert not prometheus.series('ALERTS{alertname!="VictoriaLogsDiskFills"}'), "nothing is lost yet"

    logs.push(log_request(resource, record("old", age_seconds=30 * 86400)).SerializeToString())
    alerts.until("VictoriaLogsDropsLines")
    unkeepable = record("named too long")
    unkeepable.attributes.append(KeyValue(key="x" * 200, value=AnyValue(string_value="y")))
    logs.push(log_request(resource, unkeepable).SerializeToString())
    alerts.until("VictoriaLogsIgnoresLines")
    for number in range(1500):
        numbered = log_request({"service.name": f"job-{number}"}, record("begins"))
        logs.push(numbered.SerializeToString(), findable=False)
    alerts.until("VictoriaLogsStreamsGrow")

    for _ in range(3):
        started = f"vm_app_start_timestamp == {logs.metric('vm_app_start_timestamp'):.0f}"
        alerts.scraped(started)
        time.sleep(1)  # it counts whole seconds
        logs.signal(signal.SIGKILL)
        logs.start()
    alerts.until("VictoriaLogsRestarts")

    logs.signal(signal.SIGTERM)
    logs.change(FREE, "-storage.minFreeDiskSpaceBytes=1000TiB")
    logs.start()
    alerts.until("VictoriaLogsReadOnly")

    rules = [rule for group in yaml.safe_load(rule_files()[FILE])["groups"] for rule in group["rules"]]
    # a machine whose own disk is nearly full sees that one too
    assert alerts.seen - NEEDS_A_SMALL_DISK == {rule["alert"] for rule in rules} - NEEDS_A_SMALL_DISK
    told = logs.get("/metrics")
    for name in {name for rule in rules for name in re.findall(r"\bv[lm]_\w+", rule["expr"])}:
        assert re.search(rf"^{name}[{{ ]", told, re.MULTILINE), name
