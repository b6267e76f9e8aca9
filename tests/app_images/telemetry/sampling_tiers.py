"""Two Collectors in front of two samplers on loopback, with the configurations that are deployed."""

from __future__ import annotations

import contextlib
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from otel_mesh import OtelCollectorSettings, TailSamplerSettings
from otel_mesh.collector.config import collector_config
from otel_mesh.collector.tail_sampling import tail_sampling_config
from tests.programs.collector import LoopbackCollector, file_exporters, otlp_receiver
from tests.programs.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Tiers:
    """Both tiers, running.

    Attributes:
        collectors: that services send to.
        samplers: that decide.
    """

    def __init__(self, program: Path, folder: Path, settings: TailSamplerSettings) -> None:
        self.samplers = [self._sampler(program, folder / f"sampler-{number}", settings) for number in range(2)]
        ports = [sampler.port for sampler in self.samplers]
        self.collectors = [self._collector(program, folder / f"collector-{number}", ports) for number in range(2)]

    def _collector(self, program: Path, folder: Path, samplers: list[int]) -> LoopbackCollector:
        config = collector_config(OtelCollectorSettings(), sampled=True)
        # the only differences: addresses instead of a name, no API server to ask, no metric store
        exporter = config["exporters"]["load_balancing/traces"]
        exporter["resolver"] = {"static": {"hostnames": [f"127.0.0.1:{port}" for port in samplers]}}
        del config["exporters"]["otlp_http/metrics"]
        config["service"]["pipelines"] = {"traces": config["service"]["pipelines"]["traces"]}
        return on_loopback(program, folder, config)

    def _sampler(self, program: Path, folder: Path, settings: TailSamplerSettings) -> LoopbackCollector:
        config = tail_sampling_config(settings)
        config["exporters"] = file_exporters(folder)
        config["service"]["pipelines"]["traces/sampled"]["exporters"] = ["file/traces"]
        config["service"]["pipelines"]["metrics/service_graph"]["exporters"] = ["file/metrics"]
        return on_loopback(program, folder, config)

    def kept(self) -> list[list[dict[str, Any]]]:
        """Spans that were kept, by sampler."""
        return [sampler.spans() for sampler in self.samplers]

    def settled(self, done: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until the condition holds.

        Raises:
            AssertionError: it does not in time.
        """
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, "".join(one.log() for one in (*self.collectors, *self.samplers))
            time.sleep(0.2)


def on_loopback(
    program: Path, folder: Path, config: dict[str, Any], environment: dict[str, str] | None = None
) -> LoopbackCollector:
    """A Collector with a deployed one's configuration: without a cluster, on a free port of loopback.

    Args:
        program: the Collector.
        folder: for its files; made here.
        config: changed in place.
        environment: what the configuration refers to; None for a Collector that keeps its own metrics to itself.
    """
    folder.mkdir()
    port = free_port()
    config["receivers"] = otlp_receiver(port)
    config["extensions"] = {}
    config["service"]["extensions"] = []
    processors = config["processors"]
    if processors.pop("k8s_attributes", None) is not None:
        for pipeline in config["service"]["pipelines"].values():
            pipeline["processors"] = [name for name in pipeline["processors"] if name in processors]
    if environment is None:
        config["service"]["telemetry"] = {"metrics": {"level": "none"}}
        environment = {
            **os.environ,
            **dict.fromkeys(("POD_NAME", "POD_UID", "POD_NAMESPACE", "NODE_NAME"), folder.name),
        }
    return LoopbackCollector(program, folder, config, port, environment)


@contextmanager
def tiers(program: Path, folder: Path, settings: TailSamplerSettings) -> Iterator[Tiers]:
    """Both tiers, the samplers first."""
    made = Tiers(program, folder, settings)
    with contextlib.ExitStack() as stack:
        for one in (*made.samplers, *made.collectors):
            stack.enter_context(one)
        yield made
