"""Reading a request's JSON body: bounded, typed, and silent about its content in errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from service_kit.problem import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST = 64 * 1024
"""Bytes that a body may have."""

_MISTAKES_TOLD = 5
Model = TypeVar("Model", bound=BaseModel)


async def read_model(request: Request, model: type[Model], largest: int = LARGEST) -> Model:
    """The body as a model.

    Args:
        request: whose body was not read yet.
        model: what the body has to be.
        largest: bytes that are read at most.

    Raises:
        Problem: 400 where the body is no JSON or broken off; 413 where it is too large; 415 where it does not say that
            it is JSON; 422 where it does not fit. The detail names fields, never what they hold.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "the body must be application/json")
    try:
        return model.model_validate_json(await _read(request, largest))
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if mistakes[0]["type"] == "json_invalid":
        raise Problem(400, "the body is no JSON")
    told = [f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in mistakes[:_MISTAKES_TOLD]]
    if len(mistakes) > _MISTAKES_TOLD:
        told.append(f"and {len(mistakes) - _MISTAKES_TOLD} more")
    raise Problem(422, "; ".join(told))


async def _read(request: Request, largest: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise Problem(413, f"the body has more than {largest} bytes")
    except ClientDisconnect:
        raise Problem(400, "the body was broken off") from None
    return bytes(body)
