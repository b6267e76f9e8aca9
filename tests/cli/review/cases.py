"""Changes to stack `prod`, each made as a person would make it: in the stack's file, the catalog or the library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STACK: Final = "prod"
FILE: Final = f"Pulumi.{STACK}.yaml"
CATALOG: Final = "infra/otel_mesh_stack/services.py"
MESH_POLICY: Final = "components/otel_mesh/mesh/istio/policy.py"

Edit = tuple[str, str, str]
"""File, text in it, and the text that replaces it."""


@dataclass(frozen=True)
class Case:
    """A change.

    Attributes:
        name: Name of the case.
        verdict: What the report says first.
        edits: The change.
        base: Edits that make the base out of the checkout.
        seen: Recorded calls of a week, by caller and callee; none if the review is not asked to judge calls.
    """

    name: str
    verdict: str
    edits: tuple[Edit, ...]
    base: tuple[Edit, ...] = ()
    seen: tuple[tuple[tuple[str, str], float], ...] = ()

    @property
    def slug(self) -> str:
        """Name of the case in file names."""
        return self.name.replace(" ", "-")


def settings(old: str, new: str) -> tuple[Edit, ...]:
    return ((FILE, old, new),)


_END: Final = "        tolerations: *quick_to_leave\n"


def service(name: str, text: str) -> tuple[Edit, ...]:
    """Settings of one service, where the stack's file has none of any service."""
    return settings(_END, f"{_END}    services:\n      {name}:\n{text}")


CANARY: Final = """\
        versions:
          v2: {}
        traffic:
          canary: { version: v2, weight: 5, stages: [5, 25, 100] }
"""
_FAULT: Final = """\
        traffic:
          fault:
            delay: { duration: 5s, percentage: 10 }
            expires: 2099-12-31
"""
_RETRIED: Final = """\
        traffic:
          resilience: { retries: { attempts: 2, try_timeout: 1s } }
"""
_ARCHIVE: Final = """\
      exports:
        archive: { endpoint: "https://archive.example.com:4317", signals: [logs] }
"""
_COLLECTOR: Final = "    collector:\n"
_NO_PAYMENT_CALL: Final = ((CATALOG, '"calls": [_PAYMENTS],\n            "stores"', '"stores"'),)

