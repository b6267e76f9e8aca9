"""The configurations among a stack's objects: the ConfigMaps that a program's container mounts and is started with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from otel_mesh.check.objects import mapping, mappings, text, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from otel_mesh.check.index import Index
    from otel_mesh.check.objects import Object
    from otel_mesh.check.workloads import Workload

OTELCOL: Final = "otelcol"
JAEGER: Final = "jaeger"
PROMTOOL: Final = "promtool"
AMTOOL: Final = "amtool"
PROGRAMS: Final = (OTELCOL, JAEGER, PROMTOOL, AMTOOL)
"""Programs that check configurations."""
_IMAGES: Final[Mapping[str, re.Pattern[str]]] = {
    OTELCOL: re.compile(r"otelcol.*|(opentelemetry|otel)-collector.*"),
    JAEGER: re.compile(r"jaeger"),
    PROMTOOL: re.compile(r"prometheus"),
    AMTOOL: re.compile(r"alertmanager"),
}
"""Last part of an image's repository, by the program that checks its configuration."""
_FLAG: Final = re.compile(r"--config(?:\.file)?=(?:file:)?(/.+)")
_PLACEHOLDER: Final = "placeholder"
_FIELDS: Final = {"status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1"}
"""Values of fields that configurations use as addresses."""


@dataclass(frozen=True)
class File:
    """A file in a container.

    Attributes:
        owner: ConfigMap that holds the file.
        key: Key in the ConfigMap.
        text: Content.
    """

    owner: Object
    key: str
    text: str

    @property
    def path(self) -> str:
        """Path of the field in the ConfigMap."""
        return f'data["{self.key}"]'


@dataclass(frozen=True)
class Configuration:
    """The configuration that a container's program is started with.

    Attributes:
        program: Program that checks the configuration, one of `PROGRAMS`.
        workload: Object that makes the pods.
        image: Image of the container.
        main: Path of the configuration in the container.
        files: Files of the container's ConfigMaps by path.
        folders: Other folders that the container mounts.
        variables: Environment variables, with placeholders for those that the cluster sets.
    """

    program: str
    workload: Object
    image: str
    main: str
    files: Mapping[str, File]
    folders: tuple[str, ...]
    variables: Mapping[str, str]


def of(index: Index) -> Iterator[Configuration]:
    """The configurations of all workloads.

    Args:
        index: Objects of a stack.
    """
    for workload in index.workloads:
        for _, container in workload.containers():
            program = _program(container)
            main = _main(container) if program else ""
            if program and main:
                files, folders = _mounted(index, workload, container)
                image = text(container.get("image"))
                yield Configuration(program, workload.object, image, main, files, folders, dict(_variables(container)))


def repository(image: str) -> str:
    """The last part of an image's repository: ``jaeger`` for ``docker.io/jaegertracing/jaeger:2.13.0``.

    Args:
        image: Reference of the image.
    """
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _program(container: Mapping[str, Any]) -> str:
    name = repository(text(container.get("image")))
    return next((program for program, pattern in _IMAGES.items() if pattern.fullmatch(name)), "")


def _main(container: Mapping[str, Any]) -> str:
    given = (_FLAG.fullmatch(word) for word in words(container.get("command")) + words(container.get("args")))
    return next((found[1] for found in given if found), "")


def _mounted(index: Index, workload: Workload, container: Mapping[str, Any]) -> tuple[dict[str, File], tuple[str, ...]]:
    """Files of the ConfigMaps by path, and the folders of everything else."""
    volumes = {text(one.get("name")): one for _, one in mappings(workload.spec.get("volumes"))}
    files: dict[str, File] = {}
    folders = []
    for _, mount in mappings(container.get("volumeMounts")):
        place = PurePosixPath(text(mount.get("mountPath")))
        volume = mapping(volumes.get(text(mount.get("name"))))
        source = mapping(volume.get("configMap"))
        owner = index.get("ConfigMap", workload.namespace, text(source.get("name")))
        if owner is None:
            folders.append(str(place))
            continue
        given = {name: content for name, content in mapping(owner.manifest.get("data")).items() if text(content)}
        listed = [(text(one.get("key")), text(one.get("path"))) for _, one in mappings(source.get("items"))]
        for key, path in listed or [(key, key) for key in given]:
            sub = text(mount.get("subPath"))
            if key in given and sub in {"", path}:
                files[str(place if sub else place / path)] = File(owner, key, given[key])
    return files, tuple(folders)


def _variables(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for _, one in mappings(container.get("env")):
        field = mapping(mapping(one.get("valueFrom")).get("fieldRef"))
        unknown = _FIELDS.get(text(field.get("fieldPath")), _PLACEHOLDER)
        yield text(one.get("name")), text(one.get("value")) if "value" in one else unknown
