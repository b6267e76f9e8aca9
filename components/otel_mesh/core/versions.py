"""Default versions and public images, defined here only.

`tests/components/core/test_versions.py` compares them with the programs that the embedded environment builds
(`embedded/otel_mesh_embedded/toolchain`): the tests run what the defaults deploy.
"""

from __future__ import annotations

from typing import Final

PULUMI_KUBERNETES: Final = "4.25.0"
"""Pulumi's Kubernetes provider and its Python package."""

KUBERNETES: Final = "1.35.4"
"""Kubernetes in the engine tests and the embedded environment: the newest version that supports containerd 1.x."""

COLLECTOR: Final = "0.159.0"
"""OpenTelemetry Collector: the newest version whose core and contrib modules in use are all on the Go module proxy, so
that tests validate and run every configuration with the same release."""

JAEGER: Final = "2.13.0"
"""Jaeger; release 2.13 is Go module github.com/jaegertracing/jaeger v1.76.0. Later tags are not valid versions of that
module, so later releases cannot be built and tested here."""

PROMETHEUS: Final = "3.15.0"
"""Prometheus; Go module github.com/prometheus/prometheus v0.315.0. Version 3.16 requires a newer Go than the Python
index offers, from which the embedded environment installs Go on a machine without it."""

ALERTMANAGER: Final = "0.35.0"
"""Alertmanager; Go module github.com/prometheus/alertmanager."""

GRAFANA: Final = "12.4.11"
"""Grafana; not built here. The dashboards conform to npm's @grafana/schema of the same version."""

GRAFANA_LOGS_PLUGIN: Final = "0.30.1"
"""Grafana's data source for VictoriaLogs (Apache-2.0), for Grafana 10.4 and later."""

VICTORIA_LOGS: Final = "1.52.2"
"""VictoriaLogs; Go module github.com/VictoriaMetrics/VictoriaLogs."""

ISTIO: Final = "1.31.4"
"""Istio: the newest patch release of its minor version (tag v1.31.4 of istio.io/api and istio.io/client-go, set by
upstream's release builder). Stack ``local`` runs 1.31.0, whose source can be built here, with the public Envoy."""

ISTIO_CHARTS: Final = "https://blob.istio.io/istio-release/charts"
"""Upstream's Helm repository; ``oci://ghcr.io/istio/release/charts`` has the same charts. From 1.31 on, nothing is
published to the former locations (https://istio.io/latest/news/releases/1.31.x/announcing-1.31/upgrade-notes/)."""

LINKERD: Final = "edge-26.7.1"
"""Linkerd: the oldest edge release that sends all spans; there are no other open-source releases since 2024."""

LINKERD_CHARTS: Final = "https://helm.linkerd.io/edge"
"""Upstream's Helm repository of the edge releases."""

GATEWAY_API: Final = "1.6.0"
"""Custom resource definitions of the Gateway API, as required by Istio's go.mod. Istio ignores older ones (IST0176)."""

GATEWAY_API_FILES: Final = "https://raw.githubusercontent.com/kubernetes-sigs/gateway-api"
"""Base URL of the definitions, one file per kind: ``<base URL>/v1.6.0/config/crd/standard``."""

POSTGRES: Final = "17"
"""PostgreSQL's major version; the image's tag decides the minor version."""

REDIS: Final = "7.2"
"""Redis: the last minor version under the BSD licence; 8 and later are AGPL. Stack ``local`` runs Debian's 7.0."""

PYTHON: Final = "3.14"
"""Python of the error backend that injects faults on Linkerd."""

COLLECTOR_IMAGE: Final = f"docker.io/otel/opentelemetry-collector-contrib:{COLLECTOR}"
JAEGER_IMAGE: Final = f"docker.io/jaegertracing/jaeger:{JAEGER}"
PROMETHEUS_IMAGE: Final = f"docker.io/prom/prometheus:v{PROMETHEUS}"
ALERTMANAGER_IMAGE: Final = f"quay.io/prometheus/alertmanager:v{ALERTMANAGER}"
GRAFANA_IMAGE: Final = f"docker.io/grafana/grafana:{GRAFANA}"
VICTORIA_LOGS_IMAGE: Final = f"docker.io/victoriametrics/victoria-logs:v{VICTORIA_LOGS}"
POSTGRES_IMAGE: Final = f"docker.io/library/postgres:{POSTGRES}"
REDIS_IMAGE: Final = f"docker.io/library/redis:{REDIS}"
PYTHON_IMAGE: Final = f"docker.io/library/python:{PYTHON}-slim"
