"""The default versions are those that the embedded environment builds, the tests run and docs/versions.md names."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

import pytest
import yaml

from otel_mesh.core import versions
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_embedded.toolchain import charts, owner
from otel_mesh_embedded.toolchain.programs import Build

SUPPORTED = (repo_dir() / "docs" / "versions.md").read_text()


def _built(program: str) -> str:
    """The version that the toolchain builds."""
    return owner(program).version.removeprefix("v")


def _required(module: str) -> str:
    """The version of a module that Istio's programs are built with."""
    folder = owner("pilot-discovery").folder
    return Build(folder, module, {}).version.removeprefix("v")


def _minor(number: str) -> str:
    return ".".join(number.split(".")[:2])


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


BUILT = {
    "KUBERNETES": ("kube-apiserver", "kubelet"),
    "COLLECTOR": ("otelcol",),
    "PROMETHEUS": ("prometheus", "promtool"),
    "ALERTMANAGER": ("alertmanager", "amtool"),
    "ISTIO": ("pilot-discovery", "pilot-agent", "istio-cni"),
}
"""Defaults and the programs that are what they name."""


@pytest.mark.parametrize("name", BUILT)
def test_defaults_have_the_minor_version_of_the_tested_programs(name: str) -> None:
    default = getattr(versions, name)
    assert {_minor(_built(program)) for program in BUILT[name]} == {_minor(default)}


def test_istio() -> None:
    stack = yaml.safe_load((repo_dir() / "Pulumi.local.yaml").read_text())["config"]["otel-mesh:settings"]
    assert stack["mesh"]["istio"]["version"] == _built("pilot-discovery") == charts.version()


def test_the_gateway_api_is_the_version_that_istio_requires() -> None:
    assert _required(charts.GATEWAY_API) == versions.GATEWAY_API


def _supported(component: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(component)} \| ([^|]+) \|", SUPPORTED, re.MULTILINE)
    return str(found).strip()


@pytest.mark.parametrize(
    ("component", "default"),
    [
        ("Istio", versions.ISTIO),
        ("Gateway API", versions.GATEWAY_API),
        ("OpenTelemetry Collector", versions.COLLECTOR),
        ("Jaeger", versions.JAEGER),
        ("Prometheus", versions.PROMETHEUS),
    ],
)
def test_readme_names_the_minor_version_of_each_default(component: str, default: str) -> None:
    assert re.match(rf"{re.escape(_minor(default))}(?![0-9])", _supported(component)), _supported(component)


def test_readme_names_a_range_of_kubernetes_that_holds_the_tested_one() -> None:
    lowest, highest = (int(one) for one in re.findall(r"1\.(\d+)", _supported("Kubernetes")))
    assert lowest < int(versions.KUBERNETES.split(".")[1]) < highest


def test_readme_names_the_requirements_of_the_package() -> None:
    project = tomllib.loads((repo_dir() / "components" / "pyproject.toml").read_text())["project"]
    asked = dict(re.findall(r"^([a-z-]+)(.*)$", "\n".join(project["dependencies"]), re.MULTILINE))
    assert _supported("Python") == f"`{project['requires-python']}`"
    assert _supported("Pulumi, Python SDK") == f"`{asked['pulumi']}`"
    assert _supported("Pulumi's Kubernetes provider") == f"`{asked['pulumi-kubernetes']}`"


def test_victoria_logs() -> None:
    assert _built("victoria-logs") == versions.VICTORIA_LOGS


def test_prometheus() -> None:
    assert _built("prometheus") == versions.PROMETHEUS


def test_alertmanager() -> None:
    assert _built("alertmanager") == _built("amtool") == versions.ALERTMANAGER


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
