"""Versions of the services: those of the catalog, and those that a stack's settings add or override."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_mesh import (
    InvalidSettingsError,
    Problem,
    Service,
    Version,
    join_path,
    own_variables,
    parse,
    taken_variables,
    workload_problems,
)
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_mesh_stack.model import ServiceSettings


def with_versions(service: Service, versions: Mapping[str, Version]) -> Service:
    """The service with its versions and those of a stack.

    Raises:
        InvalidSettingsError: A version has the name of another one, or a name that is too long.
    """
    merged = {**service.versions}
    for name, one in versions.items():
        merged[name] = parse(Version, one.over(merged[name])) if name in merged else one
    fields = {name: getattr(service, name) for name in service.model_fields_set}
    return parse(Service, {**fields, "versions": merged})


def bad_workloads(settings: Mapping[str, ServiceSettings]) -> Iterator[Problem]:
    """Problems of a stack's workloads that contradict the catalog."""
    for service in CATALOG.services:
        given = settings.get(service.name)
        if given is not None:
            whole = service.model_copy(update={"versions": {**service.versions, **given.versions}})
            found = workload_problems(given, whole, own_variables(whole))
            yield from (one.below(join_path("services", service.name)) for one in found)


def bad_versions(versions: Mapping[str, Mapping[str, Version]]) -> Iterator[Problem]:
    """Problems of a stack's versions: names that are taken or too long."""
    taken = {one.name: "a service" for one in CATALOG.services} | {one.name: "a store" for one in CATALOG.stores}
    for service in CATALOG.services:
        try:
            made = with_versions(service, versions.get(service.name, {}))
        except InvalidSettingsError as error:
            yield from (one.below(join_path("services", service.name)) for one in error.problems)
            continue
        yield from (one.below(join_path("services", service.name)) for one in taken_variables(made))
        for version, name in made.deployments().items():
            path = join_path("services", service.name, "versions", version)
            if name in taken:
                yield Problem(path, f"its Deployment {name} has the name of {taken[name]}", "give it another name")
            taken.setdefault(name, f"a version of {service.name}")
