"""S1.2: where an installation of Istio takes its charts and definitions from, and whose definitions become its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pulumi
import pytest

from otel_mesh import InvalidSettingsError, IstioSettings
from otel_mesh.core import versions
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Annotation
from otel_mesh.mesh.installing.chart_objects import chart_transform
from otel_mesh.mesh.installing.gateway_api import FOLDER, KINDS, definition_files
from otel_mesh.mesh.istio.install import chart_source

if TYPE_CHECKING:
    from pathlib import Path

CHART = "kubernetes:helm.sh/v4:Chart"
FILES = "kubernetes:yaml/v2:ConfigGroup"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
UPSTREAM = f"https://raw.githubusercontent.com/kubernetes-sigs/gateway-api/v{versions.GATEWAY_API}/config/crd/standard"
TIMEOUTS = pulumi.CustomTimeouts(create="1m")


def test_charts_come_from_the_upstream_repository_a_registry_or_a_folder() -> None:
    repository = "https://blob.istio.io/istio-release/charts"
    pinned = {"version": versions.ISTIO}
    assert chart_source("cni", IstioSettings(), None) == {"chart": "cni", "repository": repository, **pinned}
    registry = IstioSettings(chart_repository="oci://ghcr.io/istio/release/charts")
    assert chart_source("cni", registry, None) == {"chart": "oci://ghcr.io/istio/release/charts/cni", **pinned}
    assert chart_source("cni", registry, "/charts") == {"chart": "/charts/cni"}


def _files(place: object) -> list[str]:
    return [f"{place}/gateway.networking.k8s.io_{kind}.yaml" for kind in KINDS]


def test_gateway_api_definitions_come_from_upstream_sources_or_a_chart_folder(tmp_path: Path) -> None:
    assert definition_files(IstioSettings().gateway_api, None) == _files(UPSTREAM)
    assert definition_files(IstioSettings().gateway_api, str(tmp_path)) == _files(UPSTREAM), "the folder has none"
    (tmp_path / FOLDER).mkdir()
    assert definition_files(IstioSettings().gateway_api, str(tmp_path)) == _files(tmp_path / FOLDER)


def test_the_upstream_sources_can_be_replaced_by_a_mirror() -> None:
    settings = IstioSettings.model_validate({"gateway_api": {"version": "1.6.2", "files": "https://mirror.example/g"}})
    assert definition_files(settings.gateway_api, None) == _files("https://mirror.example/g/v1.6.2/config/crd/standard")


@pytest.mark.parametrize("wrong", [{"version": "v1.6.0"}, {"files": "mirror.example"}, {"definitions": "delete"}])
def test_a_wrong_setting_of_the_gateway_api_is_named(wrong: dict[str, str]) -> None:
    (key,) = wrong
    with pytest.raises(InvalidSettingsError, match=rf"gateway_api\.{key}"):
        parse(IstioSettings, {"gateway_api": wrong})


def _changed(settings: IstioSettings, kind: str, *, takes_over: bool) -> tuple[dict[str, str], pulumi.ResourceOptions]:
    transform = chart_transform(settings.crds, TIMEOUTS, takes_over=takes_over)
    opts = pulumi.ResourceOptions()
    args = pulumi.ResourceTransformArgs(
        custom=True, type_=kind, name="one", props={"metadata": {"name": "one"}}, opts=opts
    )
    result = transform(args)
    assert result is not None
    metadata = cast("dict[str, dict[str, str]]", result.props["metadata"])
    return metadata.get("annotations", {}), result.opts


@pytest.mark.parametrize("crds", ["keep", "delete"])
@pytest.mark.parametrize("takes_over", [True, False])
def test_only_istio_s_definitions_are_taken_over_and_crds_decides_what_is_retained(
    crds: str, *, takes_over: bool
) -> None:
    settings = IstioSettings.model_validate({"crds": crds})
    annotations, opts = _changed(settings, DEFINITION, takes_over=takes_over)
    assert (annotations == {Annotation.PATCH_FORCE.value: "true"}) is takes_over
    assert opts.retain_on_delete is (crds == "keep")


@pytest.mark.parametrize("kind", [CHART, FILES, "pulumi:providers:kubernetes", "otel-mesh:index:Istio"])
def test_groups_of_objects_are_not_transformed(kind: str) -> None:
    args = pulumi.ResourceTransformArgs(custom=False, type_=kind, name="one", props={}, opts=pulumi.ResourceOptions())
    assert chart_transform("keep", TIMEOUTS)(args) is None
