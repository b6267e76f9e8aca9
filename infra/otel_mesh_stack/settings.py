"""The settings of a stack, read from `pulumi.Config` and the environment, and nowhere else.

All settings are validated before any resource is registered, and all problems are reported in one message.
"""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import pulumi
from pydantic import BaseModel

from otel_mesh import InvalidSettingsError, Problem, collecting, join_path, nearest, parse
from otel_mesh_stack import identity, kubeconfig, mesh_files, mesh_trust, secret_files
from otel_mesh_stack import images as images_of
from otel_mesh_stack.completion import complete
from otel_mesh_stack.model import StackSettings
from otel_mesh_stack.places import variable_path
from otel_mesh_stack.refusal import refusal
from otel_mesh_stack.secret_files import PLACEHOLDER, SECRETS_DIR, Certificate
from otel_mesh_stack.services import CATALOG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh import GivenIdentity

M = TypeVar("M", bound=BaseModel)

NAMESPACE: Final = "otel-mesh"
"""Namespace of this project's keys in a stack's configuration."""
KEY: Final = "settings"
"""The only key in the namespace: a mapping with all settings."""
_PASSWORDS: Final = (
    ("postgres_password", "postgres_password_file", ""),
    ("migrations_password", "postgres_password_file", "-migrations"),
    ("services_password", "postgres_password_file", "-services"),
    ("redis_password", "redis_password_file", ""),
)
"""Fields of `Stack` with a password, the setting with the name of its file, and the suffix of that name."""
RENDER_DIR: Final = "OTEL_MESH_RENDER_DIR"
"""Environment variable with a folder: the provider writes the objects there, without a cluster, images or secrets."""


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack's settings, complete.

    Attributes:
        settings: Validated settings, with the images of the image file.
        service_images: Container image of each service.
        charts_dir: Folder with the charts, in place of their repositories.
        postgres_password: Password of the server's superuser role, a secret output; None for an existing Secret.
        migrations_password: Password of the role for migrations; like ``postgres_password``.
        services_password: Password of the role for services; like ``postgres_password``.
        redis_password: Password of Redis; like ``postgres_password``.
        gateway_certificate: Certificate of the gateway; None for an existing Secret, or without a gateway.
        mesh_identity: The user's own certificates of a Linkerd; None if it generates them, or for another mesh.
        cluster_uid: UID of the cluster; None if objects are only written.
        render_dir: Folder that objects are written to; None if they are deployed.
    """

    settings: StackSettings
    service_images: Mapping[str, str]
    charts_dir: str | None
    postgres_password: pulumi.Output[str] | None = field(repr=False)
    migrations_password: pulumi.Output[str] | None = field(repr=False)
    services_password: pulumi.Output[str] | None = field(repr=False)
    redis_password: pulumi.Output[str] | None = field(repr=False)
    gateway_certificate: Certificate | None
    mesh_identity: GivenIdentity | None
    cluster_uid: str | None
    render_dir: Path | None


def read() -> Stack:
    """The settings of the current stack.

    Raises:
        pulumi.RunError: The settings are invalid; the message lists every problem with path, reason and remedy.
    """
    try:
        return _read()
    except InvalidSettingsError as error:
        problems = error.problems
    raise refusal(problems)


def _read() -> Stack:
    problems = _unknown_keys()
    settings = None
    with collecting(problems):
        configured = _configured()
        settings = parse(StackSettings, configured, "" if isinstance(configured, dict) else f"{NAMESPACE}:{KEY}")
    if settings is None:
        raise InvalidSettingsError(problems)
    rendering = RENDER_DIR in os.environ
    if not rendering:
        with collecting(problems):
            kubeconfig.require_context(settings.cluster.context, "cluster.context")
    images: Mapping[str, str] = {}
    with collecting(problems):
        images = images_of.image_file(settings, rendering=rendering)
        problems += images_of.missing_images(settings, images)
    passwords: dict[str, pulumi.Output[str] | None] = {}
    for name, key, ending in _PASSWORDS:
        with collecting(problems):
            file = getattr(settings, key)
            passwords[name] = _password(key, file and f"{file}{ending}", rendering=rendering)
    certificate = None
    with collecting(problems):
        certificate = _gateway_certificate(settings, rendering=rendering)
    identity_of_mesh = None
    with collecting(problems):
        identity_of_mesh = mesh_files.mesh_identity(os.environ.get(SECRETS_DIR), settings, rendering=rendering)
    render_dir = None
    with collecting(problems):
        render_dir = _render_dir()
    with collecting(problems):
        settings = complete(settings)
    charts_dir = None
    with collecting(problems):
        charts_dir = mesh_files.charts_dir(os.environ.get(mesh_files.CHARTS_DIR), settings)
    with collecting(problems):
        node_file = os.environ.get(mesh_files.NODE_FILE)
        if node_file or not rendering:  # written objects run on no node
            settings = mesh_files.with_node(node_file, settings)
    if problems:
        raise InvalidSettingsError(dict.fromkeys(problems))
    return Stack(
        settings=images_of.with_images(settings, images),
        service_images={
            service.name: images_of.service_image(settings, images, service.name) for service in CATALOG.services
        },
        charts_dir=charts_dir,
        **passwords,
        gateway_certificate=certificate,
        mesh_identity=identity_of_mesh,
        cluster_uid=None if rendering else _cluster_uid(settings, identity_of_mesh),
        render_dir=render_dir,
    )


def _cluster_uid(settings: StackSettings, given: GivenIdentity | None) -> str:
    """The UID of the context's cluster, which is asked only if there are no other problems."""
    uid = identity.read_uid(settings.cluster.context)
    identity.require_named(uid, settings.cluster.uid, settings.cluster.context)
    mesh_trust.require_rotation(settings, given)
    return uid


