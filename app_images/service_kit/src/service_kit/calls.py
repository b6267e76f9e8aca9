"""Calls to other services, their failures told apart for the caller. Needs the extra ``calls``."""

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
    """Turns what goes wrong on the way to another service and back into a problem.

    Raises:
        Problem: 503 where it cannot be reached, 504 where it does not answer in time, 502 where it breaks off.
    """
    try:
        yield
    except (httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError) as error:
        raise Problem(503, f"{peer} cannot be reached", {"Retry-After": "1"}) from error
    except (httpx.TimeoutException, DeadlineExceededError) as error:
        raise Problem(504, f"{peer} did not answer in time") from error
    except httpx.TransportError as error:
        raise Problem(502, f"{peer} broke the connection off") from error


def require(peer: str, response: httpx.Response, statuses: Collection[int]) -> None:
    """Refuses an answer whose status the caller knows nothing to do with.

    Raises:
        Problem: 503 and 504 as the other service says, 502 for everything else.
    """
    if response.status_code in statuses:
        return
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Problem(503, f"{peer} is unavailable", {"Retry-After": response.headers.get("retry-after", "1")})
    if response.status_code == httpx.codes.GATEWAY_TIMEOUT:
        raise Problem(504, f"{peer} did not answer in time")
    raise Problem(502, f"{peer} answered {response.status_code}")


def parsed(peer: str, response: httpx.Response, model: type[Model]) -> Model:
    """The answer's body.

    Raises:
        Problem: 502, it does not fit.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        # The answer itself may hold personal data: only where it does not fit is logged.
        _log.warning("%s: answer does not fit: %s", peer, [item["loc"] for item in error.errors(include_input=False)])
        raise Problem(502, f"{peer} gave an answer that makes no sense") from None
