"""Images of a stack: those of the image file, and those that its settings name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from otel_mesh import ImageReference, InvalidSettingsError, Problem
from otel_mesh_stack import stores
from otel_mesh_stack.places import variable_path
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_mesh_stack.model import StackSettings

M = TypeVar("M", bound=BaseModel)

IMAGES_FILE: Final = "OTEL_MESH_IMAGES_FILE"
_LOAD_IMAGE: Final = "load-generator"
_STORE_IMAGE: Final = "backup-store"
IMAGE_KEYS: Final = {
    "collector": "otel-collector",
    "tail_sampler": "otel-collector",
    "jaeger": "jaeger",
    "victoria_logs": "victoria-logs",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
    "grafana": "grafana",
    "postgres": "postgres",
    "postgres_backup": "postgres",
    "postgres_backup.store": _STORE_IMAGE,
    "redis": "redis",
    "load_generator": _LOAD_IMAGE,
    "mesh.istio.control_plane": "istio-pilot",
    "mesh.istio.proxy": "istio-proxyv2",
    "mesh.istio.cni": "istio-install-cni",
    "mesh.linkerd.control_plane": "linkerd-controller",
    "mesh.linkerd.proxy": "linkerd-proxy",
    "mesh.linkerd.cni": "linkerd-cni-plugin",
}
"""Paths of settings with an image -> name of the image in the image file."""
PLACEHOLDER_REGISTRY: Final = "placeholder.invalid"
"""Registry of images in written objects that are not built yet."""


def image_file(settings: StackSettings, *, rendering: bool) -> dict[str, str]:
    """The images of the registry in the settings, replaced by those of the image file if there is one."""
    named = _of_registry(settings)
    if not settings.images_from_file or (named and not os.environ.get(IMAGES_FILE)):
        return named
    if rendering and not os.environ.get(IMAGES_FILE):
        return {name: f"{PLACEHOLDER_REGISTRY}/{name}:{version}" for name, version in _own(settings).items()}
    place = variable_path(IMAGES_FILE, "images_from_file", "`otel-mesh up` writes it, or set images.registry instead")
    try:
        content = json.loads(place.read_text())
        return {**named, **TypeAdapter(dict[str, ImageReference]).validate_python(content)}
    except OSError as error:
        reason = f"{IMAGES_FILE}={place}: {error.strerror}"
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        reason = f"{IMAGES_FILE}={place}: {where or 'the content'} is not a pinned image"
    except ValueError:
        reason = f"{IMAGES_FILE}={place}: not JSON"
    remedy = 'give a JSON object such as {"api-gateway": "registry/api-gateway:1.0"}'
    raise InvalidSettingsError([Problem("images_from_file", reason, remedy)])


def _of_registry(settings: StackSettings) -> dict[str, str]:
    """The images of the stack's own programs in the registry of the settings; empty without one."""
    if settings.images is None:
        return {}
    registry, tag = settings.images.registry, settings.images.tag
    return {name: f"{registry}/{name}:{tag or version}" for name, version in _own(settings).items()}


def _own(settings: StackSettings) -> dict[str, str]:
    """Versions of the stack's own programs, by the name of their images."""
    versions = {service.name: service.version for service in CATALOG.services}
    if settings.load_generator is not None:
        versions[_LOAD_IMAGE] = settings.load_generator.version
    if (store := stores.backup_store(settings)) is not None:
        versions[_STORE_IMAGE] = store.version
    return versions


def with_images(settings: StackSettings, images: Mapping[str, str]) -> StackSettings:
    """The settings with the images of the image file; images in the settings take precedence."""
    for path, name in IMAGE_KEYS.items():
        if name in images:
            settings = _with_default(settings, path.split("."), {"image": images[name]})
    return settings


def service_image(settings: StackSettings, images: Mapping[str, str], service: str) -> str:
    """The image of a service; empty if none is named."""
    own = settings.services[service].image if service in settings.services else None
    return own or images.get(service, "")


def missing_images(settings: StackSettings, images: Mapping[str, str]) -> list[Problem]:
    """Problems of services without an image: they have no public default."""
    remedy = f"name one here, or set images.registry, or images_from_file and {IMAGES_FILE}"
    missing = [
        f"services.{service.name}.image"
        for service in CATALOG.services
        if not service_image(settings, images, service.name)
    ]
    load = settings.load_generator
    if load is not None and load.image is None and _LOAD_IMAGE not in images:
        missing.append("load_generator.image")
    store = stores.backup_store(settings)
    if store is not None and store.image is None and _STORE_IMAGE not in images:
        missing.append("postgres_backup.store.image")
    return [Problem(path, "no image", remedy) for path in missing]


def _with_default(model: M, path: Sequence[str], values: Mapping[str, str]) -> M:
    """A copy of the model with defaults at a path; values that are set there take precedence."""
    if not path and "image" not in type(model).model_fields:  # outside the stack
        return model
    if not path:
        return model.model_copy(update={key: one for key, one in values.items() if key not in model.model_fields_set})
    first, *rest = path
    part = getattr(model, first)
    if part is None:  # not part of the stack
        return model
    return model.model_copy(update={first: _with_default(part, rest, values)})
