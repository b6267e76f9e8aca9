"""The one Resource that every signal of the process carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue


def build_resource(aliases: Mapping[str, str]) -> Resource:
    """Join what the specification's variables say with what the aliases add.

    OTEL_SERVICE_NAME wins over ``service.name`` in OTEL_RESOURCE_ATTRIBUTES, both win over aliases.
    An empty value is left out: ``""`` as an attribute would hide that nobody knows it.

    Args:
        aliases: attributes from variables outside the specification.
    """
    standard = OTELResourceDetector().detect().attributes
    extra: dict[str, AttributeValue] = {key: value for key, value in aliases.items() if value and key not in standard}
    resource = Resource.create(extra)
    kept = {key: value for key, value in resource.attributes.items() if value != ""}
    return Resource(kept, resource.schema_url)
