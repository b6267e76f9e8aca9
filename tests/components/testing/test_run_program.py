"""B8: the test kit for programs of teams: what it runs, what it answers, and how it says what is not there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pulumi
import pytest
from pulumi_kubernetes.apiextensions import CustomResource

import otel_mesh as om

OTLP = "http://otel-collector.telemetry.svc.cluster.local:4317"
IMAGE = "registry.example.com/orders:1.0.0"


def _shop() -> None:
    """Two services in a mesh; one may call the other."""
    config = pulumi.Config()
    mesh = om.MeshBinding(kind="istio", trust_domain="cluster.local", namespace_labels={"istio.io/rev": "default"})
    spaces = [om.NamespaceSettings(name=name) for name in config.require_object("namespaces")]
    catalog = om.Catalog(
        name="shop",
        services=(om.Service(name="web", port=8080, calls=("orders",)), om.Service(name="orders", port=8081)),
    )
    for space in spaces:
        namespace = om.Namespace(space.name, om.NamespaceArgs(settings=space, mesh=mesh)).namespace
        for service in catalog.services:
            settings = om.MicroserviceSettings(
                service=service, service_namespace="shop", environment=config.require("environment")
            )
            args = om.MicroserviceArgs(
                namespace=namespace, mesh=mesh, image=IMAGE, settings=settings, otlp_endpoint=OTLP
            )
            om.Microservice(f"{space.name}-{service.name}", args)
        args_of_access = om.AccessControlArgs(
            namespace=namespace, accesses=om.declared_access(catalog, space.name), mesh=mesh
        )
        om.AccessControl(f"{space.name}-access", args_of_access)
    pulumi.export("stack", pulumi.get_stack())


def _declared(*namespaces: str, **other: str) -> om.Declared:
    return om.run_program(_shop, config={"namespaces": namespaces, "test:environment": "production", **other})


def test_configuration_stack_and_outputs_are_those_of_a_real_run() -> None:
    declared = om.run_program(
        _shop, project="books", stack="blue", config={"namespaces": ["shop"], "books:environment": "production"}
    )
    assert declared.outputs == {"stack": "blue"}
    resource = str(declared.variables("web")["OTEL_RESOURCE_ATTRIBUTES"])
    assert "deployment.environment.name=production" in resource


def test_calls_are_judged_by_the_declared_policies() -> None:
    declared = _declared("shop")
    assert declared.refusal("web", "orders") is None
    assert (
        declared.refusal("orders", "web") == "AuthorizationPolicy shop/declared-calls-only does not allow shop/orders"
    )
    assert declared.callers("shop/orders") == {"shop/web": frozenset({"port 8081"})}


def test_objects_are_found_by_kind_and_name() -> None:
    declared = _declared("shop", "books")
    assert declared.one("Deployment", "web", "books")["metadata"]["namespace"] == "books"
    with pytest.raises(LookupError, match="^Deployment 'web' is in several namespaces: books, shop$"):
        declared.one("Deployment", "web")
    with pytest.raises(LookupError, match=r"^no Service 'order' is declared; did you mean 'orders'\?$"):
        declared.one("Service", "order")
    with pytest.raises(LookupError, match="^no Chart 'istiod' is declared; none at all$"):
        declared.one("Chart", "istiod")


def test_workloads_and_containers_that_do_not_exist_are_named() -> None:
    declared = _declared("shop", "books")
    with pytest.raises(LookupError, match="^workload 'web' is not the only one: write one of"):
        declared.refusal("web", "shop/orders")
    with pytest.raises(LookupError, match=r"^no workload 'shop/wep' is declared; did you mean 'shop/web'\?$"):
        declared.callers("shop/wep")
    with pytest.raises(LookupError, match="has no container 'proxy'; valid are: web$"):
        declared.variables("shop/web", "proxy")


def _shop_with_a_route_to_nowhere() -> None:
    _shop()
    destination = {"destination": {"host": "orders.shop.svc.cluster.local", "subset": "v2"}}
    CustomResource(
        "route",
        api_version="networking.istio.io/v1",
        kind="VirtualService",
        metadata={"name": "orders", "namespace": "shop"},
        spec={"hosts": ["orders.shop.svc.cluster.local"], "http": [{"route": [destination]}]},
    )


def test_mistakes_across_objects_are_found() -> None:
    config = {"namespaces": ["shop"], "environment": "production"}
    assert om.run_program(_shop, config=config).findings("production") == ()
    (finding,) = om.run_program(_shop_with_a_route_to_nowhere, config=config).findings("production")
    assert (finding.severity, finding.object.name) == (om.Severity.ERROR, "orders")


def test_what_a_program_raises_reaches_its_test_and_leaves_nothing_behind(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(ValueError, match="is not a DNS label"):
        _declared("Not A Name")
    with pytest.raises(FileNotFoundError, match="no such program; name a folder with a __main__.py, or a file$"):
        om.run_program(Path("nowhere"))
    assert _declared("shop").outputs == {"stack": "test"}
    assert not recwarn.list
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
