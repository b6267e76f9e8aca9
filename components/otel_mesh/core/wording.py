"""pydantic's error types as reason and remedy, for authors of YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_FORMS: Final = {
    "a mapping": ("model_type", "model_attributes_type", "dict_type", "mapping_type"),
    "a list": ("list_type", "tuple_type"),
    "true or false": ("bool_type", "bool_parsing"),
    "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
    "a number": ("float_type", "float_parsing", "finite_number"),
    "text": ("string_type",),
}
_REMEDIES: Final = {
    "a mapping": "write keys with their values below it",
    "a list": "write one '- ' line for each of its members",
    "true or false": "write true or false",
    "a whole number": "write digits only",
    "a number": "write it as in 0.5",
    "text": "put it into quotes",
}
_FORM_OF: Final = {kind: form for form, kinds in _FORMS.items() for kind in kinds}

_BOUNDS: Final = {
    "greater_than_equal": ("ge", "should be at least {}", "raise it"),
    "greater_than": ("gt", "should be more than {}", "raise it"),
    "less_than_equal": ("le", "should be at most {}", "lower it"),
    "less_than": ("lt", "should be less than {}", "lower it"),
    "too_short": ("min_length", "should have at least {} members", "add some"),
    "too_long": ("max_length", "should have at most {} members", "remove some"),
    "string_too_short": ("min_length", "should have at least {} characters", "write more"),
    "string_too_long": ("max_length", "should have at most {} characters", "shorten it"),
    "string_pattern_mismatch": ("pattern", "does not match the expected pattern", "make it match {}"),
}


def reason_and_remedy(found: ErrorDetails) -> tuple[str, str]:
    """Reason and remedy of an error; neither repeats the value.

    Args:
        found: Error reported by pydantic. Messages of the library's own validators already read ``reason; remedy``.
    """
    kind, context = found["type"], found.get("ctx", {})
    if kind in _FORM_OF:
        form = _FORM_OF[kind]
        return f"should be {form}", _REMEDIES[form]
    if kind in _BOUNDS:
        name, reason, remedy = _BOUNDS[kind]
        bound = context.get(name)
        if isinstance(bound, float):
            bound = f"{bound:g}"
        plural = reason.format(bound)
        return (plural.removesuffix("s") if bound == 1 and plural.endswith("s") else plural), remedy.format(bound)
    if kind == "literal_error":
        return f"should be {context['expected']}", "choose one of them"
    reason, _, remedy = found["msg"].removeprefix("Value error, ").partition("; ")
    return reason[:1].lower() + reason[1:], remedy or "correct it"
