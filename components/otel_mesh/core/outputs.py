"""Settings whose value may be an Output: of another resource, or of another stack.

A plain value is validated at once, the value of an Output as soon as it is known: in a preview if the resource exists,
else in the update, where an invalid value fails the objects that depend on it.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import SchemaValidator, core_schema

from otel_mesh.core.errors import InvalidSettingsError, Problem, join_path
from otel_mesh.core.values import DnsLabel, HostPort, HttpsAddress, ImageReference, ObjectName, UrlText
from otel_mesh.core.wording import reason_and_remedy

if TYPE_CHECKING:
    from typing import TypeGuard

    import pulumi
    from pydantic import GetCoreSchemaHandler, ValidationInfo, ValidatorFunctionWrapHandler


def is_output(value: object) -> TypeGuard[pulumi.Output[Any]]:
    """Whether a value is an Output; pulumi is not imported to tell."""
    loaded = sys.modules.get("pulumi")
    return loaded is not None and isinstance(value, loaded.Output)


def is_late(value: object) -> bool:
    """Whether a value is an Output, or another Input whose value is still to come."""
    return is_output(value) or inspect.isawaitable(value)


def _as_output(value: object) -> pulumi.Output[Any] | None:
    """A value that is still to come as an Output; None for a plain value."""
    loaded = sys.modules.get("pulumi")
    if loaded is None or not is_late(value):
        return None
    made: pulumi.Output[Any] = loaded.Output.from_input(value)
    return made


class OrOutput:
    """Lets an Output through where the type before it validates a plain value."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        plain = handler(source)
        later = SchemaValidator(plain, core_schema.CoreConfig(hide_input_in_errors=True))

        def validated(value: object, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
            late = _as_output(value)
            if late is None:
                return check(value)
            place = join_path((info.config or {}).get("title", ""), info.field_name or "")
            return late.apply(lambda known: _checked(later, known, place))

        return core_schema.with_info_wrap_validator_function(validated, plain)


def _checked(validator: SchemaValidator, known: object, place: str) -> object:
    try:
        return validator.validate_python(known)
    except ValidationError as error:
        found = (reason_and_remedy(one) for one in error.errors(include_input=False, include_url=False))
        problems = [Problem(place, f"the Output's value {reason}", remedy) for reason, remedy in found]
        raise InvalidSettingsError(problems) from None


if TYPE_CHECKING:
    NameInput = pulumi.Input[str]
    LabelInput = pulumi.Input[str]
    ImageInput = pulumi.Input[str]
    TextInput = pulumi.Input[str]
    UrlInput = pulumi.Input[str]
    HttpsInput = pulumi.Input[str]
    HostPortInput = pulumi.Input[str]
    ValueInput = pulumi.Input[str]
else:
    NameInput = Annotated[ObjectName, OrOutput()]
    """Name of a Kubernetes object, or an Output of one."""
    LabelInput = Annotated[DnsLabel, OrOutput()]
    """Name of a Kubernetes object without dots, or an Output of one."""
    ImageInput = Annotated[ImageReference, OrOutput()]
    """Container image with a tag or a digest, or an Output of one."""
    TextInput = Annotated[str, Field(max_length=65_536), OrOutput()]
    """Text, or an Output of one."""
    ValueInput = Annotated[str, Field(max_length=32_768), OrOutput()]
    """Value of an environment variable, or an Output of one."""
    UrlInput = Annotated[UrlText, OrOutput()]
    """URL, or an Output of one."""
    HttpsInput = Annotated[HttpsAddress, OrOutput()]
    """URL with TLS, or an Output of one."""
    HostPortInput = Annotated[HostPort, OrOutput()]
    """``host:port``, or an Output of one."""
