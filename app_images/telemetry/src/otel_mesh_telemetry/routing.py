"""Headers set by the mesh's routes: canary, fault configuration, request ID."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from otel_mesh_telemetry.features import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}").fullmatch
_REQUEST_ID = re.compile(r"[\x21-\x7e]{1,128}").fullmatch
_MAX_WEIGHT = 100
_WEIGHT_DIGITS = 3
_REQUEST_IDS = ("x-request-id", "l5d-reqid", "l5d-request-id")


class Canary(ReadOnly):
    """Server feature: ``otel_mesh.canary.*``.

    ``x-canary`` is the caller's request. ``x-trace-version`` is the decision of the mesh's route, provided that this
    route sets the header and all other routes remove it; otherwise it comes from the caller too.
    """

    headers = frozenset({"x-canary", "x-trace-version", "x-traffic-weight"})

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add the well-formed headers."""
        del context
        wanted = carrier.get("x-canary", "").strip().lower()
        if wanted in ("true", "false"):
            attributes["otel_mesh.canary.requested"] = wanted == "true"
        version = carrier.get("x-trace-version", "").strip()
        if _VERSION(version):
            attributes["otel_mesh.canary.version"] = version
        weight = carrier.get("x-traffic-weight", "").strip()
        if weight.isascii() and weight.isdecimal() and len(weight) <= _WEIGHT_DIGITS and int(weight) <= _MAX_WEIGHT:
            attributes["otel_mesh.canary.weight"] = int(weight)


class FaultRoute(ReadOnly):
    """Server feature: ``otel_mesh.fault.configured``: the request's route has fault injection configured.

    The request itself was not aborted, and no header reports whether it was delayed. ``x-envoy-fault-*`` headers
    request faults and may be sent by any caller; they are not read.
    """

    headers = frozenset({"x-fault-injected"})

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add the attribute if the header is ``true``."""
        del context
        if carrier["x-fault-injected"].strip().lower() == "true":
            attributes["otel_mesh.fault.configured"] = True


class RequestId(ReadOnly):
    """Server feature: ``otel_mesh.request.id`` from ``x-request-id`` or Linkerd 1.x's ``l5d-reqid``."""

    headers = frozenset(_REQUEST_IDS)

    def describe(
        self, carrier: Mapping[str, str], context: Context, attributes: MutableMapping[str, AttributeValue]
    ) -> None:
        """Add the first well-formed ID."""
        del context
        for name in _REQUEST_IDS:
            if _REQUEST_ID(carrier.get(name, "")):
                attributes["otel_mesh.request.id"] = carrier[name]
                return
