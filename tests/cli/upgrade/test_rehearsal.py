"""What the rehearsal of an upgrade says of definitions, defaults and proxies."""

from __future__ import annotations

from typing import Any

import pytest

from otel_mesh_cli.main import main
from otel_mesh_cli.review.model import Version
from otel_mesh_cli.review.report import Side
from otel_mesh_cli.upgrade.markdown import comment
from otel_mesh_cli.upgrade.rehearsal import Upgrade


def definition(name: str, **versions: tuple[bool, bool]) -> dict[str, Any]:
    """A definition whose versions are served and stored."""
    listed = [{"name": one, "served": served, "storage": stored} for one, (served, stored) in versions.items()]
    metadata = {"name": name}
    kind = "CustomResourceDefinition"
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": {"versions": listed}}


def deployment(name: str, image: str) -> dict[str, Any]:
    template = {"metadata": {}, "spec": {"containers": [{"name": name, "image": image}]}}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}},
}


def upgrade(before: list[dict[str, Any]], after: list[dict[str, Any]], **more: Any) -> Upgrade:  # noqa: ANN401
    old, new = Version((NAMESPACE, *before)), Version((NAMESPACE, *after))
    return Upgrade("prod", Side("Istio 1", old, {}), Side("Istio 2", new, {}), "otel-mesh review", **more)


def test_versions_of_definitions_that_come_go_or_change_are_named() -> None:
    before = [
        definition("old.istio.io", v1=(True, True)),
        definition("same.istio.io", v1=(True, True)),
        definition("moved.istio.io", v1alpha3=(True, True), v1beta1=(True, False)),
    ]
    after = [
        definition("new.istio.io", v1=(True, True), v1beta1=(True, False)),
        definition("same.istio.io", v1=(True, True)),
        definition("moved.istio.io", v1alpha3=(False, False), v1=(True, True)),
    ]
    both = "served and stored"
    assert upgrade(before, after).definitions == (
        f"moved.istio.io: v1 absent -> {both}, v1alpha3 {both} -> not served, v1beta1 served -> absent",
        "new.istio.io is new: v1, v1beta1",
        "old.istio.io is removed: v1",
    )


def test_workloads_that_are_not_restarted_keep_the_old_proxy() -> None:
    before = [deployment("gateway", "proxy:1"), deployment("orders", "orders:1")]
    after = [deployment("gateway", "proxy:2"), deployment("orders", "orders:1")]
    assert upgrade(before, after).waiting == ("shop/orders",)


def test_the_comment_tells_what_the_charts_show_after_the_verdict() -> None:
    objects = [deployment("orders", "orders:1")]
    report = upgrade(
        objects,
        objects,
        defaults=(("istiod", "traceSampling", 1.0, 2.0), ("istiod", "pilot|x", None, {"a": 1})),
        removed=("istiod: rollingMaxSurge",),
    )
    text = comment(report)
    assert text.startswith(
        "<!-- otel-mesh upgrade: prod -->\n\n### otel-mesh upgrade: stack `prod`\n\n**Nothing changes.**"
    )
    places = [
        text.index(one) for one in ("Nothing changes", "- `istiod: rollingMaxSurge`", "Changed defaults", "Not checked")
    ]
    assert places == sorted(places)
    assert "| istiod | `traceSampling` | `1.0` | `2.0` |" in text
    assert report.data()["upgrade"]["removed"] == ["istiod: rollingMaxSurge"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--upgrade", "envoy=2"),
            "--upgrade envoy=2: not a version of a mesh; give one like istio=1.31.2 or linkerd=",
        ),
        (("--upgrade", "istio"), "--upgrade istio: not a version of a mesh"),
        (("--upgrade", "linkerd=2"), "--upgrade linkerd=2: "),
        (("--upgrade", "linkerd=edge-26.7.0"), "--upgrade linkerd=edge-26.7.0: edge-26.7.0 is older than edge-26.7.1"),
        (("--upgrade", "linkerd=edge-26.7.2"), "--upgrade linkerd=edge-26.7.2: stack local installs no Linkerd"),
        (("--upgrade", "istio=9.9.9", "--stack", "nothing"), "stack 'nothing': the checkout has no"),
        (("--upgrade", "istio=9.9.9", "--charts", "/nowhere"), "/nowhere/base: no chart there; name a folder with"),
    ],
)
def test_an_upgrade_that_cannot_be_rehearsed_is_refused_in_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"otel-mesh: {said}")
    assert told.count("\n") == 1
