"""Problems in stack files and the catalog, with the messages of the program.

``python -m tests.infra.mistakes`` prints the table with what the program really says.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from otel_mesh import Catalog, InvalidSettingsError
from otel_mesh.core.errors import parse
from otel_mesh_stack import identity
from otel_mesh_stack.services import CATALOG
from tests.components.pulumi_program import event_loop
from tests.infra.alerting_mistakes import ALERTING
from tests.infra.backend_mistakes import BACKENDS
from tests.infra.exposure_mistakes import EXPOSURE
from tests.infra.gateway_mistakes import GATEWAYS
from tests.infra.linkerd_mistakes import LINKERD
from tests.infra.mistake import Mistake
from tests.infra.route_mistakes import ROUTES
from tests.infra.stack_config import CONTEXT, UID, changed, refused, surroundings
from tests.infra.store_mistakes import STORES

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHER_UID = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class CatalogMistake:
    """A mistake in the catalog: services beside a right one, ``a`` at port 8080."""

    what: str
    services: list[dict[str, Any]]
    told: tuple[str, ...]
    first: dict[str, Any] = field(default_factory=lambda: {"name": "a", "port": 8080})

    def refusal(self) -> list[str]:
        """What is said, by the function that reads the catalog's data."""
        try:
            parse(Catalog, {"name": "shop", "services": [self.first, *self.services]}, "catalog")
        except InvalidSettingsError as error:
            return [str(problem) for problem in error.problems]
        raise AssertionError("the catalog was accepted")


