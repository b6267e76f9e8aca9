"""Reads what a stack is to be: the only place that asks `pulumi.Config` and the environment.

Everything is checked before any resource is registered; all mistakes are told together, in one message without a
traceback.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import pulumi
from pydantic import TypeAdapter, ValidationError

from otel_mesh.problems import InvalidSettingsError, Problem, parse
from otel_mesh.values import ImageReference
from otel_mesh_stack import kubeconfig
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

P = ParamSpec("P")
R = TypeVar("R")

KEY: Final = "settings"
IMAGES_FILE: Final = "OTEL_MESH_IMAGES_FILE"
SECRETS_DIR: Final = "OTEL_MESH_SECRETS_DIR"
IMAGE_KEYS: Final = {
    "collector": "otel-collector",
    "jaeger": "jaeger",
    "prometheus": "prometheus",
    "postgres": "postgres",
}
"""Parts of the settings that have an image, with its name in the image file."""
_MAX_SECRET_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack's settings, complete.

    Attributes:
        settings: checked, with the images of the image file filled in.
        service_images: what each service runs.
        postgres_password: a secret output, or None where a Secret exists.
    """

    settings: StackSettings
    service_images: Mapping[str, str]
    postgres_password: pulumi.Output[str] | None = field(repr=False)


def read() -> Stack:
    """Reads the settings of the current stack.

    Raises:
        pulumi.RunError: they are wrong; the message names every mistake with path, reason and remedy.
    """
    try:
        return _read()
    except InvalidSettingsError as error:
        problems = error.problems
    count = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
    lines = "\n".join(f"  {problem}" for problem in problems)
    raise pulumi.RunError(f"settings of stack '{pulumi.get_stack()}': {count}, nothing was changed\n{lines}")


def _read() -> Stack:
    settings = parse(StackSettings, _configured())
    problems: list[Problem] = []
    require_context = _collecting(problems, kubeconfig.require_context)
    require_context(settings.cluster.context, "cluster.context")
    images = _collecting(problems, _images)(settings) or {}
    password = _collecting(problems, _postgres_password)(settings)
    if not problems:
        problems += _missing_images(settings, images)
    if problems:
        raise InvalidSettingsError(problems)
    services = {service.name: _service_image(settings, images, service.name) or "" for service in CATALOG.services}
    return Stack(settings=with_images(settings, images), service_images=services, postgres_password=password)


def _collecting(problems: list[Problem], step: Callable[P, R]) -> Callable[P, R | None]:
    """Lets a step fail without ending the others: what it found goes to the list."""

    def attempt(*args: P.args, **kwargs: P.kwargs) -> R | None:
        try:
            return step(*args, **kwargs)
        except InvalidSettingsError as error:
            problems.extend(error.problems)
            return None

    return attempt


def _configured() -> object:
    path = f"otel-mesh:{KEY}"
    try:
        value = pulumi.Config("otel-mesh").get_object(KEY)
    except (pulumi.ConfigTypeError, ValueError):
        raise InvalidSettingsError([Problem(path, "is no object", "write a mapping of settings")]) from None
    if value is None:
        remedy = f"add it to Pulumi.{pulumi.get_stack()}.yaml, with at least environment and cluster"
        raise InvalidSettingsError([Problem(path, "required but missing", remedy)])
    return value


def _images(settings: StackSettings) -> dict[str, str]:
    """The images of the image file, checked; none where the stack doesn't ask for it."""
    if not settings.images_from_file:
        return {}
    place = _place(IMAGES_FILE, "images_from_file", "`make up` writes it")
    try:
        content = json.loads(place.read_text())
        return TypeAdapter(dict[str, ImageReference]).validate_python(content)
    except OSError as error:
        reason = f"{IMAGES_FILE}={place}: {error.strerror}"
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        reason = f"{IMAGES_FILE}={place}: {where or 'the whole'} is no pinned image"
    except ValueError:
        reason = f"{IMAGES_FILE}={place}: not JSON"
    remedy = 'give a JSON object such as {"api-gateway": "registry/api-gateway:1.0"}'
    raise InvalidSettingsError([Problem("images_from_file", reason, remedy)])


def _postgres_password(settings: StackSettings) -> pulumi.Output[str] | None:
    """The password, secret from the moment it is read; never part of a message."""
    name = settings.postgres_password_file
    if name is None:
        return None
    place = _place(SECRETS_DIR, "postgres_password_file", "`make up` generates it") / name
    try:
        content = place.read_bytes()[: _MAX_SECRET_BYTES + 1]
        password = content.decode().rstrip("\r\n")
    except OSError as error:
        reason = f"{place}: {error.strerror}"
    except UnicodeDecodeError:
        reason = f"{place}: not UTF-8"
    else:
        if password and len(content) <= _MAX_SECRET_BYTES and password.isprintable():
            return pulumi.Output.secret(password)
        reason = f"{place}: empty, longer than {_MAX_SECRET_BYTES} bytes or of several lines"
    raise InvalidSettingsError([Problem("postgres_password_file", reason, "put the password there, on one line")])


def _place(variable: str, path: str, who: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        raise InvalidSettingsError([Problem(path, f"{variable} is not set", f"set it ({who})")])
    return Path(value)


def _service_image(settings: StackSettings, images: Mapping[str, str], service: str) -> str | None:
    own = settings.services[service].image if service in settings.services else None
    return own or images.get(service)


def _missing_images(settings: StackSettings, images: Mapping[str, str]) -> list[Problem]:
    """Our own services have no public image that could be a default."""
    remedy = f"name one here, or set images_from_file and {IMAGES_FILE}"
    return [
        Problem(f"services.{service.name}.image", "there is no image to run", remedy)
        for service in CATALOG.services
        if _service_image(settings, images, service.name) is None
    ]


def with_images(settings: StackSettings, images: Mapping[str, str]) -> StackSettings:
    """Fills in the images of the file where the stack's own settings name none."""
    updates: dict[str, Any] = {}
    for key, name in IMAGE_KEYS.items():
        part = getattr(settings, key)
        if name in images and "image" not in part.model_fields_set:
            updates[key] = part.model_copy(update={"image": images[name]})
    return settings.model_copy(update=updates)
