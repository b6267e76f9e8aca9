"""Regular expressions that strings of settings have to match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

if TYPE_CHECKING:
    import re

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


@dataclass(frozen=True)
class Pattern:
    """A regular expression that a string has to match: validated by pydantic, and part of the JSON schema."""

    pattern: re.Pattern[str]
    complaint: str = ""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:  # noqa: ANN401 - any annotation
        schema = handler(source)
        return core_schema.no_info_after_validator_function(self._check, schema) if self.complaint else schema

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern.pattern})$"}

    def _check(self, text: str) -> str:
        if self.pattern.fullmatch(text) is None:
            raise ValueError(self.complaint)
        return text
