"""Default versions and public images: the only place that names them.

`tests/components/core/test_versions.py` compares them with the programs that the embedded environment builds
(`embedded/otel_mesh_embedded/toolchain`), so that what is tested here is what the defaults run.
"""

from __future__ import annotations

from typing import Final

PULUMI_KUBERNETES: Final = "4.25.0"
"""The Kubernetes provider, and the Python package of the same version."""

KUBERNETES: Final = "1.35.4"
"""The Kubernetes that the engine tests and the embedded environment run: the newest that takes containerd 1.x."""

COLLECTOR: Final = "0.159.0"
"""OpenTelemetry Collector, core and contrib: the newest whose core and contrib parts that we use are all served by the
Go module proxy, so that every configuration is checked and run by the very release that it is for."""

JAEGER: Final = "2.13.0"
"""Jaeger; Go module github.com/jaegertracing/jaeger v1.76.0 is its release 2.13, the last whose tag a Go module of that
path can have: later releases cannot be built here, and what cannot be tested is not the default."""

PROMETHEUS: Final = "3.15.0"
"""Prometheus; Go module github.com/prometheus/prometheus v0.315.0. Not 3.16, which asks for a newer Go than the Python
index has, from which the embedded environment takes one where the machine has none."""

GRAFANA: Final = "12.4.11"
"""Grafana; built nowhere here. npm's @grafana/schema of the same version has the types that its dashboards satisfy."""

GRAFANA_LOGS_PLUGIN: Final = "0.30.1"
"""Grafana's data source for VictoriaLogs (Apache-2.0): the newest whose source was read, for Grafana 10.4 and later."""

VICTORIA_LOGS: Final = "1.52.2"
"""VictoriaLogs; Go module github.com/VictoriaMetrics/VictoriaLogs."""

ISTIO: Final = "1.31.4"
"""Istio: the newest patch release of its minor version (tag v1.31.4 of istio.io/api and istio.io/client-go, which
upstream's release builder sets with each release). Stack ``local`` runs 1.31.0, whose source can be built, with the
public Envoy."""

ISTIO_CHARTS: Final = "https://blob.istio.io/istio-release/charts"
"""Upstream's Helm repository; ``oci://ghcr.io/istio/release/charts`` holds the same. From 1.31 on nothing is published
to the former places (https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/)."""

GATEWAY_API: Final = "1.6.0"
"""Definitions of the Gateway API: those that Istio's go.mod requires. Istio ignores older ones of a kind (IST0176)."""

GATEWAY_API_FILES: Final = "https://raw.githubusercontent.com/kubernetes-sigs/gateway-api"
"""Where upstream has them, a file for each kind: ``<here>/v1.6.0/config/crd/standard``."""

POSTGRES: Final = "17"
"""PostgreSQL's major version; the minor one follows the image's tag."""

REDIS: Final = "7.2"
"""Redis: the last minor version under the BSD licence; from 8 on it is AGPL. Stack ``local`` runs Debian's 7.0."""

COLLECTOR_IMAGE: Final = f"docker.io/otel/opentelemetry-collector-contrib:{COLLECTOR}"
JAEGER_IMAGE: Final = f"docker.io/jaegertracing/jaeger:{JAEGER}"
PROMETHEUS_IMAGE: Final = f"docker.io/prom/prometheus:v{PROMETHEUS}"
GRAFANA_IMAGE: Final = f"docker.io/grafana/grafana:{GRAFANA}"
VICTORIA_LOGS_IMAGE: Final = f"docker.io/victoriametrics/victoria-logs:v{VICTORIA_LOGS}"
POSTGRES_IMAGE: Final = f"docker.io/library/postgres:{POSTGRES}"
REDIS_IMAGE: Final = f"docker.io/library/redis:{REDIS}"
