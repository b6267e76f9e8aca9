"""A Redis server as an in-memory cache."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

import pulumi
from pydantic import Field

from otel_mesh.core import versions
from otel_mesh.core.errors import parse
from otel_mesh.core.labels import Role
from otel_mesh.core.outputs import ImageInput, NameInput  # noqa: TC001 - pydantic reads them at run time
from otel_mesh.core.values import DnsLabel, LabelValue, Settings, quantity
from otel_mesh.k8s.component import Component
from otel_mesh.k8s.containers import Container, ContainerPort, Probes, Volume, config_volume, exec_check
from otel_mesh.k8s.passwords import (
    PASSWORD_KEY,
    created_secret,
    password_file,
    password_volume,
    require_one_password,
    secret_name,
)
from otel_mesh.k8s.render import render
from otel_mesh.k8s.resources import Resources
from otel_mesh.k8s.scheduling import Scheduling
from otel_mesh.k8s.workload import Workload
from otel_mesh.mesh.binding import MeshBinding, NoMesh

if TYPE_CHECKING:
    from otel_mesh.k8s.manifests import Manifest

PORT: Final = 6379
_UID: Final = 999
_CONFIG_DIR: Final = "/etc/otel-mesh/redis"
_RUN_DIR: Final = "/run/redis"
_CREDENTIALS: Final = "credentials"
"""Name of the volume with the password."""
_DATA_SHARE: Final = 0.75
"""Share of the memory limit for data; the rest is for client buffers and fragmentation."""

_START: Final = """\
#!/bin/sh
# The password's digest, which is all that Redis needs, goes into a file that no disk holds.
set -eu
umask 077
digest=$(printf %s "$(cat "$REDIS_PASSWORD_FILE")" | sha256sum)
printf '%s\\n' 'user default off' "user $REDIS_USER on #${digest%% *} ~* &* +@all -@admin -@dangerous" \\
    > /run/redis/users.acl
exec redis-server /etc/otel-mesh/redis/redis.conf
"""

_PING: Final = """\
#!/bin/sh
# Logs in as clients do. With a password that has changed since the start this fails: the restart takes the new one.
set -eu
REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
export REDISCLI_AUTH
[ "$(redis-cli --user "$REDIS_USER" PING)" = PONG ]
"""

EvictionPolicy = Literal[
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "noeviction",
]
UserName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""User name that needs no quotes in an access control list."""


class RedisSettings(Settings):
    """Settings of a `Redis`.

    Attributes:
        name: Name of the Kubernetes objects.
        image: Image with ``redis-server`` 7 or newer, ``redis-cli``, ``sh``, ``cat`` and ``sha256sum`` on PATH; the
            entry point is not used, and any UID must be able to run it.
        version: Version of the program in the image, used as a label.
        resources: Resource requests and limits of the container; three quarters of the memory limit are for data.
        scheduling: Placement of the pod.
        user: User that clients log in as; Redis' default user is disabled.
        eviction: Eviction policy, ``maxmemory-policy``.
        meshed: Whether the pod joins the mesh. It does by default: mTLS authenticates clients and encrypts the
            connections, which the server itself does not.
        existing_secret: Name of an existing Secret with the key ``password``; None if the password is an argument.
    """

    name: DnsLabel = "redis"
    image: ImageInput = versions.REDIS_IMAGE
    version: LabelValue = versions.REDIS
    resources: Resources = Resources(cpu="50m", memory="32Mi", memory_limit="128Mi")
    scheduling: Scheduling = Scheduling()
    user: UserName = "app"
    eviction: EvictionPolicy = "allkeys-lru"
    meshed: bool = True
    existing_secret: NameInput | None = None

    @property
    def secret_name(self) -> pulumi.Input[str]:
        """Name of the Secret with the password: the existing one, or the one that is created."""
        return secret_name(self.name, self.existing_secret)


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """Arguments of a `Redis`.

    Attributes:
        namespace: Namespace of the Kubernetes objects.
        password: Password of ``settings.user``, a secret output; None if ``settings.existing_secret`` is set.
        settings: Settings, or a mapping of their fields.
        mesh: Mesh that the namespace belongs to.
    """

    namespace: pulumi.Input[str]
    password: pulumi.Input[str] | None = None
    settings: RedisSettings = field(default_factory=RedisSettings)
    mesh: MeshBinding = field(default_factory=NoMesh)


