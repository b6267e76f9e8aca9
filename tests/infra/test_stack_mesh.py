"""The mesh of a stack: sampling, placement of its pods, and the gateway's certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh import DeployedTrust
from otel_mesh.mesh.linkerd.authority import generate
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack import mesh_trust
from otel_mesh_stack.services import OPEN_PATHS
from tests.infra.stack_config import CERTIFICATE, PRIVATE_KEY, accepted, changed, refused, stack_settings

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from otel_mesh.k8s.scheduling import Scheduling

STACKS = sorted(path.name.split(".")[1] for path in repo_dir().glob("Pulumi.*.yaml"))
SHOWN = {"gateway_certificate": "gateway", "gateway": {"tls_secret": "gateway-certificate"}}


def _with_mesh(**changes: object) -> dict[str, Any]:
    return changed(mesh={"kind": "istio", **changes})


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_shared_stacks_have_a_mesh(stack: str) -> None:
    assert accepted(stack_settings(stack), stack).settings.mesh.kind == "istio"


def test_tokens_are_required_if_set_but_never_for_orders() -> None:
    tokens = {"issuer": "https://issuer.example", "audiences": ["shop"], "jwks_uri": "https://issuer.example/keys"}
    made = accepted(_with_mesh(gateway={"tokens": tokens})).settings.mesh.gateway.tokens
    assert made is not None
    assert accepted(_with_mesh()).settings.mesh.gateway.tokens is None
    assert "/api/orders" in OPEN_PATHS
    assert not [path for path in OPEN_PATHS if path.startswith("/api/users") or path.endswith("*")]


@pytest.mark.parametrize("stack", STACKS)
def test_s1_13_with_samplers_the_mesh_traces_every_request(stack: str) -> None:
    """A request that the gateway does not sample is lost for the samplers, even with an error."""
    tracing = accepted(stack_settings(stack), stack).settings.mesh.tracing
    assert {tracing.ingress_percentage, tracing.internal_percentage} == {100}


def test_production_runs_several_mesh_replicas_and_serves_https_only() -> None:
    settings = accepted(stack_settings("prod"), "prod").settings
    plane, gateway = settings.mesh.istio.control_plane, settings.mesh.gateway
    for part in (plane, gateway):
        assert part.replicas >= 2
        assert part.scheduling.priority_class in settings.priority_classes
        assert part.scheduling.topology_keys == settings.scheduling.topology_keys
    assert gateway.tls_secret is not None
    assert gateway.plain_http == "redirect"


def test_settings_of_the_stack_apply_to_the_mesh() -> None:
    common = {"node_selector": {"disk": "fast"}, "image_pull_secrets": ["registry"]}
    own = {"gateway": {"replicas": 3, "scheduling": {"image_pull_secrets": []}}}
    made = accepted({**_with_mesh(**own), "scheduling": common}).settings.mesh
    found: dict[str, Scheduling] = {"istiod": made.istio.control_plane.scheduling, "gateway": made.gateway.scheduling}
    assert {name: one.node_selector for name, one in found.items()} == {name: {"disk": "fast"} for name in found}
    assert {name: one.image_pull_secrets for name, one in found.items()} == {"istiod": ("registry",), "gateway": ()}


def test_a_drain_may_not_evict_the_whole_mesh() -> None:
    values = {**_with_mesh(gateway={"replicas": 2}), "scheduling": {"max_unavailable": 2}}
    values["mesh"]["istio"] = {"control_plane": {"replicas": 2}}
    told = "lets a drain evict all 2 pods at once; set it below 'replicas'"
    assert refused(values) == [
        f"mesh.istio.control_plane.scheduling.max_unavailable: {told}",
        f"mesh.gateway.scheduling.max_unavailable: {told}",
    ]


def test_the_gateway_key_is_a_secret_output_and_never_shown(loop: asyncio.AbstractEventLoop) -> None:
    stack = accepted(_with_mesh(**SHOWN))
    assert stack.gateway_certificate is not None
    assert stack.gateway_certificate.chain == CERTIFICATE
    assert loop.run_until_complete(stack.gateway_certificate.private_key.is_secret())
    assert PRIVATE_KEY not in repr(stack)
    assert accepted(changed(mesh={"kind": "none", **SHOWN})).gateway_certificate is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory; put it there; `otel-mesh up` issues stack local's"),
        ("\xff", "not PEM; put a PEM file with a PRIVATE KEY there"),
        (CERTIFICATE, "not PEM; put a PEM file with a PRIVATE KEY there"),
    ],
)
def test_an_invalid_key_file_is_named(tmp_path: Path, content: str | None, reason: str) -> None:
    place = tmp_path / "secrets" / "gateway.key"
    place.unlink()
    if content is not None:
        place.write_text(content)
    assert refused(_with_mesh(**SHOWN)) == [f"mesh.gateway_certificate: {place}: {reason}"]


def test_https_needs_a_secret_name_and_a_redirect_needs_https() -> None:
    assert refused(_with_mesh(gateway_certificate="gateway")) == [
        "mesh.gateway_certificate: is set, but no name for the Secret to create from it; set gateway.tls_secret"
    ]
    assert refused(_with_mesh(gateway={"plain_http": "redirect"})) == [
        "mesh.gateway.plain_http: redirects to HTTPS but no tls_secret is set; set tls_secret, or 'serve'"
    ]


@pytest.mark.parametrize(("networks", "noted"), [([], True), (["10.0.0.0/8"], False)])
def test_exposed_services_without_an_entrance_are_noted(networks: list[str], noted: bool) -> None:  # noqa: FBT001
    notes = accepted(changed(mesh__kind="linkerd", mesh__entrance_networks=networks)).settings.mesh.entrance_notes
    assert bool(notes) is noted
    assert all("mesh.entrance_networks" in one for one in notes)


def test_a_running_linkerd_s_trust_anchor_is_not_replaced_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (generate("cluster.local", "linkerd", 365) for _ in range(2))
    running = DeployedTrust(anchors=old.anchor, issuer=old.issuer.certificate, marker="1/1")
    monkeypatch.setattr(mesh_trust, "deployed_trust", lambda _context, _namespace: running)
    generated = {"mesh__kind": "linkerd", "mesh__linkerd__identity__generations": [2]}
    assert refused(changed(**generated)) == [
        (
            "mesh.linkerd.identity.generations: drop 1, which has issued the certificates of running pods: pods that "
            "have restarted and pods that have not would refuse each other; "
            "deploy generations: [1, 2] first, then issuer_generation: 2 with both, then this"
        )
    ]
    given = {
        "mesh__kind": "linkerd",
        "mesh__linkerd__identity__source": "given",
        "mesh__linkerd_trust_anchors": new.anchor,
    }
    assert refused(changed(**given)) == [
        (
            "mesh.linkerd_trust_anchors: replace all anchors of the running mesh: pods that have restarted and pods "
            "that have not would refuse each other; "
            "give the old and the new anchor together first, then the new issuer, then the new anchor alone"
        )
    ]
    both = {**given, "mesh__linkerd_trust_anchors": old.anchor + new.anchor}
    assert accepted(changed(**both)).settings.mesh.kind == "linkerd"


@pytest.mark.parametrize("others", [{}, {"mesh__gateway_api__controller": "other"}], ids=["envoy-gateway", "other"])
def test_a_linkerd_gets_the_gateway_of_a_controller(others: dict[str, str]) -> None:
    pods = {"namespace": "edge", "service": "contour", "service_account": "contour", "pod_labels": {"app": "contour"}}
    theirs = {"gateway_class": "contour", "data_plane": {**pods, "pod_ports": [8080]}} if others else {}
    values = changed(mesh__kind="linkerd", mesh__gateway_api=theirs, **others)
    mesh = accepted(values).settings.mesh
    assert mesh.gateway_binding is not None
    assert mesh.gateway_place == "ingress" == mesh.namespaces[-1]
    assert mesh.entrances == ()
    assert bool(mesh.entrance_notes) is bool(others)
    assert mesh.proxy_spans == ("linkerd" if others else "envoy+linkerd")
    assert mesh.gateway_binding.namespace == ("edge" if others else "ingress")
    assert "gateway" in mesh.scheduled_parts


def test_a_linkerd_without_a_controller_has_no_gateway() -> None:
    mesh = accepted(changed(mesh__kind="linkerd")).settings.mesh
    assert (mesh.gateway_binding, mesh.gateway_place) == (None, None)
    assert mesh.proxy_spans == "linkerd"
    assert mesh.entrances == mesh.entrance_networks
