"""Custom resource definitions of the charts that the tests have, and validation by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.built import Built

Schemas = dict[tuple[str, str], dict[str, Any]]
"""The schema of an object by its API version and kind."""

_TEMPLATED: Final = "{{"


def mesh_schemas(built: Built) -> Schemas:
    """Schemas of Istio, Linkerd, the Gateway API and Envoy Gateway; of Linkerd, those of the newest charts in reach."""
    istio, linkerd = built.charts(), built.linkerd_charts()
    files = [
        *(istio / "base" / "files").glob("crd-all*.yaml"),
        *(linkerd / "linkerd-crds" / "templates" / "policy").glob("*.yaml"),
        *(istio / "gateway-api").glob("*.yaml"),
        *built.envoy_gateway().glob("*.yaml"),
    ]
    return schemas(files)


def schemas(files: Iterable[Path]) -> Schemas:
    """Schemas of all definitions in some files; what Helm would fill in is not in their schemas."""
    found: Schemas = {}
    for file in files:
        lines = [line for line in file.read_text().splitlines(keepends=True) if _TEMPLATED not in line]
        for one in yaml.load_all("".join(lines), yaml.CSafeLoader):
            if one and one["kind"] == "CustomResourceDefinition":
                group, kind = one["spec"]["group"], one["spec"]["names"]["kind"]
                for version in one["spec"]["versions"]:
                    found[f"{group}/{version['name']}", kind] = version["schema"]["openAPIV3Schema"]
    return found


def closed(schema: Any, *, top: bool = True) -> Any:  # noqa: ANN401 - any part of a schema
    """The schema with unknown fields refused, as the API server does with strict field validation."""
    if isinstance(schema, list):
        return [closed(one, top=False) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value, top=False) for key, value in schema.items()}
    known = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    if known and not top and schema["properties"] and "additionalProperties" not in schema:
        made["additionalProperties"] = False
    return made
