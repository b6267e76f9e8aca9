"""The base class of settings and the types of their fields.

Errors never repeat the rejected input: it may be a secret typed into the wrong field.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from otel_mesh.core.patterns import Pattern

_SUFFIXES: Final = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}
_QUANTITY: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)")
_DNS_LABEL: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_DURATION: Final = re.compile(r"([0-9]{1,9}(ms|s|m|h))+")
_RETENTION: Final = re.compile(r"[0-9]{1,6}(h|d|w)")
_LABEL_NAME: Final = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE: Final = re.compile(_LABEL_NAME)
_SUBDOMAIN: Final = r"(?=.{1,253}(?:/|$))[a-z0-9]([-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_HOST: Final = r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+"
_OBJECT_NAME: Final = re.compile(_SUBDOMAIN)
_LABEL_KEY: Final = re.compile(rf"(?:{_SUBDOMAIN}/)?{_LABEL_NAME}")
_NAME: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_URL: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_IMAGE: Final = re.compile(
    rf"(?=.{{1,512}}$)(?:[a-zA-Z0-9.-]+(?::[0-9]{{1,5}})?/)?{_NAME}(?:/{_NAME})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
)


class Settings(BaseModel):
    """Plain values of a component: frozen, unknown keys rejected, inputs never repeated in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def over(self, defaults: Settings) -> dict[str, Any]:
        """The values that are set here or, failing that, in ``defaults``: input for a model, not validated yet."""
        values = {name: getattr(defaults, name) for name in defaults.model_fields_set}
        for name in self.model_fields_set:
            own, theirs = getattr(self, name), values.get(name)
            nested = isinstance(own, Settings) and isinstance(theirs, Settings)
            values[name] = own.over(theirs) if nested else own
        return values


def quantity(text: str) -> Decimal:
    """The value of a Kubernetes quantity.

    Args:
        text: Quantity such as ``250m`` (cores), ``128Mi`` or ``1G`` (bytes).

    Returns:
        The value in cores or bytes.

    Raises:
        ValueError: The text is not a quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is not a Kubernetes quantity; write one such as 250m, 128Mi or 1Gi")
    return Decimal(match[1]) * _SUFFIXES[match[2]]


_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}


def hours(retention: str) -> int:
    """The length of a `Retention` in hours."""
    return int(retention[:-1]) * _HOURS[retention[-1]]


def _positive_quantity(text: str) -> str:
    if quantity(text) <= 0:
        raise ValueError("is not greater than zero; write a quantity such as 250m, 128Mi or 1Gi")
    return text


Quantity = Annotated[str, AfterValidator(_positive_quantity), Pattern(_QUANTITY)]
"""Positive Kubernetes quantity, unchanged."""

DnsLabel = Annotated[
    str,
    Pattern(
        _DNS_LABEL,
        "is not a DNS label; use at most 63 lower case letters, digits and dashes, beginning with a letter",
    ),
]
"""Name of a Kubernetes Service (RFC 1035 label)."""

LabelValue = Annotated[
    str,
    Pattern(_LABEL_VALUE, "is not a label value; use at most 63 letters, digits, dashes, dots and underscores"),
]
"""Non-empty value of a Kubernetes label."""

SelectedValue = Annotated[
    str,
    Pattern(
        re.compile(f"(?:{_LABEL_NAME})?"),
        "is not a label value; use at most 63 letters, digits, dashes, dots and underscores, or nothing",
    ),
]
"""Value of a Kubernetes label in a selector; may be empty, like the value of a node's role label."""

LabelKey = Annotated[
    str,
    Pattern(
        _LABEL_KEY,
        "is not a label key; write a name such as zone, or one with a domain such as topology.kubernetes.io/zone",
    ),
]
"""Key of a Kubernetes label, annotation or taint."""

ObjectName = Annotated[
    str,
    Pattern(_OBJECT_NAME, "is not an object name; use at most 253 lower case letters, digits, dashes and dots"),
]
"""Name of a Kubernetes object other than a Service (RFC 1123 subdomain)."""

ObjectKey = Annotated[
    str,
    Pattern(
        re.compile(r"[A-Za-z0-9._-]{1,253}"),
        "is not a key of a Secret or ConfigMap; use letters, digits, dashes, dots and underscores",
    ),
]
"""Key of a Secret or a ConfigMap."""

HeaderName = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
        "is not the name of a header; use lower case letters and digits with single dashes between them",
    ),
]
"""Name of an HTTP header or a gRPC metadata key, in lower case."""

