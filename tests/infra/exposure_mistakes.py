"""Problems of backends at the gateway, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.mistake import Mistake

TOKENS: Final = {
    "issuer": "https://login.example.com",
    "audiences": ["operators"],
    "jwks_uri": "https://login.example.com/k",
}
HOST: Final = "jaeger.example.com"


def _exposed(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"mesh__exposed_backends": {"hosts": {"jaeger": HOST}, "tokens": TOKENS, **fields}}


EXPOSURE = (
    Mistake(
        "a backend that anybody could read",
        {"mesh__exposed_backends": {"hosts": {"jaeger": HOST}}},
        ("mesh.exposed_backends.tokens: required but missing; add it",),
    ),
    Mistake(
        "a backend that anybody could read on purpose",
        _exposed(tokens=None),
        ("mesh.exposed_backends.tokens: should be a mapping; write keys with their values below it",),
    ),
    Mistake(
        "a backend without the issuer's keys",
        _exposed(tokens={"issuer": "a", "audiences": ["operators"]}),
        ("mesh.exposed_backends.tokens.jwks_uri: is not set, and neither is jwks; set one of the two",),
        in_editor=False,
    ),
    Mistake(
        "a store among the backends",
        _exposed(hosts={"postgres": HOST}),
        (
            (
                "mesh.exposed_backends.hosts.postgres: should be 'jaeger', 'prometheus', 'victoria_logs', "
                "'alertmanager' or 'grafana'; choose one of them"
            ),
        ),
    ),
    Mistake(
        "tokens by plain HTTP",
        {**_exposed(), "mesh__gateway": {}, "mesh__gateway_certificate": None},
        (
            (
                "mesh.exposed_backends: tokens would be readable on the way: the gateway has no HTTPS; "
                "set gateway.tls_secret"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a backend at the gateway of no mesh",
        {**_exposed(), "mesh__kind": "none"},
        ("mesh.exposed_backends: needs the gateway of an Istio; install one, or remove it",),
        in_editor=False,
    ),
    Mistake(
        "a backend at the gateway that a Linkerd does not have",
        {**_exposed(), "mesh__kind": "linkerd", "mesh__team_routes": []},
        ("mesh.exposed_backends: needs the gateway of an Istio; install one, or remove it",),
        in_editor=False,
    ),
    Mistake(
        "backends that the stack does not have",
        {
            **_exposed(hosts={"jaeger": HOST, "grafana": "grafana.example.com"}),
            "jaeger": {"endpoint": "https://otlp.example.com:4317"},
        },
        (
            "mesh.exposed_backends.hosts.jaeger: is outside the stack; remove it",
            "mesh.exposed_backends.hosts.grafana: the stack has none; remove it",
        ),
        in_editor=False,
    ),
    Mistake(
        "two backends at one host",
        _exposed(hosts={"jaeger": HOST, "prometheus": HOST}),
        (
            (
                "mesh.exposed_backends.hosts.prometheus: 'jaeger.example.com' is also a host of 'jaeger'; "
                "give the backend a host of its own"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a backend at the services' host",
        {**_exposed(), "mesh__gateway__hosts": [HOST]},
        (
            (
                "mesh.exposed_backends.hosts.jaeger: 'jaeger.example.com' is also a host of gateway.hosts, which serve "
                "the services; give the backend a host of its own"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a backend at a host that the gateway does not answer for",
        {**_exposed(), "mesh__gateway__hosts": ["shop.example.com"]},
        (
            (
                "mesh.exposed_backends.hosts.jaeger: the gateway does not answer for 'jaeger.example.com'; "
                "add a wildcard such as '*.example.com' to gateway.hosts"
            ),
        ),
        in_editor=False,
    ),
)
