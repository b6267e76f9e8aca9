"""S2.1: building a Collector's configuration: order of processors, definitions of parts, refused mistakes."""

from __future__ import annotations

import pytest

from otel_mesh.collector.pipelines import (
    CollectorConfig,
    Connector,
    Exporter,
    Extension,
    Pipeline,
    Processor,
    Receiver,
    Stage,
)

OTLP = Receiver("otlp", {"protocols": {}})
LIMITER = Processor("memory_limiter", {"limit_percentage": 75}, Stage.LIMIT)
LABEL = Processor("resource", {"attributes": []}, Stage.LABEL)
DEBUG = Exporter("debug")
TAP = Connector("forward")


def config(**pipelines: Pipeline) -> CollectorConfig:
    made = CollectorConfig(Extension("health_check"), {"logs": {}})
    made.add(pipelines)
    return made


def test_processors_run_in_the_order_of_their_stages() -> None:
    made = config(traces=Pipeline(sources=(OTLP,), processors=(LABEL,), destinations=(DEBUG,)))
    translate, identify = Processor("transform"), Processor("k8s_attributes", stage=Stage.IDENTIFY)
    made.extend("traces", processors=(translate,))
    made.extend("traces", processors=(LIMITER, identify), destinations=(TAP,))
    rendered = made.render()
    assert rendered["service"]["pipelines"]["traces"] == {
        "receivers": ["otlp"],
        "processors": ["memory_limiter", "k8s_attributes", "transform", "resource"],
        "exporters": ["debug", "forward"],
    }
    assert list(rendered["processors"]) == ["resource", "transform", "memory_limiter", "k8s_attributes"]


def test_every_part_of_a_pipeline_is_defined_once_in_its_section() -> None:
    made = config(
        traces=Pipeline(sources=(OTLP,), processors=(LIMITER,), destinations=(TAP,)),
        logs=Pipeline(sources=(OTLP, TAP), processors=(LIMITER,), destinations=(DEBUG,)),
    )
    rendered = made.render()
    del rendered["service"]["pipelines"]
    assert rendered == {
        "extensions": {"health_check": None},
        "receivers": {"otlp": {"protocols": {}}},
        "processors": {"memory_limiter": {"limit_percentage": 75}},
        "connectors": {"forward": None},
        "exporters": {"debug": None},
        "service": {"extensions": ["health_check"], "telemetry": {"logs": {}}},
    }


def test_two_definitions_of_a_part_or_a_pipeline_are_refused() -> None:
    made = config(traces=Pipeline(sources=(OTLP,), processors=(LIMITER,), destinations=(DEBUG,)))
    with pytest.raises(ValueError, match="processors: two definitions of memory_limiter"):
        made.extend("traces", processors=(Processor("memory_limiter", {"limit_percentage": 50}),))
    with pytest.raises(ValueError, match="pipeline traces exists already"):
        made.add({"traces": Pipeline(sources=(OTLP,), destinations=(DEBUG,))})


def test_a_rendered_configuration_is_a_copy() -> None:
    made = config(traces=Pipeline(sources=(OTLP,), processors=(LIMITER,), destinations=(DEBUG,)))
    made.render()["receivers"]["otlp"]["protocols"]["grpc"] = {}
    assert made.render()["receivers"]["otlp"] == {"protocols": {}}
