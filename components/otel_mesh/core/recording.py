"""What a Pulumi program declares, without an engine, a cluster, images or secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.runtime import settings

from otel_mesh.core.recorder import Recorder, event_loop, plain, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CHART: Final = "kubernetes:helm.sh/v4:Chart"
_GROUP: Final = "kubernetes:yaml/v2:ConfigGroup"


@dataclass(frozen=True, slots=True)
class Recording:
    """What a program declares.

    Attributes:
        objects: Kubernetes objects in no particular order, secrets in plain text. A chart, which only the engine
            renders, is one object of kind ``Chart`` with its version and values.
        outputs: Outputs of the stack that are known.
    """

    objects: tuple[dict[str, Any], ...]
    outputs: Mapping[str, Any]


def record(
    program: Callable[[], object],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    stacks: Mapping[str, Mapping[str, Any]] | None = None,
) -> Recording:
    """Run a program; its exceptions are the caller's.

    Args:
        program: Program that declares resources.
        project: Name of the Pulumi project.
        stack: Name of the stack.
        config: Configuration as ``project:key`` with text, as the engine hands it to programs.
        stacks: Outputs of the stacks that the program refers to, by their full names.
    """
    recorder = Recorder(stacks)
    with event_loop() as loop:
        settings.ROOT.set(None)  # a former program's stack keeps its outputs
        pulumi.runtime.set_mocks(recorder, project=project, stack=stack)
        pulumi.runtime.set_all_config(dict(config))
        program()
        settle(loop)
        root = settings.get_root_resource()
        exported = {
            name: loop.run_until_complete(pulumi.Output.from_input(value).future())
            for name, value in getattr(root, "outputs", {}).items()
        }
    made = [one for one in recorder.registered if one.typ.startswith("kubernetes:") and one.typ != _GROUP]
    objects = tuple(_chart(one.inputs) if one.typ == _CHART else plain(one.inputs) for one in made)
    return Recording(objects, exported)


def _chart(inputs: Mapping[str, Any]) -> dict[str, Any]:
    spec = {key: value for key, value in plain(inputs).items() if key not in {"name", "namespace"}}
    metadata = {"name": str(inputs["name"]), "namespace": str(inputs["namespace"])}
    return {"apiVersion": "helm.sh/v4", "kind": "Chart", "metadata": metadata, "spec": spec}