def _render_dir() -> Path | None:
    """The folder that the provider writes the objects to; None if it deploys them."""
    value = os.environ.get(RENDER_DIR)
    if value is None:
        return None
    folder = Path(value)
    if not folder.is_absolute() or not folder.is_dir():
        problem = Problem("", f"{RENDER_DIR}={value}: no such folder", "unset it, or use `otel-mesh render`")
        raise InvalidSettingsError([problem])
    return folder


def _unknown_keys() -> list[Problem]:
    """Problems of further keys in this project's namespace."""
    prefix = f"{NAMESPACE}:"
    names = sorted(key.removeprefix(prefix) for key in pulumi.runtime.get_config_env() if key.startswith(prefix))
    return [Problem(join_path(prefix + name), "unknown key", _instead(name)) for name in names if name != KEY]


def _instead(name: str) -> str:
    """The remedy for an unknown key: the name of the settings, or of one of them."""
    if not difflib.get_close_matches(name, [KEY]):
        for meant in difflib.get_close_matches(name, StackSettings.model_fields, n=1):
            return f"write '{meant}' below {NAMESPACE}:{KEY}"
    return nearest(f"{NAMESPACE}:{name}", [f"{NAMESPACE}:{KEY}"])


def _configured() -> object:
    path = f"{NAMESPACE}:{KEY}"
    try:
        value = pulumi.Config(NAMESPACE).get_object(KEY)
    except (pulumi.ConfigTypeError, ValueError):
        raise InvalidSettingsError([Problem(path, "is not a mapping", "write a mapping of settings")]) from None
    if value is None:
        remedy = f"add it to Pulumi.{pulumi.get_stack()}.yaml, with at least environment and cluster"
        raise InvalidSettingsError([Problem(path, "required but missing", remedy)])
    return value


def _password(key: str, name: str | None, *, rendering: bool) -> pulumi.Output[str] | None:
    """The password in a file as a secret output; None for an existing Secret."""
    if name is None:
        return None
    if rendering:
        return pulumi.Output.secret(PLACEHOLDER)
    place = variable_path(SECRETS_DIR, key, "`otel-mesh up` generates it") / name
    return pulumi.Output.secret(secret_files.password(place, key))


def _gateway_certificate(settings: StackSettings, *, rendering: bool) -> Certificate | None:
    name = settings.mesh.gateway_certificate
    if name is None or not settings.mesh.installed:
        return None
    if rendering:
        return Certificate(chain=PLACEHOLDER, private_key=pulumi.Output.secret(PLACEHOLDER))
    chain, key = secret_files.pem_pair(os.environ.get(SECRETS_DIR), name, "mesh.gateway_certificate")
    return Certificate(chain=chain, private_key=pulumi.Output.secret(key))
