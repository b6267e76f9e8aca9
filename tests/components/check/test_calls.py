"""Decisions on calls: AuthorizationPolicies of both meshes and NetworkPolicies."""

from __future__ import annotations

from typing import Any

import pytest

from otel_mesh.check.callers import Callers
from otel_mesh.check.calls import Calls
from otel_mesh.check.index import Index
from otel_mesh.check.objects import objects

SECURITY, LINKERD = "security.istio.io/v1", "policy.linkerd.io/v1alpha1"
ISTIO_NS = {"labels": {"istio-injection": "enabled"}}
LINKERD_NS = {"annotations": {"linkerd.io/inject": "enabled"}}


def one(api: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def pod(name: str) -> dict[str, Any]:
    container = {"name": name, "image": name, "ports": [{"name": "http", "containerPort": 8080}]}
    made = one("v1", "Pod", name, {"serviceAccountName": name, "containers": [container]})
    made["metadata"]["labels"] = {"app": name}
    return made


def refusal(namespace: dict[str, Any], *policies: dict[str, Any]) -> str | None:
    """Reason why calls of `web` to `orders` are refused."""
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", **namespace}}
    calls = Calls(Index(objects([shop, pod("web"), pod("orders"), *policies])))
    web, orders = calls.workload("web"), calls.workload("orders")
    assert web is not None
    assert orders is not None
    decision = calls.refusal(web, orders)
    return decision.reason if decision else None


SELECTOR = {"selector": {"matchLabels": {"app": "orders"}}}
WEB = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}
OTHER = {"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/other"]}}]}


def policy(name: str, action: str, *rules: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return one(SECURITY, "AuthorizationPolicy", name, {**more, "action": action, "rules": list(rules)})


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ((), True),
        ((policy("a", "ALLOW"),), False),
        ((policy("a", "ALLOW", WEB, **SELECTOR),), True),
        ((policy("a", "ALLOW", OTHER, **SELECTOR),), False),
        ((policy("a", "ALLOW", OTHER, **SELECTOR), policy("b", "ALLOW", WEB, **SELECTOR)), True),
        ((policy("a", "ALLOW", {}, **SELECTOR), policy("b", "DENY", WEB, **SELECTOR)), False),
        ((policy("a", "DENY", OTHER, **SELECTOR),), True),
        ((policy("a", "DENY", {**WEB, "to": [{"operation": {"paths": ["/admin"]}}]}, **SELECTOR),), True),
        ((policy("a", "ALLOW", {**WEB, "to": [{"operation": {"ports": ["8080"]}}]}, **SELECTOR),), True),
        ((policy("a", "ALLOW", {**WEB, "to": [{"operation": {"ports": ["9090"]}}]}, **SELECTOR),), False),
        ((policy("a", "ALLOW", {**WEB, "to": [{"operation": {"paths": ["/orders"]}}]}, **SELECTOR),), True),
        ((policy("a", "ALLOW", {"from": [{"source": {"namespaces": ["shop"]}}]}, **SELECTOR),), True),
        ((policy("a", "ALLOW", {"from": [{"source": {"namespaces": ["ops"]}}]}, **SELECTOR),), False),
        ((policy("a", "ALLOW", OTHER, selector={"matchLabels": {"app": "payments"}}),), True),
    ],
)
def test_authorization_policies_of_istio(policies: tuple[dict[str, Any], ...], *, allowed: bool) -> None:
    assert (refusal(ISTIO_NS, *policies) is None) == allowed


def test_the_refusing_policy_is_named() -> None:
    reason = refusal(ISTIO_NS, policy("default", "ALLOW"), policy("orders", "ALLOW", OTHER, **SELECTOR))
    assert reason == "AuthorizationPolicy shop/orders does not allow shop/web"


def test_policies_of_a_mesh_do_not_refuse_where_no_proxy_enforces_them() -> None:
    assert refusal({}, policy("a", "ALLOW")) is None