SETTINGS = (
    Mistake("unknown key", {"colector": {}}, ("colector: unknown key; did you mean 'collector'?",)),
    Mistake(
        "versions of a service with names that are taken",
        {
            "services__user-service__versions": {"0.1.0": {}, "v2.0": {"replicas": 0}, "v2": {"env": {"1X": "a"}}},
            "services__order-service__versions": {"v2": {"env": {"A": 1, "B": {"secret": "s"}, "C": {}}}},
        },
        (
            "services.user-service.versions.v2.0.replicas: should be at least 1; raise it",
            (
                "services.user-service.versions.v2.env.1X: is not the name of a variable; use letters, digits and "
                "underscores, beginning with a letter"
            ),
            "services.order-service.versions.v2.env.A: is not text; write it in quotes",
            (
                "services.order-service.versions.v2.env.B.key: required but missing; name the key of the Secret or the "
                "ConfigMap"
            ),
            "services.order-service.versions.v2.env.C: no value; give one of value, secret, config_map, field",
        ),
    ),
    Mistake(
        "a version with the name of the service's own, and one with the Deployment of another",
        {"services__user-service__versions": {"0.1.0": {}, "v2.0": {}, "v2-0": {}}},
        (
            (
                "services.user-service.versions.0.1.0: is the version of the service itself; "
                "give the further version another name"
            ),
            (
                "services.user-service.versions.v2-0: has the same Deployment as 'v2.0', user-service-v2-0; "
                "give it another name"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a variable of a version that the service has already",
        {"services__user-service__versions": {"v2": {"env": {"PORT": "1", "POD_NAME": "x"}}}},
        (
            "services.user-service.versions.v2.env.POD_NAME: is set by the component; remove it",
            "services.user-service.versions.v2.env.PORT: is set by the component; remove it",
        ),
        in_editor=False,
    ),
    Mistake(
        "a workload whose parts do not fit together",
        {
            "services__user-service": {
                "env": {"PORT": "1"},
                "volumes": {"tmp": {"size": "1Mi"}, "work": {"size": "1Mi"}},
                "mounts": [{"volume": "wrk", "path": "/work"}, {"volume": "tmp", "path": "/work/"}],
                "ports": [
                    {"name": "grpc", "number": 8081},
                    {"name": "admin", "number": 15020},
                    {"name": "admin", "number": 9000},
                ],
                "sidecars": [{"name": "istio-proxy"}, {"name": "user-service"}],
                "pod_labels": {"app": "x", "sidecar.istio.io/inject": "false"},
            }
        },
        (
            "services.user-service.sidecars[0].name: 'istio-proxy' is reserved; give it another name",
            "services.user-service.volumes.tmp: is a reserved name; give it another name",
            "services.user-service.mounts[0].volume: 'wrk' is not a volume; did you mean 'work'?",
            "services.user-service.mounts[1].path: is mounted already; choose another path",
            "services.user-service.volumes.work: is not mounted; add it to 'mounts', or remove it",
            "services.user-service.ports[1].number: 15020 is a port of the mesh's proxy; use one outside 15000-15090",
            "services.user-service.ports[2].name: 'admin' is listed twice; give each its own name",
            "services.user-service.pod_labels.app: is set by the component or the mesh; remove it",
            (
                "services.user-service.pod_labels.sidecar.istio.io/inject: is set by the component or the mesh; "
                "remove it"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a workload that contradicts the catalog",
        {
            "services__user-service": {
                "env": {"PORT": "1"},
                "ports": [{"name": "grpc", "number": 8081}],
                "sidecars": [{"name": "user-service"}],
            },
            "services__api-gateway": {"run": {}},
        },
        (
            "services.api-gateway.run: an exposed service must run all the time; remove it",
            "services.user-service.env.PORT: is set by the component; remove it",
            "services.user-service.ports[0].name: 'grpc' is the service's own port; give it another name",
            "services.user-service.ports[0].number: 8081 is the service's own port; use another number",
            (
                "services.user-service.sidecars[0].name: 'user-service' is the service's own container; "
                "give it another name"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an autoscaler beside a fixed number of pods",
        {"services__user-service": {"replicas": 3, "autoscaling": {"max": 5, "cpu_percent": 70}}},
        ("services.user-service.replicas: the autoscaler sets the number of pods; remove it, or set autoscaling.min",),
        in_editor=False,
    ),
    Mistake(
        "an autoscaler without bounds and targets",
        {"services__user-service": {"autoscaling": {"min": 3, "max": 2}}},
        (
            "services.user-service.autoscaling.max: is below 'min'; raise it or lower 'min'",
            "services.user-service.autoscaling: no target; give cpu_percent, memory_percent or metrics",
        ),
        in_editor=False,
    ),
    Mistake(
        "a CronJob with ports, and a process of root",
        {
            "services__user-service": {
                "run": {"schedule": "30 2 * * *"},
                "ports": [{"name": "admin", "number": 9000}],
            },
            "services__order-service": {"pre_stop_seconds": 30, "pre_stop": ["true"]},
        },
        (
            "services.user-service.ports: has no meaning for a CronJob; remove it, or 'run'",
            "services.order-service.pre_stop: is given beside pre_stop_seconds; remove one",
            ("services.order-service.pre_stop_seconds: leaves no time before SIGKILL after 30 s; raise grace_seconds"),
        ),
        in_editor=False,
    ),
    Mistake(
        "a process of root",
        {"services__user-service": {"uid": 0, "health": {"live": {"path": "/", "tcp": True}}}},
        (
            "services.user-service.health.live: path and tcp are given; give one of path, tcp, grpc, command",
            "services.user-service.uid: should be at least 1; raise it",
        ),
    ),
    Mistake(
        "unknown key beside the settings",
        {},
        ("otel-mesh:setings: unknown key; did you mean 'otel-mesh:settings'?",),
        beside={"otel-mesh:setings": {}, "aws:region": "eu-west-1"},
    ),
    Mistake(
        "a registry with a scheme",
        {"images": {"registry": "https://registry.example.com/shop", "tag": "1.0"}},
        (
            (
                "images.registry: is not a registry; write one such as registry.example.com/shop, "
                "without a scheme and a slash at the end"
            ),
        ),
    ),
    Mistake(
        "routes of teams that clash",
        {
            "mesh__team_routes": [
                {"namespace": "a", "service": "a", "path_prefix": "/"},
                {"namespace": "b", "service": "b", "path_prefix": "/b"},
                {"namespace": "c", "service": "c", "path_prefix": "/b"},
                {"namespace": "b", "service": "b", "path_prefix": "/d"},
            ]
        },
        (
            "mesh.team_routes[0].path_prefix: '/' is the route of service 'api-gateway'; choose another place",
            "mesh.team_routes[2].path_prefix: '/b' is team_routes[1]; choose another place",
            (
                "mesh.team_routes[3].service: 'b' of namespace 'b' has team_routes[1] already; "
                "grant one route for each service"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a team's route on a host that is not the gateway's",
        {
            "mesh__gateway__hosts": ["shop.example.com", "*.teams.example.com"],
            "mesh__team_routes": [
                {"namespace": "a", "service": "a", "host": "a.teams.example.com"},
                {"namespace": "b", "service": "b", "host": "b.example.com"},
            ],
        },
        ("mesh.team_routes[1].host: the gateway does not answer for 'b.example.com'; add the host to gateway.hosts",),
        in_editor=False,
    ),
    Mistake(
        "a path prefix with a slash at its end",
        {"mesh__team_routes": [{"namespace": "a", "service": "a", "path_prefix": "/a/"}]},
        (
            (
                "mesh.team_routes[0].path_prefix: is not a path prefix; write / or one such as /reviews, "
                "without a slash at the end"
            ),
        ),
    ),
    Mistake(
        "a setting beside the settings",
        {"collector__replicas": 0},
        (
            "otel-mesh:meshh: unknown key; write 'mesh' below otel-mesh:settings",
            "collector.replicas: should be at least 1; raise it",
        ),
        beside={"otel-mesh:meshh": {"kind": "none"}},
    ),
    Mistake(
        "unknown key, deeper",
        {"prometheus__storage__storageclass": "x"},
        ("prometheus.storage.storageclass: unknown key; did you mean 'storage_class'?",),
    ),
    Mistake(
        "unknown key of a service",
        {"services": {"api-gateway": {"replica": 2}}},
        ("services.api-gateway.replica: unknown key; did you mean 'replicas'?",),
    ),
    Mistake(
        "unknown key in a list",
        {"scheduling": {"tolerations": [{"keys": "a"}]}},
        ("scheduling.tolerations[0].keys: unknown key; did you mean 'key'?",),
    ),
    Mistake(
        "a key that is none",
        {"namespaces": {"": 1, "a\nb": 2}},
        tuple(f"namespaces.{shown}: unknown key; valid are: observability, services" for shown in ("''", "a\\nb")),
    ),
    Mistake(
        "service that there is not",
        {"services": {"api-gatway": {}}},
        ("services.api-gatway: is not in the catalog; did you mean 'api-gateway'?",),
    ),
    Mistake("number for text", {"postgres__version": 15}, ("postgres.version: should be text; put it into quotes",)),
    Mistake(
        "text for a number",
        {"collector__replicas": "two"},
        ("collector.replicas: should be a whole number; write digits only",),
    ),
    Mistake("text for a switch", {"wait": "perhaps"}, ("wait: should be true or false; write true or false",)),
    Mistake(
        "list for a mapping", {"jaeger": []}, ("jaeger: should be a mapping; write keys with their values below it",)
    ),
    Mistake(
        "text for a list",
        {"scheduling": {"image_pull_secrets": "registry"}},
        ("scheduling.image_pull_secrets: should be a list; write one '- ' line for each of its members",),
    ),
    Mistake("too few pods", {"collector__replicas": 0}, ("collector.replicas: should be at least 1; raise it",)),
    Mistake(
        "share above everything",
        {"service_defaults__sampling_ratio": 10},
        ("service_defaults.sampling_ratio: should be at most 1; lower it",),
    ),
    Mistake(
        "unknown environment",
        {"environment": "local"},
        ("environment: should be 'production', 'staging', 'test' or 'development'; choose one of them",),
    ),
    Mistake(
        "bad quantity",
        {"postgres__storage__size": "1 Gb"},
        ("postgres.storage.size: is not a Kubernetes quantity; write one such as 250m, 128Mi or 1Gi",),
    ),
    Mistake(
        "nothing of a quantity",
        {"jaeger__resources": {"cpu": "0m"}},
        ("jaeger.resources.cpu: is not greater than zero; write a quantity such as 250m, 128Mi or 1Gi",),
        in_editor=False,
    ),
    Mistake(
        "image that is not pinned",
        {"jaeger__image": "jaeger"},
        ("jaeger.image: is not a pinned image; write repository:tag or repository@sha256:digest",),
    ),
    Mistake(
        "bad retention",
        {"prometheus__retention": "for ever"},
        ("prometheus.retention: is not a retention; write hours, days or weeks such as 12h, 7d or 4w",),
    ),
    Mistake(
        "bad duration",
        {"collector__batching__timeout": "1 second"},
        ("collector.batching.timeout: is not a duration; write one such as 500ms, 10s or 1m30s",),
    ),
    Mistake(
        "bad name",
        {"prometheus__name": "Prometheus_2"},
        (
            (
                "prometheus.name: is not a DNS label; "
                "use at most 63 lower case letters, digits and dashes, beginning with a letter"
            ),
        ),
    ),
    Mistake(
        "required, but not there", {"cluster": {"context": CONTEXT}}, ("cluster.name: required but missing; add it",)
    ),
    Mistake(
        "a request above its limit",
        {"jaeger__resources": {"memory": "1Gi", "memory_limit": "512Mi"}},
        ("jaeger.resources.memory_limit: is below the request 'memory'; raise it or lower 'memory'",),
        in_editor=False,
    ),
    Mistake(
        "a class for storage without a claim",
        {"jaeger__storage": {"storage_class": "ssd"}},
        ("jaeger.storage.storage_class: has no effect on ephemeral storage; remove it, or use persistent",),
        in_editor=False,
    ),
    Mistake(
        "retention of what is not kept",
        {"jaeger__retention": "3d"},
        ("jaeger.retention: has no effect on ephemeral storage; remove it, or change 'storage'",),
        in_editor=False,
    ),
    Mistake(
        "logs for less than a day",
        {"victoria_logs__retention": "12h"},
        ("victoria_logs.retention: is less than a day, the unit of deletion; set at least 1d",),
        in_editor=False,
    ),
    Mistake(
        "more logs than the volume holds",
        {"victoria_logs__storage": {"size": "1Gi"}, "victoria_logs__max_disk_usage": "2Gi"},
        ("victoria_logs.max_disk_usage: is more than the volume's size, 1Gi; lower it, or raise 'storage.size'",),
        in_editor=False,
    ),
    Mistake(
        "lines that are written when they come",
        {"victoria_logs__flush_interval_seconds": 0},
        ("victoria_logs.flush_interval_seconds: should be at least 1; raise it",),
    ),
    Mistake(
        "a plugin of any version",
        {"grafana": {"existing_secret": "given", "logs_plugin": "victoriametrics-logs-datasource"}},
        ("grafana.logs_plugin: is not a pinned plugin; write id@version, or id@version@url of its archive",),
    ),
    Mistake(
        "a toleration that says nothing",
        {"scheduling": {"tolerations": [{"key": "dedicated", "operator": "Equal"}]}},
        ("scheduling.tolerations[0].operator: Equal needs a key and a value; give both, or use Exists",),
        in_editor=False,
    ),
    Mistake(
        "a drain that takes all",
        {"scheduling": {"max_unavailable": 2}, "service_defaults__replicas": 2},
        tuple(
            f"services.{name}.scheduling.max_unavailable: lets a drain evict all 2 pods at once; "
            "set it below 'replicas'"
            for name in (service.name for service in CATALOG.services)
        ),
        in_editor=False,
    ),
    Mistake(
        "a page for people without a password",
        {"grafana": {}},
        (
            (
                "grafana.existing_secret: required but missing: the admin's password; "
                "name a Secret of the observability namespace with the key 'password'"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a page's address with a query",
        {"grafana": {"existing_secret": "given", "root_url": "https://grafana.example.com/?a=b"}},
        ("grafana.root_url: is not a URL; write one such as https://grafana.example.com",),
    ),
    Mistake(
        "an objective that no bucket counts",
        {"prometheus__objectives": {"latency_seconds": 0.3}},
        (
            (
                "prometheus.objectives.latency_seconds: is not a histogram bucket boundary; "
                "choose one of 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "two passwords",
        {"postgres__existing_secret": "given"},
        (
            (
                "postgres_password_file: PostgreSQL's password: both are given; "
                "set either postgres_password_file or postgres.existing_secret"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "no password",
        {"postgres_password_file": None},
        (
            (
                "postgres_password_file: PostgreSQL's password: neither is given; "
                "set either postgres_password_file or postgres.existing_secret"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "one role of the database for everything",
        {"postgres__roles": {"services": "shop"}},
        ("postgres.roles: two of the three roles have the same name; give each role its own name",),
        in_editor=False,
    ),
    Mistake(
        "a server's own role with the name of one that is to do less",
        {"postgres__user": "shop_services"},
        (
            (
                "postgres.user: 'shop_services' is also the name of a restricted role; "
                "give it another name, or set postgres.roles"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "no password of the cache",
        {"redis_password_file": None},
        (
            (
                "redis_password_file: Redis's password: neither is given; "
                "set either redis_password_file or redis.existing_secret"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a way to make room that Redis does not know",
        {"redis__eviction": "lru"},
        (
            (
                "redis.eviction: should be 'allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', "
                "'volatile-lfu', 'volatile-random', 'volatile-ttl' or 'noeviction'; choose one of them"
            ),
        ),
    ),
    Mistake(
        "one namespace for both",
        {"namespaces": {"services": "observability"}},
        ("namespaces.services: is also the observability namespace; use two namespaces",),
        in_editor=False,
    ),
    Mistake(
        "one name for two parts",
        {"prometheus__name": "jaeger"},
        ("prometheus.name: 'jaeger' is also the name of jaeger; give each its own name",),
        in_editor=False,
    ),
    Mistake(
        "a database named like a service",
        {"postgres__name": "user-service"},
        ("postgres.name: 'user-service' is also the name of a service; give it another name",),
        in_editor=False,
    ),
    Mistake(
        "a cache named like the database",
        {"redis__name": "postgres"},
        ("redis.name: 'postgres' is also the name of postgres; give it another name",),
        in_editor=False,
    ),
    Mistake(
        "tokens without an issuer's keys",
        {"mesh__gateway__tokens": {"issuer": "https://issuer.example", "audiences": ["shop"]}},
        ("mesh.gateway.tokens.jwks_uri: is not set, and neither is jwks; set one of the two",),
        in_editor=False,
    ),
    Mistake(
        "an issuer's keys that anybody could exchange on their way",
        {"mesh__gateway__tokens": {"issuer": "a", "audiences": ["shop"], "jwks_uri": "http://issuer.example/keys"}},
        (("mesh.gateway.tokens.jwks_uri: is not an HTTPS URL; write one such as https://issuer.example.com/keys"),),
    ),
    Mistake(
        "tokens for whomever",
        {"mesh__gateway__tokens": {"issuer": "a", "audiences": [], "jwks_uri": "https://issuer.example/keys"}},
        ("mesh.gateway.tokens.audiences: should have at least 1 member; add some",),
    ),
    Mistake(
        "keys that are none",
        {"mesh__gateway__tokens": {"issuer": "a", "audiences": ["shop"], "jwks": "[]"}},
        (('mesh.gateway.tokens.jwks: is not a JSON Web Key Set; write {"keys": [...]} as the issuer publishes it'),),
        in_editor=False,
    ),
    Mistake(
        "a key with which anybody could make tokens",
        {
            "mesh__gateway__tokens": {
                "issuer": "a",
                "audiences": ["shop"],
                "jwks": '{"keys": [{"kty": "RSA", "n": "a", "e": "AQAB", "d": "canary"}]}',
            }
        },
        (("mesh.gateway.tokens.jwks: contains a private or symmetric key; give public keys only"),),
        in_editor=False,
    ),
    Mistake(
        "no UID",
        {"cluster__uid": "prod"},
        ("cluster.uid: is not a UID; copy metadata.uid of the object",),
    ),
    Mistake(
        "another cluster",
        {"cluster__uid": OTHER_UID},
        (
            (
                f"cluster.uid: names {OTHER_UID}, but context '{CONTEXT}' leads to {UID}; "
                "choose the context of the stack's own cluster"
            ),
        ),
        in_editor=False,
    ),
    *BACKENDS,
    *LINKERD,
    *ALERTING,
    *STORES,
    *EXPOSURE,
    *GATEWAYS,
    *ROUTES,
    Mistake(
        "an address in place of a range",
        {"network_policies__api_server_addresses": ["10.0.0.1/8"]},
        (
            (
                "network_policies.api_server_addresses[0]: is not an address range; write one such as 10.0.0.0/8 or"
                " 192.0.2.7/32"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "several at once",
        {"collector__replicas": 0, "wait": "perhaps", "jaeger__retention": "7", "postgre": {}},
        (
            "wait: should be true or false; write true or false",
            "collector.replicas: should be at least 1; raise it",
            "jaeger.retention: is not a retention; write hours, days or weeks such as 12h, 7d or 4w",
            "postgre: unknown key; did you mean 'postgres'?",
        ),
    ),
)

CATALOGUE = (
    CatalogMistake(
        "a version with the name of the service's own",
        [{"name": "b", "port": 8081, "version": "1", "versions": {"1": {}, "1.2": {}, "1-2": {}}}],
        (
            (
                "catalog.services[1].versions.1: is the version of the service itself; "
                "give the further version another name"
            ),
            "catalog.services[1].versions.1-2: has the same Deployment as '1.2', b-1-2; give it another name",
        ),
    ),
    CatalogMistake(
        "a version whose Deployment has the name of another service",
        [{"name": "a-v2", "port": 8081}],
        ("catalog.services[0].versions.v2: its Deployment a-v2 has the name of services[1]; give it another name",),
        first={"name": "a", "port": 8080, "versions": {"v2": {}}},
    ),
    CatalogMistake(
        "a version whose Deployment's name is too long",
        [{"name": "b" * 60, "port": 8081, "versions": {"v2.0": {"image": "untagged"}, "V3": {}}}],
        (
            (
                "catalog.services[1].versions.v2.0.image: is not a pinned image; write repository:tag or "
                "repository@sha256:digest"
            ),
            (
                "catalog.services[1].versions.V3: is not the name of a version; use at most 32 lower case letters, "
                "digits, dashes and dots, such as v2 or 1.4.0"
            ),
        ),
    ),
    CatalogMistake(
        "two exposed services with one path prefix",
        [{"name": "b", "port": 8081, "exposed": True}, {"name": "c", "port": 8082, "exposed": True}],
        (
            (
                "catalog.services[2].path_prefix: '/' is also the prefix of services[1], and both are exposed; "
                "give each exposed service its own prefix"
            ),
        ),
    ),
    CatalogMistake(
        "unknown callee",
        [{"name": "gateway", "port": 8081, "calls": ["b"]}],
        ("catalog.services[1].calls[0]: 'b' is not in the catalog; valid are: a",),
    ),
    CatalogMistake(
        "callee with a slip",
        [{"name": "user-service", "port": 8081}, {"name": "gateway", "port": 8082, "calls": ["user-servce"]}],
        ("catalog.services[2].calls[0]: 'user-servce' is not in the catalog; did you mean 'user-service'?",),
    ),
    CatalogMistake(
        "call to itself",
        [{"name": "b", "port": 8081, "calls": ["b"]}],
        ("catalog.services[1].calls[0]: 'b' calls itself; remove it",),
    ),
    CatalogMistake(
        "routes of the other protocol",
        [
            {"name": "users", "port": 8081, "protocol": "grpc"},
            {
                "name": "gateway",
                "port": 8082,
                "calls": [
                    {"service": "a", "routes": [{"path": "/a"}, {"rpc": "shop.a.v1.A/Get"}]},
                    {"service": "users", "routes": [{"path": "/users/*"}]},
                ],
            },
        ],
        (
            "catalog.services[2].calls[0].routes[1].rpc: 'a' speaks HTTP; name 'methods' and 'path'",
            (
                "catalog.services[2].calls[1].routes[0]: 'users' speaks gRPC, whose requests have no methods and paths "
                "of their own; name a method in 'rpc', such as shop.user.v1.UserService/GetUser"
            ),
        ),
    ),
    CatalogMistake(
        "a route's method of gRPC with a slip",
        [{"name": "b", "port": 8081, "calls": [{"service": "a", "routes": [{"rpc": "UserService.GetUser"}]}]}],
        (
            (
                "catalog.services[1].calls[0].routes[0].rpc: is not a gRPC method; write one such as "
                "shop.user.v1.UserService/GetUser, or shop.user.v1.UserService/* for all methods of the gRPC service"
            ),
        ),
    ),
    CatalogMistake(
        "name used twice",
        [{"name": "a", "port": 8081}],
        ("catalog.services[1].name: 'a' is also the name of services[0]; give each its own name",),
    ),
    CatalogMistake(
        "unknown store",
        [{"name": "b", "port": 8081, "stores": ["postgres"]}],
        ("catalog.services[1].stores[0]: 'postgres' is not in the catalog; remove it",),
    ),
    CatalogMistake(
        "bad ports",
        [{"name": "b", "port": 80}, {"name": "c", "port": 65536}, {"name": "d", "port": "http"}],
        (
            "catalog.services[1].port: should be at least 1024; raise it",
            "catalog.services[2].port: should be at most 65535; lower it",
            "catalog.services[3].port: should be a whole number; write digits only",
        ),
    ),
    CatalogMistake(
        "unknown key and protocol",
        [{"name": "b", "port": 8081, "protocol": "htp", "call": ["a"]}],
        (
            "catalog.services[1].protocol: should be 'http' or 'grpc'; choose one of them",
            "catalog.services[1].call: unknown key; did you mean 'calls'?",
        ),
    ),
    CatalogMistake(
        "URL as external call",
        [{"name": "b", "port": 8081, "external_calls": ["https://pay.example.com/v1"]}],
        (
            (
                "catalog.services[1].external_calls[0].host: is not a host name; write one such as api.example.com,"
                " without scheme, port and path"
            ),
        ),
    ),
    CatalogMistake(
        "TLS on top of TLS",
        [{"name": "b", "port": 8081, "external_calls": [{"host": "pay.example.com", "tls_port": 443}]}],
        (
            (
                "catalog.services[1].external_calls[0].tls_port: TLS by the proxy on top of protocol 'https'; remove"
                " it, or set protocol to http or grpc"
            ),
        ),
    ),
    CatalogMistake(
        "a host described in two ways",
        [
            {"name": "b", "port": 8081, "external_calls": ["pay.example.com"]},
            {"name": "c", "port": 8082, "external_calls": [{"host": "pay.example.com", "protocol": "tls"}]},
        ],
        (
            (
                "catalog.services[2].external_calls[0]: 'pay.example.com', port 443, has other values in"
                " services[1].external_calls[0]; describe the host the same way at both places"
            ),
        ),
    ),
    CatalogMistake(
        "a host with two names",
        [
            {"name": "b", "port": 8081, "external_calls": ["pay.example.com"]},
            {"name": "c", "port": 8082, "external_calls": [{"host": "pay.example.com", "name": "payments"}]},
        ],
        (
            (
                "catalog.services[2].external_calls[0].name: 'pay.example.com' has another name in"
                " services[1].external_calls[0]; give the host the same name at both places"
            ),
        ),
    ),
    CatalogMistake(
        "two hosts with one name",
        [
            {"name": "b", "port": 8081, "external_calls": [{"host": "pay.example.com", "name": "payments"}]},
            {"name": "c", "port": 8082, "external_calls": [{"host": "other.example.com", "name": "payments"}]},
        ],
        (
            (
                "catalog.services[2].external_calls[0].name: is the name of another host in"
                " services[1].external_calls[0]; give each host its own name"
            ),
        ),
    ),
)


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, surroundings(Path(folder))),
        mock.patch.object(identity, "read_uid", return_value=UID),
        event_loop(),
    ):
        yield


def table() -> str:
    """The problems with the messages of the program, as Markdown."""
    rows = ["| mistake | what is said |", "|---|---|"]
    with _environment():
        said = [(mistake.what, refused(changed(**mistake.changes), mistake.beside)) for mistake in SETTINGS]
    said += [(f"catalog: {mistake.what}", mistake.refusal()) for mistake in CATALOGUE]
    rows += [f"| {what} | {'<br>'.join(f'`{message}`' for message in messages)} |" for what, messages in said]
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())  # noqa: T201 - this is what it is called for
