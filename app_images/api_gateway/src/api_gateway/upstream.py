"""Calls to other services, their failures told apart for the caller."""

from __future__ import annotations

import logging
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from otel_mesh_telemetry.deadline import DeadlineExceededError
from service_kit.problem import Problem

_log = logging.getLogger(__name__)
Model = TypeVar("Model", bound=BaseModel)


async def get_json(client: httpx.AsyncClient, peer: str, url: str, template: str, model: type[Model]) -> Model:
    """GET a resource of another service.

    Raises:
        Problem: 404 as the service says; 502 where its answer is an error or makes no sense; 503 where it cannot be
            reached or is unavailable; 504 where it does not answer in time.
    """
    try:
        response = await client.get(url, extensions={"url_template": template})
    except (httpx.PoolTimeout, httpx.ConnectTimeout, httpx.ConnectError) as error:
        raise Problem(503, f"{peer} cannot be reached", {"Retry-After": "1"}) from error
    except (httpx.TimeoutException, DeadlineExceededError) as error:
        raise Problem(504, f"{peer} did not answer in time") from error
    except httpx.TransportError as error:
        raise Problem(502, f"{peer} broke the connection off") from error
    if response.status_code == httpx.codes.NOT_FOUND:
        raise Problem(404, f"{peer} has nothing there")
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Problem(503, f"{peer} is unavailable", {"Retry-After": response.headers.get("retry-after", "1")})
    if response.status_code == httpx.codes.GATEWAY_TIMEOUT:
        raise Problem(504, f"{peer} did not answer in time")
    if response.status_code != httpx.codes.OK:
        raise Problem(502, f"{peer} answered {response.status_code}")
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        # The answer itself may hold personal data: only where it does not fit is logged.
        _log.warning("%s: answer does not fit: %s", peer, [item["loc"] for item in error.errors(include_input=False)])
        raise Problem(502, f"{peer} gave an answer that makes no sense") from None
