"""Problems in the settings of backends, in the form of `tests.infra.mistakes`."""

from __future__ import annotations

from typing import Any, Final

from tests.infra.mistake import Mistake

OTLP: Final = "https://otlp.example.com:4317"
LOGIN: Final = {"secret": "vendor", "key": "token"}


def _vendor(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - of a stack file
    return {"collector__exports": {"vendor": {"endpoint": OTLP, **fields}}}


BACKENDS = (
    Mistake(
        "an address without a port",
        {"jaeger": {"endpoint": "https://otlp.example.com"}},
        (
            (
                "jaeger.endpoint: names no port, which OTLP over gRPC requires; "
                "add it, such as https://otlp.example.com:4317, or set protocol to http"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an address without a scheme",
        {"jaeger": {"endpoint": "otlp.example.com:4317"}},
        (
            (
                "jaeger.endpoint: is not a URL; "
                "write one such as https://backend.example.com:4317, without a login or a query"
            ),
        ),
    ),
    Mistake(
        "a path that gRPC does not have",
        {"victoria_logs": {"endpoint": f"{OTLP}/otlp"}},
        (
            (
                "victoria_logs.endpoint: has a path, which OTLP over gRPC does not use; "
                "remove the path, or set protocol to http"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "a password in an address",
        _vendor(endpoint="https://user:canary@otlp.example.com:4317"),
        (
            (
                "collector.exports.vendor.endpoint: is not a URL; "
                "write one such as https://backend.example.com:4317, without a login or a query"
            ),
        ),
    ),
    Mistake(
        "certificates without TLS",
        _vendor(endpoint="http://otlp.tools.svc:4317", tls={"ca": {"config_map": "authorities"}}),
        ("collector.exports.vendor.tls: has no effect on http://; write https:// in 'endpoint', or remove it",),
        in_editor=False,
    ),
    Mistake(
        "a token that anybody on the way can read",
        _vendor(endpoint="http://otlp.example.com:4317", headers={"authorization": LOGIN}),
        (("collector.exports.vendor.headers: would leave the cluster unencrypted; write https:// in 'endpoint'"),),
        in_editor=False,
    ),
    Mistake(
        "a token in the stack file",
        _vendor(headers={"authorization": "Bearer canary"}),
        (
            (
                "collector.exports.vendor.headers.authorization: is a plain value; "
                "write {secret: ..., key: ...} with the name of a Secret and its key"
            ),
        ),
    ),
    Mistake(
        "a header's Secret without a key",
        _vendor(headers={"authorization": {"secret": "vendor"}}),
        ("collector.exports.vendor.headers.authorization.key: required but missing; add it",),
    ),
    Mistake(
        "a header with a capital",
        _vendor(headers={"Authorization": LOGIN}),
        (
            (
                "collector.exports.vendor.headers.Authorization: is not the name of a header; "
                "use lower case letters and digits with single dashes between them"
            ),
        ),
    ),
    Mistake(
        "authorities in two places",
        _vendor(tls={"ca": {"config_map": "a", "secret": "b"}}),
        (
            (
                "collector.exports.vendor.tls.ca.config_map: is in a ConfigMap or in a Secret, but both are named; "
                "set either config_map or secret"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "an export of nothing",
        _vendor(signals=[]),
        ("collector.exports.vendor.signals: should have at least 1 member; add some",),
    ),
    Mistake(
        "an export with the name of a signal",
        {"collector__exports": {"traces": {"endpoint": OTLP}}},
        ("collector.exports.traces: is the name of the Collector's own exporter; choose another name",),
        in_editor=False,
    ),
    Mistake(
        "an export with the name of a backend that is outside",
        {"jaeger": {"endpoint": OTLP}, "collector__exports": {"jaeger": {"endpoint": OTLP}}},
        ("collector.exports.jaeger: is the name of the export to 'jaeger'; choose another name",),
        in_editor=False,
    ),
    Mistake(
        "a Collector that drops what the stack stores",
        {"collector__traces_only": True},
        ("collector.traces_only: drops metrics, but the stack has a backend of metrics; remove it",),
        in_editor=False,
    ),
    Mistake(
        "exports of the samplers",
        {"tail_sampler": {"exports": {"vendor": {"endpoint": OTLP}}}},
        ("tail_sampler.exports: is taken from collector.exports; move it there",),
        in_editor=False,
    ),
    Mistake(
        "a backend of one's own and an address",
        {"jaeger": {"endpoint": OTLP, "storage": {"kind": "persistent"}, "retention": "7d"}},
        (
            (
                "jaeger.storage: is a setting of the stack's own Jaeger, which 'endpoint' replaces; "
                "remove it, or 'endpoint'"
            ),
            (
                "jaeger.retention: is a setting of the stack's own Jaeger, which 'endpoint' replaces; "
                "remove it, or 'endpoint'"
            ),
        ),
    ),
    Mistake(
        "the headers of an address that is missing",
        {"jaeger": {"headers": {"authorization": LOGIN}}},
        ("jaeger.headers: belongs to an address outside, but there is no 'endpoint'; add 'endpoint', or remove it",),
    ),
    Mistake(
        "an unknown key of an address",
        {"jaeger": {"endpoint": OTLP, "protocoll": "grpc"}},
        ("jaeger.protocoll: unknown key; did you mean 'protocol'?",),
    ),
    Mistake(
        "dashboards without a metric store to ask",
        {"prometheus": {"endpoint": OTLP}, "grafana": {"existing_secret": "given"}},
        ("prometheus.query_url: required but missing: Grafana's data source; set it, or set grafana to null",),
        in_editor=False,
    ),
    Mistake(
        "an operator without an address for pushed metrics",
        {"prometheus": {"operator": {}}},
        (
            (
                "prometheus.operator: belongs to an address outside, but there is no 'endpoint'; "
                "add 'endpoint', or remove it"
            ),
        ),
    ),
    Mistake(
        "a size of a queue in memory",
        {"collector__storage": {"size": "1Gi"}},
        ("collector.storage.size: has no effect on queues in memory; remove it, or set storage.kind to persistent",),
        in_editor=False,
    ),
    Mistake(
        "two logins of a receiver",
        {
            "prometheus__remote_write": {
                "vendor": {"endpoint": "https://mimir.example.com/push", "bearer_token": LOGIN, "basic_auth": "login"}
            }
        },
        ("prometheus.remote_write.vendor.basic_auth: bearer_token is set too; set one of the two",),
        in_editor=False,
    ),
    Mistake(
        "a receiver's token in the stack file",
        {"prometheus__remote_write": {"vendor": {"endpoint": "https://mimir.example.com", "bearer_token": "canary"}}},
        (
            (
                "prometheus.remote_write.vendor.bearer_token: is a plain value; "
                "write {secret: ..., key: ...} with the name of a Secret and its key"
            ),
        ),
    ),
    Mistake(
        "a header that Prometheus sets",
        {
            "prometheus__remote_write": {
                "vendor": {"endpoint": "https://mimir.example.com", "headers": {"authorization": LOGIN}}
            }
        },
        (
            (
                "prometheus.remote_write.vendor.headers.authorization: is a header that Prometheus sets itself; "
                "set bearer_token or basic_auth"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "several pods with one disk",
        {"jaeger": {"replicas": 2}},
        (
            (
                "jaeger.replicas: more than one pod cannot share storage of its own; "
                "set one of elasticsearch, opensearch, cassandra, or 1"
            ),
        ),
        in_editor=False,
    ),
    Mistake(
        "two stores of traces",
        {
            "jaeger": {
                "opensearch": {"servers": ["https://search.example.com:9200"]},
                "cassandra": {"servers": ["cassandra.example.com:9042"]},
            }
        },
        ("jaeger.cassandra: 'opensearch' is set too; set one store",),
        in_editor=False,
    ),
    Mistake(
        "a disk beside a distributed store",
        {"jaeger": {"cassandra": {"servers": ["cassandra.example.com:9042"]}, "storage": {"kind": "persistent"}}},
        ("jaeger.storage: has no effect beside 'cassandra'; remove it",),
        in_editor=False,
    ),
    Mistake(
        "a store's password that anybody on the way can read",
        {"jaeger": {"opensearch": {"servers": ["http://search.example.com:9200"], "login_secret": "search"}}},
        ("jaeger.opensearch.login_secret: would leave the cluster unencrypted; write https:// in 'servers[0]'",),
        in_editor=False,
    ),
    Mistake(
        "a store's password without TLS",
        {"jaeger": {"cassandra": {"servers": ["cassandra.example.com:9042"], "login_secret": "cassandra"}}},
        ("jaeger.cassandra.login_secret: would leave the cluster unencrypted; set tls",),
        in_editor=False,
    ),
    Mistake(
        "a schema that exists already",
        {"jaeger": {"cassandra": {"servers": ["cassandra:9042"], "create_schema": False, "retention": "3d"}}},
        (("jaeger.cassandra.retention: has no effect on a keyspace that exists; remove it, or set create_schema"),),
        in_editor=False,
    ),
)