CASES: Final = (
    Case("nothing changes", "Nothing changes.", settings("config:\n", "config: # a comment\n")),
    Case(
        "canary step",
        "25 % of the requests to shop/user-service go to version v2 (before: 5 %); no data is deleted.",
        settings("weight: 5,", "weight: 25,"),
        base=service("user-service", CANARY),
    ),
    Case(
        "canary begins",
        "5 % of the requests to shop/user-service go to version v2 (before: 0 %); requests to shop/user-"
        "service (with x-canary: true) go to version v2 (before: all pods of the Service); no data is "
        "deleted.",
        service("user-service", CANARY),
    ),
    Case(
        "fault in production",
        "A fault reaches production at shop/order-service: delay 5s for 10 %, to end on 2099-12-31; no data "
        "is deleted.",
        service("order-service", _FAULT),
    ),
    Case(
        "forgotten fault",
        "A fault reaches production at shop/order-service: delay 5s for 10 %, overdue since 2020-12-31; no "
        "data is deleted.",
        service("order-service", _FAULT.replace("2099", "2020")),
    ),
    Case(
        "fault promoted to production",
        "A fault reaches production at shop/order-service: delay 5s for 10 %, to end on 2099-12-31; 4 "
        "workloads restart; no data is deleted.",
        settings("environment: staging", "environment: production"),
        base=(
            *service("order-service", _FAULT),
            *settings("environment: production", "environment: staging"),
        ),
    ),
    Case(
        "caller added",
        "reviews/reviews may call shop/payment-service; no data is deleted.",
        service(
            "payment-service",
            "        callers: [{ namespace: reviews, service_account: reviews }]\n",
        ),
    ),
    Case(
        "caller removed",
        "shop/order-service may no longer call shop/payment-service; shop/order-service restarts; no data is deleted.",
        _NO_PAYMENT_CALL,
    ),
    Case(
        "caller removed but seen in traffic",
        "order-service, which called payment-service 48305 times, would be refused; shop/order-service may no"
        " longer call shop/payment-service; shop/order-service restarts; no data is deleted.",
        _NO_PAYMENT_CALL,
        seen=(
            (("api-gateway", "order-service"), 52_110.0),
            (("api-gateway", "user-service"), 104_220.0),
            (("order-service", "payment-service"), 48_305.0),
            (("user-service", "payment-service"), 3.0),
        ),
    ),
    Case(
        "store no longer used",
        "shop/payment-service may no longer call shop/postgres; shop/postgres restarts; no data is deleted.",
        ((CATALOG, '"port": 8083, "stores": [POSTGRES], "metrics"', '"port": 8083, "metrics"'),),
    ),
    Case(
        "service renamed",
        "shop/member-service uses database member_service instead of user_service; shop/user-service is "
        "renamed to shop/member-service; 2 workloads restart.",
        ((CATALOG, '"user-service"', '"member-service"'),),
    ),
    Case(
        "service exposed",
        "istio-ingress/ingress may call shop/order-service; requests to istio-ingress/ingress (/orders/*) go "
        "to order-service.shop (before: api-gateway.shop); observability/prometheus restarts; no data is "
        "deleted.",
        (
            (
                CATALOG,
                '"port": 8082,\n',
                '"port": 8082,\n            "exposed": True,\n            "path_prefix": "/orders",\n',
            ),
        ),
    ),
    Case(
        "gateway route shadowed",
        "Requests to istio-ingress/ingress (/api/orders/*) go to the rules of reviews/reviews-gateway "
        "(before: api-gateway.shop); no data is deleted.",
        settings(
            "      gateway:\n        replicas: 3\n",
            "      team_routes:\n"
            "        - { namespace: reviews, service: reviews, path_prefix: /api/orders }\n"
            "      gateway:\n        replicas: 3\n",
        ),
    ),
    Case(
        "retries at two hops",
        "One request may become 27 at shop/payment-service; no data is deleted.",
        settings(
            "    services:\n      order-service:\n",
            f"    services:\n      payment-service:\n{_RETRIED}      order-service:\n",
        ),
        base=service("order-service", _RETRIED),
    ),
    Case(
        "permissive mTLS",
        "mTLS of the whole mesh (istio-system) changes from STRICT to PERMISSIVE; no data is deleted.",
        ((MESH_POLICY, '{"mode": "STRICT"}', '{"mode": "PERMISSIVE"}'),),
    ),
    Case(
        "collector leaves the mesh",
        "observability/alertmanager may call observability/otel-collector; observability/otel-collector "
        "leaves the mesh; observability/otel-collector restarts; no data is deleted.",
        settings(_COLLECTOR, f"{_COLLECTOR}      meshed: false\n"),
    ),
    Case(
        "sampling cut",
        "Sampling of proxies of istio-ingress/ingress falls from 100 % to 10 %; no data is deleted.",
        settings("ingress_percentage: 100", "ingress_percentage: 10"),
    ),
    Case(
        "ordinary traces dropped",
        "observability/otel-sampler keeps 1 % of the traces of policy ordinary (before: 10 %); "
        "observability/otel-sampler restarts; no data is deleted.",
        settings("sampling_percentage: 10\n", "sampling_percentage: 1\n"),
    ),
    Case(
        "pipeline loses logs",
        "Logs of observability/otel-collector no longer reach otlp_grpc/archive; observability/otel-collector"
        " restarts; no data is deleted.",
        settings(_ARCHIVE, ""),
        base=settings(_COLLECTOR, _COLLECTOR + _ARCHIVE),
    ),
    Case(
        "volumes replaced",
        "The data of 5 claims is deleted: empty ones replace them; observability/alertmanager stops until it "
        "is created again.",
        settings("storage_class: ssd", "storage_class: fast"),
    ),
    Case(
        "logs no longer stored",
        "The data of claim observability/victoria-logs is deleted; observability/victoria-logs restarts.",
        settings(
            "storage: { kind: persistent, size: 100Gi }\n    prometheus", "storage: { kind: ephemeral }\n    prometheus"
        ),
    ),
    Case(
        "secret renamed",
        "2 workloads read another Secret, which has to exist; 2 workloads restart; no data is deleted.",
        settings("existing_secret: redis-credentials", "existing_secret: redis-2027"),
    ),
    Case(
        "mesh upgraded",
        "3 charts change from 1.31.4 to 1.32.0; 5 workloads restart; no data is deleted.",
        settings(
            "        control_plane:\n          replicas: 2",
            "        version: 1.32.0\n        control_plane:\n          replicas: 2",
        ),
    ),
    Case(
        "mesh switched",
        "3 namespaces are deleted; istio-ingress/ingress is deleted; 3 charts are deleted; 4 calls are newly "
        "allowed; mTLS of the whole mesh (istio-system) changes from STRICT to not set; 8 workloads move from"
        " Istio to Linkerd; 3 calls pass one of two guards; processor filter/service_graph of "
        "observability/otel-sampler drops other data; 13 workloads restart.",
        settings("kind: istio\n", "kind: linkerd\n"),
    ),
    Case(
        "mesh left",
        "3 namespaces are deleted; istio-ingress/ingress is deleted; 3 charts are deleted; shop/api-gateway "
        "accepts anyone; 3 calls are newly allowed; mTLS of the whole mesh (istio-system) changes from STRICT"
        " to not set; 8 workloads leave the mesh; 11 workloads restart.",
        settings("kind: istio", "kind: none"),
    ),
    Case(
        "namespace left",
        "Namespace shop is deleted; the data of 2 claims is deleted; 7 workloads move from namespace shop to "
        "store; requests to istio-ingress/ingress go to api-gateway.store (before: api-gateway.shop).",
        settings("    storage_class: ssd", "    namespaces: { services: store }\n    storage_class: ssd"),
    ),
    Case(
        "image changed",
        "observability/jaeger runs another image; no data is deleted.",
        settings("    jaeger:\n", "    jaeger:\n      image: registry.example.com/jaeger:2.99\n"),
    ),
    Case(
        "fewer pods",
        "4 workloads run fewer pods; no data is deleted.",
        settings("service_defaults:\n      replicas: 3", "service_defaults:\n      replicas: 2"),
    ),
    Case(
        "log level raised",
        "4 workloads restart; no data is deleted.",
        settings("service_defaults:\n", "service_defaults:\n      log_level: WARNING\n"),
    ),
)


def named(name: str) -> Case:
    """The case with a name."""
    return next(one for one in CASES if one.name == name)
