"""The API of a code host over HTTP: paging, and every refusal in one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from otel_mesh_cli.core.errors import CommandError, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT: Final = 30.0
"""Seconds for one answer."""
_RETRIES: Final = 3
"""Further attempts of a connection that was not made; an answer is never asked for twice."""


class Api:
    """HTTP requests to a code host.

    Args:
        name: Name of the host, for messages.
        url: Base URL of the API.
        headers: Headers of every request, with the token.
        remedy: What to do if the token may not do something.
    """

    def __init__(self, name: str, url: str, headers: Mapping[str, str], remedy: str) -> None:
        self._name = name
        self._remedy = remedy
        self._base = httpx.URL(url)
        self._http = httpx.Client(
            base_url=url,
            headers={"User-Agent": "otel-mesh", **headers},
            timeout=_TIMEOUT,
            transport=httpx.HTTPTransport(retries=_RETRIES),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def call(self, method: str, path: str, what: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """The answer to a request; None if it is empty.

        Args:
            method: HTTP method.
            path: Path below the API's base URL.
            what: What is asked for, in words.
            body: JSON object that is sent.

        Raises:
            CommandError: The host does not answer, or refuses.
        """
        answer = self._answer(method, path, what, body)
        return answer.json() if answer.content else None

    def allows(self, path: str, what: str) -> Any | None:  # noqa: ANN401 - any JSON value
        """The answer to a GET; None if the token may not ask.

        Args:
            path: Path below the API's base URL.
            what: What is asked for, in words.

        Raises:
            CommandError: The host does not answer, or refuses for another reason.
        """
        answer = self._send("GET", path, what, None)
        return None if answer.status_code == httpx.codes.FORBIDDEN else self._accepted(answer, what).json()

    def pages(self, path: str, what: str) -> Iterator[Any]:
        """The items of a list, page by page.

        Args:
            path: Path below the API's base URL, with its query.
            what: What is asked for, in words.

        Raises:
            CommandError: The host does not answer, refuses, or continues the list elsewhere.
        """
        following: str | None = path
        while following:
            answer = self._answer("GET", following, what, None)
            yield from answer.json()
            following = answer.links.get("next", {}).get("url")
            if following and httpx.URL(following).copy_with(path="/", query=None) != self._base.copy_with(path="/"):
                raise CommandError(
                    f"{self._name}: {what}: the next page is on another host", remedy="check the API's URL"
                )

    def _answer(self, method: str, path: str, what: str, body: Mapping[str, Any] | None) -> httpx.Response:
        return self._accepted(self._send(method, path, what, body), what)

    def _send(self, method: str, path: str, what: str, body: Mapping[str, Any] | None) -> httpx.Response:
        try:
            return self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise CommandError(
                f"{self._name}: {what}: {reason_of(error)}", remedy=f"check that {self._base} is reachable"
            ) from None

    def _accepted(self, answer: httpx.Response, what: str) -> httpx.Response:
        if answer.is_success:
            return answer
        reason = f"{answer.status_code} {_message(answer)}".rstrip()
        remedies = {401: "check the token, which may have expired", 403: self._remedy, 404: self._remedy}
        remedy = remedies.get(answer.status_code, "run the job again, or see the host's message")
        raise CommandError(f"{self._name}: {what}: {reason}", remedy=remedy)


def variable(name: str, remedy: str) -> str:
    """An environment variable that has to be set.

    Args:
        name: Name of the variable.
        remedy: What to do without it.

    Raises:
        CommandError: It is not set.
    """
    value = os.environ.get(name, "")
    if not value:
        raise CommandError(f"{name}: not set", remedy=remedy)
    return value


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    found = (body.get("message") or body.get("error") or "") if isinstance(body, dict) else ""
    return " ".join(str(found or answer.reason_phrase).split())
