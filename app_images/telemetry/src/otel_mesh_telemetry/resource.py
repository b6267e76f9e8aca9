"""The one Resource that every signal of the process carries."""

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
    """Join what the specification's variables say with what the aliases add.

    OTEL_SERVICE_NAME wins over ``service.name`` in OTEL_RESOURCE_ATTRIBUTES, both win over aliases.
    An empty value is left out: ``""`` as an attribute would hide that nobody knows it. A worker's
    ``service.instance.id`` ends in its process id.

    Args:
        aliases: attributes from variables outside the specification.
    """
    standard = OTELResourceDetector().detect().attributes
    extra: dict[str, AttributeValue] = {key: value for key, value in aliases.items() if value and key not in standard}
    resource = Resource.create(extra)
    kept = {key: value for key, value in resource.attributes.items() if value != ""}
    given = aliases.get(_INSTANCE) or standard.get(_INSTANCE)
    if given and is_worker():
        kept[_INSTANCE] = f"{given}-{os.getpid()}"
    return Resource(kept, resource.schema_url or SCHEMA_URL)


def is_worker() -> bool:
    """Whether this is one of several processes that serve as one instance, each started by uvicorn or gunicorn.

    They inherit the environment, and with it an id that only the pod has for itself; of two processes with one id, the
    metrics would overwrite each other. A process that forks after its start gets an id of its own from the SDK.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")  # there in every process that it has started
    started = multiprocessing is not None and multiprocessing.parent_process() is not None
    return started or os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/")
