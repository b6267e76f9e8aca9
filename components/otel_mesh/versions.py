"""Default versions and public images: the only place that names them.

`tests/components/test_versions.py` compares them with the programs that the embedded environment builds
(`local/toolchain`), so that what is tested here is what the defaults run.
"""

from __future__ import annotations

from typing import Final

PULUMI_KUBERNETES: Final = "4.25.0"
"""The Kubernetes provider, and the Python package of the same version."""

KUBERNETES: Final = "1.34.4"
"""The Kubernetes that the engine tests and the embedded environment run."""

COLLECTOR: Final = "0.159.0"
"""OpenTelemetry Collector, core and contrib."""

JAEGER: Final = "2.13.0"
"""Jaeger; Go module github.com/jaegertracing/jaeger v1.76.0 is its release 2.13."""

PROMETHEUS: Final = "3.15.0"
"""Prometheus; Go module github.com/prometheus/prometheus v0.315.0."""

GRAFANA: Final = "12.4.11"
"""Grafana; built nowhere here. npm's @grafana/schema of the same version has the types that its dashboards satisfy."""

GRAFANA_LOGS_PLUGIN: Final = "0.30.1"
"""Grafana's data source for VictoriaLogs (Apache-2.0): the newest whose source was read, for Grafana 10.4 and later."""

VICTORIA_LOGS: Final = "1.52.2"
"""VictoriaLogs; Go module github.com/VictoriaMetrics/VictoriaLogs."""

ISTIO: Final = "1.30.3"
"""Istio; stack ``local`` runs 1.27.9, the newest whose source can be built there, with the public Envoy."""

ISTIO_CHARTS: Final = "https://istio-release.storage.googleapis.com/charts"
"""Upstream's Helm repository."""

POSTGRES: Final = "17"
"""PostgreSQL's major version; the minor one follows the image's tag."""

REDIS: Final = "8"
"""Redis' major version; the minor one follows the image's tag. Stack ``local`` runs Debian's 7."""

COLLECTOR_IMAGE: Final = f"docker.io/otel/opentelemetry-collector-contrib:{COLLECTOR}"
JAEGER_IMAGE: Final = f"docker.io/jaegertracing/jaeger:{JAEGER}"
PROMETHEUS_IMAGE: Final = f"docker.io/prom/prometheus:v{PROMETHEUS}"
GRAFANA_IMAGE: Final = f"docker.io/grafana/grafana:{GRAFANA}"
VICTORIA_LOGS_IMAGE: Final = f"docker.io/victoriametrics/victoria-logs:v{VICTORIA_LOGS}"
POSTGRES_IMAGE: Final = f"docker.io/library/postgres:{POSTGRES}"
REDIS_IMAGE: Final = f"docker.io/library/redis:{REDIS}"