def redis_config(settings: RedisSettings) -> str:
    """The file ``redis.conf`` of a cache that never writes to disk."""
    keys = int(float(quantity(settings.resources.memory_limit)) * _DATA_SHARE)
    lines = {
        # all addresses of the pod; the access control list decides who may connect
        "bind": "* -::*",
        "protected-mode": "no",
        "port": PORT,
        "aclfile": f"{_RUN_DIR}/users.acl",
        "dir": _RUN_DIR,
        "save": '""',
        "appendonly": "no",
        "maxmemory": keys,
        "maxmemory-policy": settings.eviction,
        # slow readers are disconnected before their buffers evict keys
        "maxmemory-clients": "10%",
        "tcp-keepalive": 60,
        "lazyfree-lazy-eviction": "yes",
        "lazyfree-lazy-expire": "yes",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _container(settings: RedisSettings) -> Container:
    memory = Volume(name="run", path=_RUN_DIR, source={"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}})
    return Container(
        name="redis",
        image=settings.image,
        command=("sh", f"{_CONFIG_DIR}/start.sh"),
        env={"REDIS_USER": settings.user, "REDIS_PASSWORD_FILE": password_file(settings.secret_name, _CREDENTIALS)},
        ports=(ContainerPort(name="tcp-redis", number=PORT, protocol="tcp"),),
        probes=Probes(live=exec_check(("sh", f"{_CONFIG_DIR}/ping.sh"), timeout_seconds=3)),
        resources=settings.resources,
        volumes=(
            config_volume("config", settings.name, _CONFIG_DIR),
            password_volume(_CREDENTIALS, settings.secret_name),
            memory,
        ),
    )


def redis_manifests(args: RedisArgs, settings: RedisSettings) -> list[Manifest]:
    """All objects of a Redis, dependencies first.

    Raises:
        InvalidSettingsError: There are two passwords, or none.
    """
    require_one_password(args.password, settings.existing_secret)
    return render(
        Workload(
            name=settings.name,
            namespace=args.namespace,
            program="redis",
            role=Role.CACHE,
            version=settings.version,
            # during a rolling update there are two pods for a moment: each holds a part of the cache
            containers=(_container(settings),),
            scheduling=settings.scheduling,
            uid=_UID,
            files={"redis.conf": redis_config(settings), "start.sh": _START, "ping.sh": _PING},
            secrets={} if args.password is None else {created_secret(settings.name): {PASSWORD_KEY: args.password}},
            pod_labels=args.mesh.labels_of_pods(meshed=settings.meshed),
            pod_annotations=args.mesh.annotations_of_pods(meshed=settings.meshed),
        )
    )


class Redis(Component):
    """A Redis server as a cache: any key may be evicted, and all are lost with the pod.

    Attributes:
        host_name: DNS name of the Service.
        secret_name: Name of the Secret with the key ``password``, in the same namespace.

    Raises:
        InvalidSettingsError: The settings are invalid, or there are two passwords, or none.
    """

    TYPE: ClassVar[str] = "Redis"

    host_name: pulumi.Output[str]
    secret_name: pulumi.Output[str]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = parse(RedisSettings, args.settings)
        manifests = redis_manifests(args, settings)
        super().__init__(name, opts)
        self.children(manifests)
        self.host_name = self.host(settings.name, args.namespace)
        self.secret_name = pulumi.Output.from_input(settings.secret_name)
        self.register_outputs({"host_name": self.host_name, "secret_name": self.secret_name})
