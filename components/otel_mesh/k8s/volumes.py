"""Volumes of a pod and their mounts as settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from otel_mesh.core.errors import InvalidSettingsError, Problem
from otel_mesh.core.outputs import NameInput  # noqa: TC001 - pydantic reads it at run time
from otel_mesh.core.values import DnsLabel, Quantity, Settings
from otel_mesh.k8s.containers import Volume

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from otel_mesh.k8s.pod_types import AccountToken, EmptyDir, ProjectedSource, VolumeSource

_SOURCES = ("size", "config_map", "secret", "claim", "projected")
_OWNER_AND_GROUP = 0o440
MountPath = Annotated[str, Field(pattern=r"^/[^:\s]+$", max_length=1024)]
"""Absolute path in a container."""


class Projection(Settings):
    """One source of a projected volume.

    Attributes:
        secret: Name of a Secret whose keys become files.
        config_map: Name of a ConfigMap whose keys become files.
        audience: Audience of a token of the pod's ServiceAccount, such as a cloud's token service.
        token_seconds: Lifetime of the token.
        path: Name of the file with the token.
    """

    secret: NameInput | None = None
    config_map: NameInput | None = None
    audience: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    token_seconds: Annotated[int, Field(ge=600, le=86_400)] = 3600
    path: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)] = "token"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if [self.secret, self.config_map, self.audience].count(None) != 2:  # noqa: PLR2004 - all but one
            raise InvalidSettingsError([Problem("", "not one source", "give one of secret, config_map, audience")])
        return self

    def manifest(self) -> ProjectedSource:
        """The entry of the volume's ``sources``."""
        if self.secret is not None:
            return {"secret": {"name": self.secret}}
        if self.config_map is not None:
            return {"configMap": {"name": self.config_map}}
        audience = self.audience or ""  # given: one of the three is
        token: AccountToken = {"audience": audience, "expirationSeconds": self.token_seconds, "path": self.path}
        return {"serviceAccountToken": token}


class VolumeSettings(Settings):
    """A volume of a pod: one of its sources is given.

    Attributes:
        size: Size of an empty directory that lives as long as the pod; a pod that writes more is evicted.
        medium: Medium of the empty directory; ``memory`` counts against the memory limit.
        config_map: Name of an existing ConfigMap.
        secret: Name of an existing Secret.
        claim: Name of an existing PersistentVolumeClaim.
        projected: Sources whose files are put into one directory.
    """

    size: Quantity | None = None
    medium: Literal["disk", "memory"] = "disk"
    config_map: NameInput | None = None
    secret: NameInput | None = None
    claim: NameInput | None = None
    projected: tuple[Projection, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in _SOURCES if getattr(self, name) not in {None, ()}]
        problems = []
        if len(given) != 1:
            told = f"{' and '.join(given)} are given" if given else "no source"
            problems.append(Problem("", told, f"give one of {', '.join(_SOURCES)}"))
        if self.medium == "memory" and self.size is None:
            problems.append(Problem("medium", "has an effect with 'size' only", "remove it"))
        if problems:
            raise InvalidSettingsError(problems)
        return self

    @property
    def read_only(self) -> bool:
        """Whether no container can write to it."""
        return self.size is None and self.claim is None

    def source(self) -> VolumeSource:
        """The source of the volume."""
        if self.size is not None:
            memory: EmptyDir = {"medium": "Memory"} if self.medium == "memory" else {}
            return {"emptyDir": {**memory, "sizeLimit": self.size}}
        if self.config_map is not None:
            return {"configMap": {"name": self.config_map}}
        if self.secret is not None:
            return {"secret": {"secretName": self.secret, "defaultMode": _OWNER_AND_GROUP}}
        if self.claim is not None:
            return {"persistentVolumeClaim": {"claimName": self.claim}}
        sources = [one.manifest() for one in self.projected]
        return {"projected": {"sources": sources, "defaultMode": _OWNER_AND_GROUP}}


class Mount(Settings):
    """The mount of a volume in a container.

    Attributes:
        volume: Name of the volume.
        path: Path in the container.
        sub_path: Path in the volume, in place of the whole volume.
        read_only: Whether the container cannot write to it; always so for files of ConfigMaps and Secrets.
    """

    volume: DnsLabel
    path: MountPath
    sub_path: Annotated[str, Field(pattern=r"^[^/\s:][^\s:]*$", max_length=1024)] | None = None
    read_only: bool = False

    def on(self, volumes: Mapping[str, VolumeSettings]) -> Volume:
        """The volume with its mount."""
        source = volumes[self.volume]
        return Volume(
            name=self.volume,
            path=self.path,
            source=source.source(),
            read_only=self.read_only or source.read_only,
            sub_path=self.sub_path,
        )
