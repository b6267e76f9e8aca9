"""The resource shared by all signals of the process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from otel_mesh_telemetry.instrumentation import SCHEMA_URL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

_INSTANCE = "service.instance.id"


def build_resource(aliases: Mapping[str, str]) -> Resource:
    """The resource built from the specification's variables and the aliases.

    OTEL_SERVICE_NAME overrides ``service.name`` in OTEL_RESOURCE_ATTRIBUTES; both override aliases. Empty values are
    dropped, so that an unknown value is missing rather than ``""``. The ``service.instance.id`` of a worker process
    ends with its process ID.

    Args:
        aliases: Attributes from variables outside the specification.
    """
    standard = OTELResourceDetector().detect().attributes
    extra: dict[str, AttributeValue] = {key: value for key, value in aliases.items() if value and key not in standard}
    resource = Resource.create(extra)
    attributes = {key: value for key, value in resource.attributes.items() if value != ""}
    instance = aliases.get(_INSTANCE) or standard.get(_INSTANCE)
    if instance and is_worker():
        attributes[_INSTANCE] = f"{instance}-{os.getpid()}"
    return Resource(attributes, resource.schema_url or SCHEMA_URL)


def is_worker() -> bool:
    """True if this is a worker process started by uvicorn or gunicorn.

    Workers inherit the pod's instance ID from the environment; metrics of two processes with the same ID would
    overwrite each other. A process forked after the start of telemetry gets an ID of its own from the SDK.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")  # imported in every process it has started
    started = multiprocessing is not None and multiprocessing.parent_process() is not None
    return started or os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
