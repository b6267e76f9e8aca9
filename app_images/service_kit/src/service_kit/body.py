"""Validation of JSON request bodies, with a size limit and errors that do not reveal the content."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from service_kit.problem import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY_BYTES = 64 * 1024
"""Default size limit of a body in bytes."""

_MAX_REPORTED_MISTAKES = 5
Model = TypeVar("Model", bound=BaseModel)


async def read_model(request: Request, model: type[Model], max_bytes: int = MAX_BODY_BYTES) -> Model:
    """The validated body of a request.

    Args:
        request: Request whose body has not been read.
        model: Model of the body.
        max_bytes: Size limit in bytes.

    Raises:
        Problem: 400 if the body is incomplete or not JSON; 413 if it is too large; 415 if the content type is not JSON;
            422 if it does not match the model. The detail names fields, never their values.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "the body must be application/json")
    try:
        return model.model_validate_json(await _read(request, max_bytes))
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    if mistakes[0]["type"] == "json_invalid":
        raise Problem(400, "the body is not valid JSON")
    details = [f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in mistakes[:_MAX_REPORTED_MISTAKES]]
    if len(mistakes) > _MAX_REPORTED_MISTAKES:
        details.append(f"and {len(mistakes) - _MAX_REPORTED_MISTAKES} more")
    raise Problem(422, "; ".join(details))


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise Problem(413, f"the body is larger than {max_bytes} bytes")
    except ClientDisconnect:
        raise Problem(400, "the body is incomplete: the connection was closed") from None
    return bytes(body)
