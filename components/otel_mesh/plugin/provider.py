"""The provider that creates components for programs in other languages."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi import provider
from pulumi.runtime.sync_await import _sync_await

import otel_mesh
from otel_mesh.core.errors import InvalidSettingsError, Problem, nearest, parse
from otel_mesh.core.values import Settings
from otel_mesh.k8s.component import Component
from otel_mesh.mesh.binding import MeshBinding
from otel_mesh.plugin.annotations import camel_case, fields, is_object, members, short_form
from otel_mesh.plugin.schema import package_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_DISTRIBUTION: Final = "otel-mesh"


def components() -> dict[type[Component], type]:
    """All public components, each with the class of its arguments."""
    public = [getattr(otel_mesh, name) for name in otel_mesh.__all__]
    found = [one for one in public if isinstance(one, type) and issubclass(one, Component) and one is not Component]
    return {one: inspect.get_annotations(one.__init__, eval_str=True)["args"] for one in found}


def read_inputs(owner: type, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs under the Python names of their fields.

    Args:
        owner: Class of a component's arguments, or of settings inside them.
        inputs: Inputs by their names in the package. Unknown names are kept, so that the settings reject them.
    """
    known = {field.public_name: field for field in fields(owner)}
    return {
        known[name].name if name in known else name: _read(known[name].annotation, value) if name in known else value
        for name, value in inputs.items()
        if value is not None
    }


def _read(annotation: Any, value: Any) -> Any:  # noqa: ANN401 - any input
    if annotation is MeshBinding:
        return parse(MeshBinding, _known(value), "mesh")
    container = members(annotation)
    match value:
        case dict() if (whole := annotation if is_object(annotation) else short_form(annotation)) is not None:
            return _read_object(whole, value)
        case list() if container:
            return [_read(container[1], one) for one in value]
        case dict() if container:
            return {key: _read(container[1], one) for key, one in value.items()}
        case float() if annotation is int and value.is_integer():
            return int(value)  # numbers arrive as floats
        case _:
            return value


def _read_object(owner: type, inputs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a mapping or an instance
    """A mapping for settings, which the component validates; an instance for other arguments."""
    values = read_inputs(owner, inputs)
    return values if issubclass(owner, Settings) else _instance(owner, values)


def _instance(owner: type, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any class of arguments
    known = {field.name: field for field in fields(owner)}
    missing = [one for one in known if known[one].required and one not in values]
    problems = [Problem(one, "required but missing", "add it") for one in missing]
    problems += [Problem(one, "unknown input", nearest(one, known)) for one in values if one not in known]
    if problems:
        raise InvalidSettingsError(problems)
    return owner(**values)


def _known(value: Any) -> Any:  # noqa: ANN401 - any input
    """The value of an output that is known already, such as one of a StackReference."""
    if not isinstance(value, pulumi.Output):
        return value
    if not _sync_await(value.is_known()):
        problem = Problem("mesh", "is not known yet", "read it from the platform's stack with a StackReference")
        raise InvalidSettingsError([problem])
    return _sync_await(value.future())


class ComponentProvider(provider.Provider):
    """Provider of all public components."""

    def __init__(self) -> None:
        version = importlib.metadata.version(_DISTRIBUTION)
        # the constructors differ
        self._components: dict[str, tuple[type[Any], type]] = {
            component.TYPE: (component, args) for component, args in components().items()
        }
        super().__init__(version, json.dumps(package_schema(version, components())))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> provider.ConstructResult:
        """Creates a component.

        Raises:
            pulumi.InputPropertiesError: The inputs are invalid; the error lists every problem with its path.
        """
        component: type[Any]
        component, arguments = self._components[resource_type.rpartition(":")[2]]
        try:
            args = _instance(arguments, read_inputs(arguments, inputs))
            made = component(name, args, options)
        except InvalidSettingsError as error:
            details: list[Any] = [
                {"property_path": _public_path(one.path), "reason": f"{one.reason}; {one.remedy}"}
                for one in error.problems
            ]
            raise pulumi.InputPropertiesError("", details) from None
        outputs = {field.public_name: getattr(made, field.name) for field in fields(component)}
        return provider.ConstructResult(made.urn, outputs)


def _public_path(path: str) -> str:
    return re.sub(r"\w+", lambda found: camel_case(found[0]), path)


def main() -> None:
    """Runs the provider for the engine that started this process."""
    provider.main(ComponentProvider(), sys.argv[1:])
