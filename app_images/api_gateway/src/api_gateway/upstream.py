"""Calls to other services, their failures told apart for the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import httpx
from pydantic import BaseModel

from service_kit.calls import calling, parsed, require
from service_kit.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)
_PASSED_ON = frozenset({402, 409, 422, 502, 503, 504})


class _Told(BaseModel):
    """What another service's problem may say to the gateway's caller."""

    detail: str
    order_id: int | None = None
    order_status: str | None = None


async def get_json(client: httpx.AsyncClient, peer: str, url: str, template: str, model: type[Model]) -> Model:
    """GET a resource of another service.

    Raises:
        Problem: 404 as the service says; 502 where its answer is an error or makes no sense; 503 where it cannot be
            reached or is unavailable; 504 where it does not answer in time.
    """
    with calling(peer):
        response = await client.get(url, extensions={"url_template": template})
    if response.status_code == httpx.codes.NOT_FOUND:
        raise Problem(404, f"{peer} has nothing there")
    require(peer, response, {httpx.codes.OK})
    return parsed(peer, response, model)


async def post_json(  # noqa: PLR0913 - one call, by name
    client: httpx.AsyncClient, peer: str, url: str, *, body: BaseModel, headers: Mapping[str, str], model: type[Model]
) -> Model:
    """Have another service make something.

    Raises:
        Problem: as the service says where it refuses what was asked or tells why it failed, with the order that it is
            about if it names one; else as of `get_json`.
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
    if response.status_code in _PASSED_ON and response.headers.get("content-type") == "application/problem+json":
        told = parsed(peer, response, _Told)
        retry = {"Retry-After": response.headers["retry-after"]} if "retry-after" in response.headers else None
        members = told.model_dump(exclude_none=True, exclude={"detail"})
        raise Problem(response.status_code, told.detail, retry, members)
    require(peer, response, ())
    raise AssertionError  # no status is accepted above
