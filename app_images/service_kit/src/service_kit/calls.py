"""Calls to other services; failures are mapped to HTTP statuses. Requires the extra ``calls``."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from otel_mesh_telemetry.deadline import DeadlineExceededError
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_log = logging.getLogger(__name__)
Model = TypeVar("Model", bound=BaseModel)


@contextmanager
def calling(peer: str) -> Iterator[None]:
    """Convert transport errors of a call to another service into problems.

    Raises:
        Problem: 503 if the service is unreachable, 504 if it does not respond in time, 502 if the connection breaks.
    """
    try:
        yield
    except (httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError) as error:
        raise Problem(503, f"{peer} is unreachable", {"Retry-After": "1"}) from error
    except (httpx.TimeoutException, DeadlineExceededError) as error:
        raise Problem(504, f"{peer} did not respond in time") from error
    except httpx.TransportError as error:
        raise Problem(502, f"{peer} closed the connection before its response") from error


def require(peer: str, response: httpx.Response, statuses: Collection[int]) -> None:
    """Reject a response with an unexpected status.

    Raises:
        Problem: 503 and 504 if the response has that status, 502 for any other.
    """
    if response.status_code in statuses:
        return
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Problem(503, f"{peer} is unavailable", {"Retry-After": response.headers.get("retry-after", "1")})
    if response.status_code == httpx.codes.GATEWAY_TIMEOUT:
        raise Problem(504, f"{peer} did not respond in time")
    raise Problem(502, f"{peer} responded with status {response.status_code}")


def parsed(peer: str, response: httpx.Response, model: type[Model]) -> Model:
    """The validated body of a response.

    Raises:
        Problem: 502 if the body does not match the model.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        # The response may contain personal data: only the names of the invalid fields are logged.
        _log.warning("%s: invalid response: %s", peer, [item["loc"] for item in error.errors(include_input=False)])
        raise Problem(502, f"{peer} sent an invalid response") from None
