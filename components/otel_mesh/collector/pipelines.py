"""A Collector's configuration as a value: parts and pipelines are added to it, and it is rendered once.

A part (receiver, processor, exporter, connector) is defined where a pipeline uses it, so that a configuration never
defines a part that no pipeline uses, or the other way round. Sections and their parts keep the order in which they were
added: a configuration whose content is the same is the same text, and leaves a deployed ConfigMap alone.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


class Stage(IntEnum):
    """Where in a pipeline a processor belongs, whoever adds it and whenever; one stage keeps the order of adding."""

    LIMIT = 0
    """Refuses data when memory runs short; before any work is done on it."""
    RECOGNIZE = 1
    """Moves what identifies the sender to where the next stage looks for it."""
    IDENTIFY = 2
    """Adds the sender's Kubernetes attributes."""
    TRANSLATE = 3
    """Renames attributes; may read the sender's Kubernetes attributes."""
    LABEL = 4
    """Adds fixed attributes."""
    FIT = 5
    """Cuts and flattens records to the backend's limits."""


@dataclass(frozen=True)
class Part:
    """One component of a Collector.

    Attributes:
        id: Type of the component, with ``/name`` where several of a type exist.
        settings: Configuration of the component; None for its defaults.
    """

    section: ClassVar[str]

    id: str
    settings: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Extension(Part):
    """A service of the Collector outside its pipelines."""

    section: ClassVar[str] = "extensions"


@dataclass(frozen=True)
class Receiver(Part):
    """A source of data."""

    section: ClassVar[str] = "receivers"


@dataclass(frozen=True)
class Processor(Part):
    """A step of a pipeline.

    Attributes:
        stage: Position among the processors of a pipeline.
    """

    section: ClassVar[str] = "processors"

    stage: Stage = Stage.TRANSLATE


@dataclass(frozen=True)
class Exporter(Part):
    """A destination of data."""

    section: ClassVar[str] = "exporters"


@dataclass(frozen=True)
class Connector(Part):
    """The destination of one pipeline and the source of another."""

    section: ClassVar[str] = "connectors"


Source: TypeAlias = Receiver | Connector
Destination: TypeAlias = Exporter | Connector


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One pipeline.

    Attributes:
        sources: Receivers and connectors that the data comes from.
        processors: Processors in any order; they run in the order of their stages.
        destinations: Exporters and connectors that each get all of the data.
    """

    sources: tuple[Source, ...]
    processors: tuple[Processor, ...] = ()
    destinations: tuple[Destination, ...]

    def parts(self) -> tuple[Part, ...]:
        """All parts of the pipeline, sources first."""
        return (*self.sources, *self.processors, *self.destinations)

    def render(self) -> dict[str, list[str]]:
        """The pipeline as the Collector reads it."""
        processors = sorted(self.processors, key=lambda one: one.stage)
        return {
            "receivers": [one.id for one in self.sources],
            "processors": [one.id for one in processors],
            "exporters": [one.id for one in self.destinations],
        }


@dataclass
class CollectorConfig:
    """The configuration of a Collector while it is being built.

    Attributes:
        extension: Service that answers the pod's probes.
        telemetry: The Collector's own telemetry (``service.telemetry``).
        further: Further extensions.
    """

    extension: Extension
    telemetry: Mapping[str, Any]
    further: tuple[Extension, ...] = ()
    _pipelines: dict[str, Pipeline] = field(default_factory=dict)
    _sections: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in (self.extension, *self.further):
            self._define(one)

    def add(self, pipelines: Mapping[str, Pipeline]) -> None:
        """Adds pipelines with their parts.

        Args:
            pipelines: Pipelines by name: the signal, with ``/name`` where several carry the same signal.

        Raises:
            ValueError: A pipeline of this name exists, or a part has another definition elsewhere.
        """
        for name, one in pipelines.items():
            if name in self._pipelines:
                raise ValueError(f"pipeline {name} exists already; use extend")
            self._pipelines[name] = one
            for part in one.parts():
                self._define(part)
        self._sections.setdefault("service", {})

    def extend(
        self, pipeline: str, *, processors: tuple[Processor, ...] = (), destinations: tuple[Destination, ...] = ()
    ) -> None:
        """Adds parts to an existing pipeline.

        Args:
            pipeline: Name of the pipeline.
            processors: Further processors.
            destinations: Further destinations.

        Raises:
            KeyError: No pipeline has this name.
            ValueError: A part has another definition elsewhere.
        """
        one = self._pipelines[pipeline]
        self._pipelines[pipeline] = replace(
            one,
            processors=(*one.processors, *processors),
            destinations=(*one.destinations, *destinations),
        )
        for part in (*processors, *destinations):
            self._define(part)

    def _define(self, part: Part) -> None:
        settings = None if part.settings is None else dict(part.settings)
        defined = self._sections.setdefault(part.section, {}).setdefault(part.id, settings)
        if defined != settings:
            raise ValueError(f"{part.section}: two definitions of {part.id}")

    def render(self) -> dict[str, Any]:
        """The configuration as the Collector reads it."""
        sections: dict[str, Any] = deepcopy(self._sections)
        sections["service"] = {
            "extensions": [one.id for one in (self.extension, *self.further)],
            "telemetry": dict(self.telemetry),
            "pipelines": {name: one.render() for name, one in self._pipelines.items()},
        }
        return sections
