"""What one version observes: sampling, the Collectors' pipelines, and the backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.review.workloads import environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from otel_mesh.check.workloads import Workload


def sampling(manifests: Iterable[Mapping[str, Any]], workloads: Iterable[Workload]) -> dict[str, float]:
    """Share of the traces that are recorded, in percent, by who decides it."""
    found: dict[str, float] = {}
    for one in manifests:
        if one["kind"] != "Telemetry":
            continue
        place = f"proxies of {one['metadata'].get('namespace', '')}/{one['metadata']['name']}"
        for tracing in (one.get("spec") or {}).get("tracing") or ():
            if "randomSamplingPercentage" in tracing:
                found[place] = float(tracing["randomSamplingPercentage"])
            if tracing.get("disableSpanReporting"):
                found[place] = 0.0
    for workload in workloads:
        ratio = environment(workload).get("OTEL_TRACES_SAMPLER_ARG")
        if ratio is not None and ratio.replace(".", "", 1).isdigit():
            found[workload.object.place] = 100 * float(ratio)
    return found


def pipelines(manifests: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Exporters of each pipeline of a Collector, by ``namespace/ConfigMap pipeline``."""
    found: dict[str, tuple[str, ...]] = {}
    for place, config in _collectors(manifests):
        for name, pipeline in (config["service"].get("pipelines") or {}).items():
            found[f"{place} {name}"] = tuple(pipeline.get("exporters") or ())
    return found


def dropping(manifests: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Processors of a Collector that drop data on purpose, with their configuration."""
    found: dict[str, Mapping[str, Any]] = {}
    for place, config in _collectors(manifests):
        for name, settings in (config.get("processors") or {}).items():
            if name.partition("/")[0] in {"filter", "probabilistic_sampler", "tail_sampling"}:
                found[f"{place} {name}"] = settings or {}
    return found


def _collectors(manifests: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in manifests:
        if one["kind"] != "ConfigMap":
            continue
        for text in (one.get("data") or {}).values():
            if "receivers:" not in text or "pipelines:" not in text:
                continue
            config = yaml.safe_load(text)
            if isinstance(config, dict) and isinstance(config.get("service"), dict):
                yield f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}", config
