"""Calls to other services; failures are mapped to HTTP statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import BaseModel

from service_kit.calls import calling, parsed, require
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)
_FORWARDED_STATUSES = frozenset({402, 409, 422, 502, 503, 504})


class _UpstreamProblem(BaseModel):
    """The members of another service's problem that are passed on to the gateway's caller."""

    detail: str
    order_id: int | None = None
    order_status: str | None = None


async def get_json(client: httpx.AsyncClient, peer: str, url: str, template: str, model: type[Model]) -> Model:
    """GET a resource of another service.

    Raises:
        Problem: 404 if the service responds 404; 502 for an unexpected or invalid response; 503 if the service is
            unreachable or unavailable; 504 if it does not respond in time.
    """
    with calling(peer):
        response = await client.get(url, extensions={"url_template": template})
    if response.status_code == httpx.codes.NOT_FOUND:
        raise Problem(404, f"{peer} did not find the resource")
    require(peer, response, {httpx.codes.OK})
    return parsed(peer, response, model)


async def post_json(  # noqa: PLR0913 - one call, by name
    client: httpx.AsyncClient, peer: str, url: str, *, body: BaseModel, headers: Mapping[str, str], model: type[Model]
) -> Model:
    """POST a resource to another service.

    Raises:
        Problem: The problem in the service's response, with the ID of the order if given; otherwise as in `get_json`.
    """
    with calling(peer):
        response = await client.post(
            url,
            content=body.model_dump_json(exclude_none=True),
            headers={"content-type": "application/json", **headers},
            extensions={"url_template": url},
        )
    if response.status_code == httpx.codes.CREATED:
        return parsed(peer, response, model)
    if (
        response.status_code in _FORWARDED_STATUSES
        and response.headers.get("content-type") == "application/problem+json"
    ):
        problem = parsed(peer, response, _UpstreamProblem)
        retry = {"Retry-After": response.headers["retry-after"]} if "retry-after" in response.headers else None
        members = problem.model_dump(exclude_none=True, exclude={"detail"})
        raise Problem(response.status_code, problem.detail, retry, members)
    require(peer, response, ())
    raise AssertionError  # no status is accepted above
