"""The defaults name what the embedded environment builds and the tests run."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from local.toolchain import owner
from otel_mesh import versions


def _built(program: str) -> str:
    """The version that the toolchain builds."""
    return owner(program).version.removeprefix("v")


def _jaeger(module_version: str) -> str:
    """Jaeger's modules count from 1.58 on as releases 2.0 and later: 1.76 is 2.13."""
    major, minor, patch = module_version.split(".")
    assert major == "1"
    return f"2.{int(minor) - 63}.{patch}"


def test_kubernetes_provider() -> None:
    assert version("pulumi_kubernetes") == _built("pulumi-resource-kubernetes") == versions.PULUMI_KUBERNETES


def test_kubernetes() -> None:
    assert _built("kube-apiserver") == _built("kubelet") == versions.KUBERNETES


def test_collector() -> None:
    assert _built("otelcol") == versions.COLLECTOR


def test_jaeger() -> None:
    assert _jaeger(_built("jaeger")) == versions.JAEGER


def test_victoria_logs() -> None:
    assert _built("victoria-logs") == versions.VICTORIA_LOGS


def test_prometheus() -> None:
    assert _built("prometheus") == versions.PROMETHEUS


@pytest.mark.parametrize(
    "image",
    [
        "COLLECTOR_IMAGE",
        "GRAFANA_IMAGE",
        "JAEGER_IMAGE",
        "VICTORIA_LOGS_IMAGE",
        "PROMETHEUS_IMAGE",
        "POSTGRES_IMAGE",
        "REDIS_IMAGE",
    ],
)
def test_images_carry_their_version(image: str) -> None:
    tag = getattr(versions, image).rpartition(":")[2]
    assert tag.removeprefix("v") == getattr(versions, image.removesuffix("_IMAGE"))
