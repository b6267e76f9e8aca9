"""Components whose settings are Outputs of other resources."""

from __future__ import annotations

import os

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, Secret

from otel_mesh import (
    AlertmanagerAddress,
    Catalog,
    DatabaseAccess,
    EgressControl,
    EgressControlArgs,
    Export,
    ExternalCall,
    FurtherContainer,
    Jaeger,
    JaegerArgs,
    JaegerSettings,
    Manifest,
    MeshBinding,
    Microservice,
    MicroserviceArgs,
    MicroserviceSettings,
    OtelCollector,
    OtelCollectorArgs,
    OtelCollectorSettings,
    Prometheus,
    PrometheusArgs,
    PrometheusSettings,
    Redis,
    RedisArgs,
    RedisSettings,
    RemoteWrite,
    SearchStore,
    Service,
    Variable,
    changing,
    declared_egress,
)
from otel_mesh.services.ordinary_workload import Account
from tests.engine.programs.cluster import provider, wait_for_nothing

wait_for_nothing()
opts = pulumi.ResourceOptions(provider=provider())
notes = {"example.com/search": os.environ["ADDRESS"], "example.com/role": "arn:aws:iam::123456789012:role/orders"}
created = Namespace("late", metadata={"name": "late", "annotations": notes}, opts=opts)
namespace = created.metadata["name"]
address = created.metadata["annotations"]["example.com/search"]
role = created.metadata["annotations"]["example.com/role"]
# its name ends in random digits
login = Secret("login", metadata={"namespace": namespace}, string_data={"username": "u", "password": "p"}, opts=opts)
secret = login.metadata["name"]


def own_dns(deployment: Manifest) -> None:
    """A field without a setting, beside values that are not known yet."""
    deployment["spec"]["template"]["spec"]["dnsConfig"] = {"options": [{"name": "ndots", "value": "2"}]}


store = SearchStore(servers=(address,), login_secret=secret)
args = JaegerArgs(namespace=namespace, settings=JaegerSettings(opensearch=store))
own = pulumi.ResourceOptions(transforms=[changing("Deployment", own_dns)])
jaeger = Jaeger("jaeger", args, pulumi.ResourceOptions.merge(opts, own))
metrics = PrometheusArgs(
    namespace=namespace,
    targets={"jaeger": jaeger.metrics_target},
    alertmanager=AlertmanagerAddress(endpoint=address, basic_auth=secret),
    settings=PrometheusSettings(remote_write={"vendor": RemoteWrite(endpoint=address)}),
)
Prometheus("prometheus", metrics, opts)
exported = OtelCollectorSettings(exports={"vendor": Export(endpoint=address)}, pod_attributes=False)
OtelCollector("collector", OtelCollectorArgs(namespace=namespace, settings=exported), opts)
Redis("redis", RedisArgs(namespace=namespace, settings=RedisSettings(existing_secret=secret)), opts)
proxy = FurtherContainer(name="proxy", image=pulumi.Output.concat("registry.example.com/proxy:", "1.0"))
settings = MicroserviceSettings(
    service=Service(name="orders", port=8080),
    service_namespace="shop",
    environment="test",
    env={"SEARCH": Variable(value=address), "USER": Variable(secret=secret, key="username")},
    sidecars=(proxy,),
    account=Account(annotations={"eks.amazonaws.com/role-arn": role}),
)
host = address.apply(lambda url: str(url).partition("://")[2].partition(":")[0])
database = DatabaseAccess(
    host=host,
    port=address.apply(lambda url: int(str(url).rpartition(":")[2])),
    name=created.metadata["name"],
    secret_name=secret,
)
image = "registry.example.com/orders:1.0"
service = MicroserviceArgs(namespace=namespace, image=image, settings=settings, database=database)
Microservice("orders", service, opts)
call = ExternalCall(host=host, name="search", port=9200, protocol="tls")
catalog = Catalog(name="late", services=(Service(name="orders", port=8080, external_calls=(call,)),))
egress = declared_egress(catalog, "late")
mesh = MeshBinding(kind="istio", version="1.31.0", trust_domain="cluster.local")
EgressControl("egress", EgressControlArgs(namespace=namespace, egress=egress, mesh=mesh), opts)
pulumi.export("secret", secret)
