"""The plain values that settings are made of, checked where they enter.

Every settings model of the library derives from `Settings`: frozen, without unknown keys, and silent about
the offending input in its errors, because an input may be a secret typed into the wrong field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

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
_OBJECT_NAME: Final = re.compile(_SUBDOMAIN)
_LABEL_KEY: Final = re.compile(rf"(?:{_SUBDOMAIN}/)?{_LABEL_NAME}")
_NAME: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?=.{{1,512}}$)(?:[a-zA-Z0-9.-]+(?::[0-9]{{1,5}})?/)?{_NAME}(?:/{_NAME})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})"
)


class Settings(BaseModel):
    """Plain values of a component: frozen, no unknown keys, inputs never repeated in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def over(self, defaults: Settings) -> dict[str, Any]:
        """What was set here or, where nothing was, in the defaults: values for a model, not checked together yet."""
        values = {name: getattr(defaults, name) for name in defaults.model_fields_set}
        for name in self.model_fields_set:
            own, theirs = getattr(self, name), values.get(name)
            nested = isinstance(own, Settings) and isinstance(theirs, Settings)
            values[name] = own.over(theirs) if nested else own
        return values


def quantity(text: str) -> Decimal:
    """Reads a Kubernetes quantity.

    Args:
        text: such as ``250m`` (cores), ``128Mi`` or ``1G`` (bytes).

    Returns:
        The value in base units: cores or bytes.

    Raises:
        ValueError: it is no quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError("is no Kubernetes quantity; write one such as 250m, 128Mi or 1Gi")
    return Decimal(match[1]) * _SUFFIXES[match[2]]


_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}


def hours(retention: str) -> int:
    """A `Retention` in hours."""
    return int(retention[:-1]) * _HOURS[retention[-1]]


def _positive_quantity(text: str) -> str:
    if quantity(text) <= 0:
        raise ValueError("must be more than zero; write a quantity such as 250m, 128Mi or 1Gi")
    return text


@dataclass(frozen=True)
class _Pattern:
    """What a string must look like: checked by pydantic with our complaint, told to editors by the JSON schema."""

    pattern: re.Pattern[str]
    complaint: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:  # noqa: ANN401 - any annotation
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self._check, schema) if self.complaint else schema

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}

    def _check(self, text: str) -> str:
        if self.pattern.fullmatch(text) is None:
            raise ValueError(self.complaint)
        return text


Quantity = Annotated[str, AfterValidator(_positive_quantity), _Pattern(_QUANTITY)]
"""A positive Kubernetes quantity, kept as written."""

DnsLabel = Annotated[
    str,
    _Pattern(
        _DNS_LABEL,
        "is no DNS label; use at most 63 lower case letters, digits and dashes, beginning with a letter",
    ),
]
"""A name that a Kubernetes Service may carry (RFC 1035 label)."""

LabelValue = Annotated[
    str,
    _Pattern(_LABEL_VALUE, "is no label value; use at most 63 letters, digits, dashes, dots and underscores"),
]
"""A non-empty value of a Kubernetes label."""

SelectedValue = Annotated[
    str,
    _Pattern(
        re.compile(f"(?:{_LABEL_NAME})?"),
        "is no label value; use at most 63 letters, digits, dashes, dots and underscores, or nothing",
    ),
]
"""A value of a Kubernetes label that is looked for; may be empty, as that of a node's role is."""

LabelKey = Annotated[
    str,
    _Pattern(
        _LABEL_KEY,
        "is no label key; write a name such as zone, or one with a domain such as topology.kubernetes.io/zone",
    ),
]
"""The key of a Kubernetes label, annotation or taint."""

ObjectName = Annotated[
    str,
    _Pattern(_OBJECT_NAME, "is no object name; use at most 253 lower case letters, digits, dashes and dots"),
]
"""The name of a Kubernetes object that is no Service (RFC 1123 subdomain)."""

Uid = Annotated[
    str,
    _Pattern(
        re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "is no UID of a Kubernetes object; copy the one that the cluster shows",
    ),
]
"""What Kubernetes tells an object from all others by, ever."""

InstrumentName = Annotated[
    str,
    _Pattern(
        re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*"),
        "is no instrument's name; write lower case words with dots such as shop.orders",
    ),
]
"""The name of a metric's instrument (https://opentelemetry.io/docs/specs/semconv/general/naming/)."""

ImageReference = Annotated[
    str,
    _Pattern(_IMAGE, "is no pinned image; write repository:tag or repository@sha256:digest"),
]
"""A container image with a tag or a digest: what runs must not depend on the day it is pulled."""

Duration = Annotated[str, _Pattern(_DURATION, "is no duration; write one such as 500ms, 10s or 1m30s")]
"""A duration as Go programs read it."""

HttpUrl = Annotated[
    str,
    _Pattern(
        re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"),
        "is no address of a page; write one such as https://grafana.example.com",
    ),
]
"""The address of a page as browsers see it, without a query."""

HttpsAddress = Annotated[
    str,
    _Pattern(
        re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/?=&%+-]*)?"),
        "is no HTTPS address; write one such as https://issuer.example.com/keys",
    ),
]
"""Where something is fetched by HTTPS."""

PluginReference = Annotated[
    str,
    _Pattern(
        re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+@[0-9]+\.[0-9]+\.[0-9]+(?:@https?://[^\s,@]+)?"),
        "is no pinned plugin; write id@version, or id@version@url of its archive",
    ),
]
"""A plugin of Grafana's, as its setting ``preinstall`` wants it, with its version."""

Retention = Annotated[str, _Pattern(_RETENTION, "is no retention; write hours, days or weeks such as 12h, 7d or 4w")]
"""How long data is kept: whole hours, days or weeks."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""

UnprivilegedPort = Annotated[int, Field(ge=1024, le=65535)]
"""A TCP port that a process without capabilities may listen on."""

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
"""Below which records are not written."""

Environment = Literal["production", "staging", "test", "development"]
"""``deployment.environment.name``."""

Percentage = Annotated[float, Field(ge=0, le=100)]
"""A share in percent."""

Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share between nothing (0) and everything (1)."""

Replicas = Annotated[int, Field(ge=1, le=100)]
"""How many pods of a workload run."""
