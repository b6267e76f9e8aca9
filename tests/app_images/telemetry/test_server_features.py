"""S1.8, S1.10, S1.11: what is read from a request beyond HTTP itself, and from whom it is believed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, propagate
from starlette.responses import PlainTextResponse

from otel_mesh_telemetry import ConfigError, ServerMiddleware
from otel_mesh_telemetry.ab_testing import ABTesting, Experiment
from otel_mesh_telemetry.header_capture import HeaderCapture
from otel_mesh_telemetry.peer import PeerIdentity, Trust
from otel_mesh_telemetry.server_features import features_from
from otel_mesh_telemetry.testing import capture
from tests.app_images.telemetry.asgi_calls import call, scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_mesh_telemetry.features import Feature

XFCC = (
    'By=spiffe://a/x;Subject="CN=first";URI=spiffe://cluster.local/ns/edge/sa/first,'
    'By=spiffe://a/y;Subject="CN=last";URI=spiffe://cluster.local/ns/shop/sa/api-gateway'
)
L5D = "api-gateway.shop.serviceaccount.identity.linkerd.cluster.local"


async def attributes(features: Sequence[Feature], *headers: tuple[str, str]) -> dict[str, Any]:
    with capture() as seen:
        app = ServerMiddleware(PlainTextResponse("ok"), features=features, **seen.providers)
        await call(app, scope_of("/", headers))
        (span,) = seen.spans()
    return {k: v for k, v in (span.attributes or {}).items() if not k.startswith(("http.r", "url.", "network."))} | {
        k: v for k, v in (span.attributes or {}).items() if k.startswith("http.request.header.")
    }


async def test_s1_9_identity_headers_are_not_believed_by_default() -> None:
    found = await attributes(features_from({}), ("x-forwarded-client-cert", XFCC), ("l5d-client-id", L5D))
    assert found == {}


@pytest.mark.parametrize(
    ("trust", "namespace", "account"), [("xfcc-last", "shop", "api-gateway"), ("xfcc-first", "edge", "first")]
)
async def test_s1_9_which_element_counts_is_a_setting(trust: str, namespace: str, account: str) -> None:
    found = await attributes(features_from({"OTEL_MESH_PEER_IDENTITY": trust}), ("x-forwarded-client-cert", XFCC))
    assert found == {
        "tls.client.subject": f"CN={'last' if trust == 'xfcc-last' else 'first'}",
        "mesh.peer.spiffe_id": f"spiffe://cluster.local/ns/{namespace}/sa/{account}",
        "mesh.peer.trust_domain": "cluster.local",
        "mesh.peer.namespace": namespace,
        "mesh.peer.service_account": account,
    }


async def test_s1_9_hops_in_headers_of_their_own_are_one_list() -> None:
    first, last = XFCC.split(",By")
    headers = [("x-forwarded-client-cert", first), ("x-forwarded-client-cert", "By" + last)]
    found = await attributes([PeerIdentity(Trust.XFCC_LAST)], *headers)
    assert found["mesh.peer.service_account"] == "api-gateway"


@pytest.mark.parametrize(
    "header", ["URI=spiffe://a/b;URI=spiffe://a/c", "URI=https://a", "URI=spiffe://", 'URI="spiffe://a/b', XFCC + ";"]
)
async def test_s1_9_a_doubtful_identity_is_none(header: str) -> None:
    assert await attributes([PeerIdentity(Trust.XFCC_LAST)], ("x-forwarded-client-cert", header)) == {}


async def test_s1_8_linkerd_identity_where_its_proxy_is_trusted() -> None:
    features = features_from({"OTEL_MESH_PEER_IDENTITY": "l5d-client-id"})
    found = await attributes(features, ("l5d-client-id", L5D), ("x-forwarded-client-cert", XFCC))
    assert found == {"mesh.peer.id": L5D, "mesh.peer.namespace": "shop", "mesh.peer.service_account": "api-gateway"}
    assert await attributes(features, ("l5d-client-id", "somebody")) == {}


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [
        ([("x-request-id", "abc"), ("l5d-reqid", "def")], "abc"),
        ([("l5d-reqid", "def")], "def"),
        ([("l5d-request-id", "ghi")], "ghi"),
        ([("x-request-id", "a b"), ("l5d-reqid", "def")], "def"),
        ([("x-request-id", "x" * 129)], None),
    ],
)
async def test_s1_8_request_ids(headers: list[tuple[str, str]], request_id: str | None) -> None:
    assert (await attributes(features_from({}), *headers)).get("otel_mesh.request.id") == request_id


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("x-canary", "true")], {"otel_mesh.canary.requested": True}),
        ([("x-canary", "False")], {"otel_mesh.canary.requested": False}),
        ([("x-canary", "yes")], {}),
        (
            [("x-trace-version", "canary"), ("x-traffic-weight", "10")],
            {"otel_mesh.canary.version": "canary", "otel_mesh.canary.weight": 10},
        ),
        ([("x-trace-version", "a b"), ("x-traffic-weight", "101")], {}),
        ([("x-trace-version", "x" * 40), ("x-traffic-weight", "-1")], {}),
    ],
)
async def test_s1_10_canary(headers: list[tuple[str, str]], expected: dict[str, Any]) -> None:
    assert await attributes(features_from({}), *headers) == expected


async def test_s1_11_the_marker_says_configured_and_request_controls_say_nothing() -> None:
    assert await attributes(features_from({}), ("x-fault-injected", "true")) == {"otel_mesh.fault.configured": True}
    controls = [("x-envoy-fault-delay-request", "5000"), ("x-envoy-fault-abort-request", "503")]
    assert await attributes(features_from({}), *controls) == {}


async def test_headers_by_allow_list_and_credentials_never() -> None:
    listed = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "X-Tenant, accept"}
    found = await attributes(features_from(listed), ("x-tenant", "shop" * 100), ("x-other", "1"))
    assert found == {"http.request.header.x-tenant": (("shop" * 100)[:256],)}
    with pytest.raises(ValueError, match="headers authorization, cookie: carry credentials"):
        HeaderCapture(["Cookie", "Authorization", "x-tenant"])
    with pytest.raises(ConfigError, match="x-api-key: carry credentials, which are never recorded"):
        features_from({"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "x-api-key"})
    with pytest.raises(ConfigError, match="OTEL_MESH_PEER_IDENTITY='all': unknown value; set one of none, xfcc-last"):
        features_from({"OTEL_MESH_PEER_IDENTITY": "all"})


HOME = Experiment("homepage", {"control": 50, "experiment": 50})


async def test_s1_10_assignment_by_key_header_and_baggage() -> None:
    features = [ABTesting(HOME)]

    async def decided(*headers: tuple[str, str]) -> tuple[Any, Any]:
        found = await attributes(features, *headers)
        assert found["feature_flag.key"] == found["feature_flag.set.id"] == "homepage"
        assert found["otel_mesh.experiment.homepage"] == found["feature_flag.result.variant"]
        assert "x-user-id" not in str(found)
        return found["feature_flag.result.variant"], found["feature_flag.result.reason"]

    assert await decided(("x-user-id", "42")) == (HOME.assign("42"), "split")
    assert await decided(("x-user-id", "42")) == await decided(("x-user-id", "42"))
    other = "control" if HOME.assign("42") == "experiment" else "experiment"
    assert await decided(("x-user-id", "42"), ("x-ab-group", other)) == (other, "targeting_match")
    assert await decided(("x-user-id", "42"), ("baggage", f"ab.homepage={other}")) == (other, "cached")
    for foreign in (("x-ab-group", "admin"), ("baggage", "ab.homepage=admin")):
        assert await decided(("x-user-id", "42"), foreign) == (HOME.assign("42"), "split")
    traced = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    assert await decided(traced) == (HOME.assign("4bf92f3577b34da6a3ce929d0e0e4736"), "split")


async def test_s1_10_the_variant_travels_on_also_when_nothing_is_sampled() -> None:
    sent: dict[str, str] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401
        assert HOME.variant() == HOME.assign("42")
        propagate.inject(sent)
        await PlainTextResponse("ok")(scope, receive, send)

    with capture() as seen:
        middleware = ServerMiddleware(app, features=[ABTesting(HOME)], **seen.providers)
        unsampled = ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
        await call(middleware, scope_of("/", [unsampled, ("x-user-id", "42")]))
    assert sent["baggage"] == f"ab.homepage={HOME.assign('42')}"
    assert HOME.variant() is None
    assert not baggage.get_all()


@pytest.mark.parametrize("weights", [{"a": 50.0, "b": 50.0}, {"a": 1.0, "b": 9.0}, {"a": 20.0, "b": 30.0, "c": 50.0}])
def test_s1_10_distribution_follows_the_weights_and_experiments_are_independent(weights: dict[str, float]) -> None:
    keys = [f"user-{n}" for n in range(20_000)]
    first, second = Experiment("one", weights), Experiment("two", weights)
    counts = Counter(first.assign(key) for key in keys)
    both = Counter((first.assign(key), second.assign(key)) for key in keys)
    total = sum(weights.values())
    for variant, weight in weights.items():
        share = weight / total
        assert abs(counts[variant] / len(keys) - share) < 4 * (share * (1 - share) / len(keys)) ** 0.5
        for other, other_weight in weights.items():
            expected = share * other_weight / total
            assert abs(both[variant, other] / len(keys) - expected) < 4 * (expected * (1 - expected) / len(keys)) ** 0.5


def test_s1_10_assignment_is_fixed_for_good() -> None:
    # Literal values: a change of the hash would deal every user's card anew.
    assert "".join(HOME.assign(str(n))[0] for n in range(8)) == "eeccecee"
    assert Experiment("x", {"only": 1.0, "never": 0.0}).assign("k") == "only"
    for wrong in ({"a": -1.0, "b": 2.0}, {"a": 0.0}, {}):
        with pytest.raises(ValueError, match="weights must not be negative"):
            Experiment("x", wrong)
    with pytest.raises(ValueError, match="names must consist of"):
        Experiment("X y")
