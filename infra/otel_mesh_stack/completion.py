"""Completes the settings of each part with the settings of the stack as a whole."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel

from otel_mesh import (
    InvalidSettingsError,
    Problem,
    Scheduling,
    Settings,
    Storage,
    collecting,
    parse,
    pod_counts,
)
from otel_mesh_stack.model import ServiceSettings
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from otel_mesh_stack.model import StackSettings

_PARTS: Final = (
    *("collector", "tail_sampler", "jaeger", "victoria_logs", "prometheus", "alertmanager", "grafana"),
    *("postgres", "postgres_backup", "redis", "load_generator"),
)
"""Settings of the stack that have a ``scheduling``."""

ModelT = TypeVar("ModelT", bound=BaseModel)
SettingsT = TypeVar("SettingsT", bound=Settings)


class _Scheduled(Settings):
    """Defaults of every part."""

    scheduling: Scheduling


def complete(settings: StackSettings) -> StackSettings:
    """The settings with every part and every service complete.

    Args:
        settings: Settings of a stack.

    Raises:
        InvalidSettingsError: Settings contradict each other; the error lists every problem.
    """
    problems: list[Problem] = []
    whole = settings
    for path in (*_PARTS, *(f"mesh.{one}" for one in settings.mesh.scheduled_parts)):
        part: Settings | None = attrgetter(path)(settings)
        if part is None or "scheduling" not in type(part).model_fields:
            continue
        with collecting(problems):
            own = _on_its_class(_over(part, _Scheduled(scheduling=settings.scheduling), path), settings)
            whole = replaced(whole, path, own)
    services = {}
    for service in CATALOG.services:
        with collecting(problems):
            services[service.name] = _service(settings, service.name)
    if problems:
        raise InvalidSettingsError(dict.fromkeys(problems))
    return whole.model_copy(update={"services": services})


def replaced(model: ModelT, path: str, value: object) -> ModelT:
    """A copy of the model with another value at a path, such as ``mesh.gateway``."""
    name, _, rest = path.partition(".")
    return model.model_copy(update={name: replaced(getattr(model, name), rest, value) if rest else value})


def _over(own: SettingsT, defaults: Settings, path: str) -> SettingsT:
    return parse(type(own), own.over(defaults), path)


def _service(settings: StackSettings, name: str) -> ServiceSettings:
    path = f"services.{name}"
    common = _over(settings.service_defaults, _Scheduled(scheduling=settings.scheduling), "service_defaults")
    own = settings.services.get(name, ServiceSettings())
    if own.autoscaling is not None:  # in place of a default of all services
        common = type(common)(**{key: getattr(common, key) for key in common.model_fields_set - {"replicas"}})
    found = _over(own, common, path)
    problems = filter(None, map(found.scheduling.problem_with, pod_counts(found, found, found.versions)))
    if unsafe := [one.below(path) for one in problems]:
        raise InvalidSettingsError(unsafe)
    return found


def _on_its_class(part: BaseModel, settings: StackSettings) -> BaseModel:
    """The part with the stack's storage class, if it has a claim without a class of its own."""
    storage = getattr(part, "storage", None)
    if settings.storage_class is None or not isinstance(storage, Storage):
        return part
    if not storage.persistent or storage.storage_class is not None:
        return part
    with_class = storage.model_copy(update={"storage_class": settings.storage_class})
    return part.model_copy(update={"storage": with_class})
