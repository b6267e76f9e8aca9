"""S1.1: the installation of Linkerd: what it refuses, its charts' values, and where keys do not show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from otel_mesh import GivenIdentity, InvalidSettingsError, Linkerd, LinkerdArgs, LinkerdSettings, MeshBinding
from otel_mesh.core.errors import parse
from otel_mesh.mesh.linkerd import install
from otel_mesh.mesh.linkerd.authority import generate
from otel_mesh.mesh.linkerd.binding import linkerd_binding
from otel_mesh.mesh.linkerd.charts import cni_values, control_plane_values
from otel_mesh.mesh.linkerd.install import chart_source, linkerd_namespaces
from tests.components import golden_files
from tests.components.mesh.linkerd.scenarios import COLLECTOR, TRACING
from tests.components.pulumi_program import Program, event_loop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh import MeshInstaller

GOLDEN = golden_files.GOLDEN / "linkerd"
MADE = generate("cluster.local", "linkerd", 365)
OTHER = generate("cluster.local", "linkerd", 365)
GIVEN = {"identity": {"source": "given"}}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """A program without the objects of charts and definitions; charts keep their values."""

    def chart(mesh: Linkerd, name: str, _: str, values: dict[str, Any], __: object) -> pulumi.Resource:
        made = pulumi.ComponentResource("test:index:Chart", name, None, pulumi.ResourceOptions(parent=mesh))
        charts[name] = values[name]
        return made

    charts.clear()
    monkeypatch.setattr(Linkerd, "_chart", chart)
    monkeypatch.setattr(install, "gateway_api_definitions", lambda *_, **__: [])
    with event_loop() as loop:
        yield Program(loop)


charts: dict[str, dict[str, Any]] = {}


def _installed(settings: dict[str, Any] | None = None, **more: Any) -> Linkerd:  # noqa: ANN401 - arguments
    args = {"tracing": TRACING, "environment": "test", "collector": COLLECTOR, **more}
    return Linkerd("linkerd", LinkerdArgs(**args, settings=parse(LinkerdSettings, settings or {})))


def test_the_binding_is_exported_in_the_form_other_stacks_read(program: Program) -> None:
    mesh: MeshInstaller = _installed()
    assert mesh.namespaces == ("linkerd", "linkerd-cni")
    assert mesh.chart_warnings == ()
    assert MeshBinding.model_validate(program.value(_installed().mesh)) == mesh.binding
    assert mesh.binding.identity("shop", "web") == "web.shop.serviceaccount.identity.linkerd.cluster.local"
    assert mesh.binding.peer_identity == "l5d-client-id"
    assert mesh.binding.annotations_of_pods(meshed=False) == {"linkerd.io/inject": "disabled"}


def test_generated_keys_are_in_secrets_only(program: Program) -> None:
    _installed()
    kinds = program.kinds()
    assert kinds.count("Secret") == 5  # a generation, its issuer, three webhooks
    anchors = program.value(charts["linkerd-control-plane"]["identityTrustAnchorsPEM"])
    assert anchors.startswith("-----BEGIN CERTIFICATE-----")
    for name, values in charts.items():
        known = {key: program.value(pulumi.Output.from_input(value)) for key, value in values.items()}
        assert "PRIVATE KEY" not in json.dumps(known), name
    others = [one.inputs for one in program.mocks.registered if not one.typ.endswith(":Secret")]
    assert "PRIVATE KEY" not in str(others)


def test_given_keys_show_nowhere(program: Program) -> None:
    identity = GivenIdentity(
        trust_anchors=MADE.anchor,
        issuer_certificate=MADE.issuer.certificate,
        issuer_key=pulumi.Output.secret(MADE.issuer.key),
    )
    mesh = _installed(GIVEN, identity=identity)
    assert "Secret" in program.kinds()
    assert program.value(charts["linkerd-control-plane"]["identityTrustAnchorsPEM"]) == MADE.anchor
    assert MADE.issuer.key.splitlines()[1] not in repr(identity) + str(mesh.binding)
    assert "PRIVATE KEY" not in str(charts)


@pytest.mark.parametrize(
    ("settings", "more", "place"),
    [
        ({}, {"collector": None}, "collector"),
        (GIVEN, {}, "identity"),
        ({}, {"identity": GivenIdentity(trust_anchors=MADE.anchor)}, "identity"),
        (GIVEN, {"identity": GivenIdentity(trust_anchors="no certificate")}, "identity.trust_anchors"),
        (
            GIVEN,
            {
                "identity": GivenIdentity(
                    trust_anchors=OTHER.anchor,
                    issuer_certificate=MADE.issuer.certificate,
                    issuer_key=MADE.issuer.key,
                )
            },
            "identity.issuer_certificate",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_registered(
    program: Program, settings: dict[str, Any], more: dict[str, Any], place: str
) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        _installed(settings, **more)
    assert [one.path for one in refused.value.problems] == [place]
    assert program.kinds() == []


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"version": "edge-26.6.3"}, "version"),
        ({"version": "stable-2.14.10"}, "version"),
        ({"cni": {"namespace": "linkerd"}}, "cni.namespace"),
        ({"proxy": {"image": "registry.example.com/proxy"}}, "proxy.image"),
        ({"identity": {"generations": [2, 1]}}, "identity.generations"),
        ({"identity": {"generations": [1, 2, 3]}}, "identity.generations"),
        ({"identity": {"issuer_generation": 2}}, "identity.issuer_generation"),
        ({"identity": {"source": "cert-manager"}}, "identity.cert_manager"),
        ({"identity": {"cert_manager": {"name": "root"}}}, "identity.cert_manager"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        parse(LinkerdSettings, settings)
    assert [one.path for one in refused.value.problems] == [place]


@pytest.mark.parametrize(("inbound", "kinds"), [("deny", 1), ("all-authenticated", 0)])
def test_only_the_metrics_of_the_control_plane_s_proxies_are_opened(program: Program, inbound: str, kinds: int) -> None:
    _installed({"proxy": {"inbound": inbound}})
    program.kinds()
    made = {
        one.typ.rpartition(":")[2]: one.inputs["spec"]
        for one in program.mocks.registered
        if "policy.linkerd.io" in one.typ
    }
    assert len(made) == 3 * kinds
    if kinds:
        assert made["Server"] == {
            "accessPolicy": "deny",
            "podSelector": {},
            "port": "linkerd-admin",
            "proxyProtocol": "unknown",
        }
        assert made["AuthorizationPolicy"]["targetRef"]["name"] == "proxy-admin"


def test_cert_manager_keeps_the_issuer(program: Program) -> None:
    source = {"source": "cert-manager", "cert_manager": {"name": "root", "kind": "ClusterIssuer"}}
    _installed({"identity": source}, identity=GivenIdentity(trust_anchors=MADE.anchor))
    program.kinds()
    (made,) = (one for one in program.mocks.registered if one.typ.endswith(":Certificate"))
    assert made.inputs["spec"]["issuerRef"]["name"] == "root"
    assert made.inputs["spec"]["privateKey"] == {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"}


def test_every_step_of_a_rotation_rolls_the_pods() -> None:
    steps: list[dict[str, Any]] = [
        {"generations": [1]},
        {"generations": [1, 2]},
        {"generations": [1, 2], "issuer_generation": 2},
        {"generations": [2]},
    ]
    markers = [parse(LinkerdSettings, {"identity": step}).identity for step in steps]
    assert [one.issuing for one in markers] == [1, 1, 2, 2]
    assert len({one.marker for one in markers}) == len(steps)
    binding = linkerd_binding(LinkerdSettings(), trust_marker=markers[0].marker)
    assert binding.pod_annotations == {"otel-mesh.dev/mesh-trust": "1/1"}


def test_charts_come_from_the_edge_repository_or_a_folder() -> None:
    settings = LinkerdSettings(version="edge-26.9.1")
    repository = "https://helm.linkerd.io/edge"
    assert chart_source("linkerd-crds", settings, None) == {
        "chart": "linkerd-crds",
        "version": "2026.9.1",
        "repository": repository,
    }
    assert chart_source("linkerd-crds", settings, "/charts") == {"chart": "/charts/linkerd-crds"}


def _values(settings: LinkerdSettings) -> dict[str, Any]:
    plane = control_plane_values(
        settings,
        tracing=TRACING,
        environment="production",
        collector=COLLECTOR,
        trust_anchors="(anchors)",
        webhook_certificates=dict.fromkeys(("proxy-injector", "sp-validator", "policy-validator"), "(certificate)"),
        trust_marker="1/1",
    )
    return {"linkerd2-cni": cni_values(settings), "linkerd-control-plane": plane}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("values", {}),
        (
            "values-changed",
            {
                "control_plane": {
                    "replicas": 3,
                    "image": "registry.example.com:5000/linkerd/controller:edge-26.9.1",
                    "webhook_failure": "ignore",
                    "scheduling": {"priority_class": "mesh", "node_selector": {"pool": "mesh"}},
                },
                "proxy": {
                    "opaque_ports": [9042],
                    "skip_outbound_ports": [4444],
                    "tracing": False,
                    "access_logs": False,
                },
                "cni": {"iptables": "legacy", "repair": False},
            },
        ),
    ],
)
def test_values_are_as_reviewed(name: str, settings: dict[str, Any]) -> None:
    golden_files.compare(GOLDEN / f"{name}.yaml", [_values(parse(LinkerdSettings, settings))])


def test_namespaces_are_as_reviewed() -> None:
    made = linkerd_namespaces(LinkerdSettings())
    golden_files.compare(GOLDEN / "namespaces.yaml", made)
    levels = [one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for one in made]
    assert levels == ["restricted", "privileged"]