@pytest.mark.parametrize(("account", "allowed"), [("web", True), ("other", False)])
def test_authorization_policies_of_linkerd(account: str, *, allowed: bool) -> None:
    server = one(LINKERD, "Server", "orders", {"podSelector": {"matchLabels": {"app": "orders"}}, "port": "http"})
    identity = f"{account}.shop.serviceaccount.identity.linkerd.cluster.local"
    tls = one(LINKERD, "MeshTLSAuthentication", "callers", {"identities": [identity]})
    required = [{"group": "policy.linkerd.io", "kind": "MeshTLSAuthentication", "name": "callers"}]
    target = {"group": "policy.linkerd.io", "kind": "Server", "name": "orders"}
    grant = one(LINKERD, "AuthorizationPolicy", "a", {"targetRef": target, "requiredAuthenticationRefs": required})
    assert (refusal(LINKERD_NS, server, tls, grant) is None) == allowed
    assert refusal(LINKERD_NS, server) == "no AuthorizationPolicy of Server shop/orders allows shop/web"


def linkerd_route(account: str) -> list[dict[str, Any]]:
    """A Server that one caller may send orders to, and the kubelet its probes."""
    reference = {"group": "policy.linkerd.io", "kind": "Server", "name": "orders"}
    matches = [{"path": {"type": "PathPrefix", "value": "/orders"}, "method": "POST"}]
    probes = [{"path": {"type": "Exact", "value": "/livez"}, "method": "GET"}]
    made = [one(LINKERD, "Server", "orders", {"podSelector": {"matchLabels": {"app": "orders"}}, "port": "http"})]
    for name, kind, listed, spec in (
        ("orders-callers-0", "MeshTLSAuthentication", matches, {"identities": [f"{account}.shop.serviceaccount.x"]}),
        ("orders-probes", "NetworkAuthentication", probes, {"networks": [{"cidr": "0.0.0.0/0"}]}),
    ):
        route = {"parentRefs": [reference], "rules": [{"matches": listed}]}
        required = [{"group": "policy.linkerd.io", "kind": kind, "name": name}]
        target = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": name}
        grant = {"targetRef": target, "requiredAuthenticationRefs": required}
        made += [
            one("gateway.networking.k8s.io/v1", "HTTPRoute", name, route),
            one(LINKERD, kind, name, spec),
            one(LINKERD, "AuthorizationPolicy", name, grant),
        ]
    return made


@pytest.mark.parametrize(("account", "allowed"), [("web", True), ("other", False)])
def test_a_route_of_linkerd_counts_as_one_for_all_but_the_kubelet_s_probes(account: str, *, allowed: bool) -> None:
    assert (refusal(LINKERD_NS, *linkerd_route(account)) is None) == allowed


def test_the_requests_of_a_route_are_named() -> None:
    shop = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", **LINKERD_NS}}
    index = Index(objects([shop, pod("web"), pod("orders"), *linkerd_route("web")]))
    orders = next(one for one in index.workloads if one.object.name == "orders")
    assert Callers(index).of(orders) == {"shop/web": frozenset({"POST /orders/* port 8080"})}


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"podSelector": {}}, False),
        ({"podSelector": {"matchLabels": {"app": "payments"}}}, True),
        ({"podSelector": {}, "policyTypes": ["Egress"]}, False),
        ({"podSelector": {}, "ingress": [{}]}, True),
        ({"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}]}, True),
        ({"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "api"}}}]}]}, False),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": "http"}]}]}, True),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": 9090}]}]}, False),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": 8000, "endPort": 9000}]}]}, True),
        ({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]}, True),
        ({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]}, False),
    ],
)
def test_network_policies(spec: dict[str, Any], *, allowed: bool) -> None:
    assert (refusal({}, one("networking.k8s.io/v1", "NetworkPolicy", "a", spec)) is None) == allowed