Uid = Annotated[
    str,
    Pattern(
        re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "is not a UID; copy metadata.uid of the object",
    ),
]
"""``metadata.uid`` of a Kubernetes object."""

InstrumentName = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*"),
        "is not an instrument name; write lower case words with dots such as shop.orders",
    ),
]
"""Name of an OpenTelemetry instrument (https://opentelemetry.io/docs/specs/semconv/general/naming/)."""

ImageReference = Annotated[
    str,
    Pattern(_IMAGE, "is not a pinned image; write repository:tag or repository@sha256:digest"),
]
"""Container image with a tag or a digest."""

RegistryPath = Annotated[
    str,
    Pattern(
        re.compile(rf"[a-zA-Z0-9.-]+(?::[0-9]{{1,5}})?(?:/{_NAME})*"),
        "is not a registry; write one such as registry.example.com/shop, without a scheme and a slash at the end",
    ),
]
"""Registry of container images, with the path before an image's name."""

ImageTag = Annotated[
    str,
    Pattern(re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"), "is not a tag; write one such as 1.4.0"),
]
"""Tag of a container image."""

Duration = Annotated[str, Pattern(_DURATION, "is not a duration; write one such as 500ms, 10s or 1m30s")]
"""Duration in the format of Go programs, such as ``1m30s``."""

HttpUrl = Annotated[
    str,
    Pattern(
        _URL,
        "is not a URL; write one such as https://grafana.example.com",
    ),
]
"""HTTP or HTTPS URL without a query."""

UrlText = Annotated[
    str,
    Pattern(
        _URL,
        "is not a URL; write one such as https://backend.example.com:4317, without a login or a query",
    ),
]
"""URL of a server: HTTP or HTTPS, without a login and a query."""

CronSchedule = Annotated[
    str,
    Pattern(
        re.compile(r"[0-9*/,-]+( [0-9*/,-]+){2} [A-Za-z0-9*/,-]+ [A-Za-z0-9*/,-]+"),
        "is not a schedule of cron; write minute, hour, day, month and weekday such as 17 3 * * *",
    ),
]
"""Schedule in the format of cron."""

HostPort = Annotated[
    str,
    Pattern(re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}"), "is not host:port; write one such as cassandra.example.com:9042"),
]
"""Address of a server: host name or IPv4 address, and port."""

KeyspaceName = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z][a-z0-9_]{0,47}"),
        "is not the name of a keyspace; use at most 48 lower case letters, digits and underscores",
    ),
]
"""Name of a Cassandra keyspace."""

HttpsAddress = Annotated[
    str,
    Pattern(
        re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/?=&%+-]*)?"),
        "is not an HTTPS URL; write one such as https://issuer.example.com/keys",
    ),
]
"""HTTPS URL."""

PathPrefix = Annotated[
    str,
    Field(max_length=1024),
    Pattern(
        re.compile(r"/|(?:/[A-Za-z0-9._~-]+)+"),
        "is not a path prefix; write / or one such as /reviews, without a slash at the end",
    ),
]
"""Prefix of URL paths by whole segments: ``/reviews`` covers ``/reviews`` and ``/reviews/1``, not ``/reviewsx``."""

HostName = Annotated[
    str,
    Pattern(re.compile(_HOST), "is not a host name; write one such as shop.example.com"),
]
"""DNS name of a host, without a wildcard."""

PluginReference = Annotated[
    str,
    Pattern(
        re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+@[0-9]+\.[0-9]+\.[0-9]+(?:@https?://[^\s,@]+)?"),
        "is not a pinned plugin; write id@version, or id@version@url of its archive",
    ),
]
"""Grafana plugin with its version, in the format of Grafana's setting ``preinstall``."""

Retention = Annotated[str, Pattern(_RETENTION, "is not a retention; write hours, days or weeks such as 12h, 7d or 4w")]
"""Time that data is kept: whole hours, days or weeks."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""TCP port."""

UnprivilegedPort = Annotated[int, Field(ge=1024, le=65535)]
"""TCP port that a process without capabilities can listen on."""

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
"""Lowest severity of the log records that are written."""

Environment = Literal["production", "staging", "test", "development"]
"""Value of ``deployment.environment.name``."""

Percentage = Annotated[float, Field(ge=0, le=100)]
"""A share in percent."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""Share between 0 (nothing) and 1 (everything)."""

Replicas = Annotated[int, Field(ge=1, le=100)]
"""Number of pods of a workload."""
