"""Query APIs of telemetry backends: how they are reached, and what is said of one that does not answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_mesh_cli.stacks.addresses import Address

_TIMEOUT_S = 30.0
_LONGEST_REASON = 200


def _no_refusal(_: httpx.Response) -> CommandError | None:
    return None


@dataclass(frozen=True)
class Backend:
    """Query API of one telemetry backend."""

    place: str
    """Name for messages, with where it is: ``jaeger at http://127.0.0.1:16686``."""
    http: httpx.Client = field(repr=False)
    url: str
    """Base URL of the API, without a trailing slash."""
    remedy: str
    """What to do when it does not answer."""
    page_url: str | None = None
    """Base URL for a browser; None where a browser cannot reach the backend."""
    refusal: Callable[[httpx.Response], CommandError | None] = field(default=_no_refusal, repr=False)
    """Recognizes a response that something in front of the backend made: the Kubernetes API server."""

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> httpx.Response:
        """A successful response of the API.

        Raises:
            CommandError: The backend does not answer, or not with success.
        """
        return self._successful(self.ask(path, parameters))

    def _successful(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        text = " ".join(answer.text.split())[:_LONGEST_REASON]
        raise self.error(f"answers {answer.status_code}{f': {text}' if text else ''}")

    def ask(self, path: str, parameters: Mapping[str, str] | None = None) -> httpx.Response:
        """The backend's own response, whatever its status.

        Raises:
            CommandError: There is no response, or the API server did not let the request through.
        """
        try:
            answer = self.http.get(f"{self.url}{path}", params=dict(parameters or {}))
        except httpx.HTTPError as error:
            raise self.error(f"no answer ({type(error).__name__})") from None
        if (refused := self.refusal(answer)) is not None:
            raise refused
        return answer

    def json(self, path: str, parameters: Mapping[str, str] | None = None, absent: Any = None) -> Any:  # noqa: ANN401 -- JSON
        """The JSON of a successful response.

        Args:
            path: Path below the base URL.
            parameters: Query of the URL.
            absent: Result where the backend answers 404; None where that is an error.

        Raises:
            CommandError: The backend does not answer, not with success, or not with JSON.
        """
        answer = self.ask(path, parameters)
        if absent is not None and answer.status_code == HTTPStatus.NOT_FOUND:
            return absent
        try:
            return self._successful(answer).json()
        except json.JSONDecodeError:
            raise self.error("answers something else than JSON") from None

    def error(self, reason: str) -> CommandError:
        """What is said when the backend is of no use."""
        return CommandError(f"{self.place}: {reason}", remedy=self.remedy)


def loopback_client() -> httpx.Client:
    """A client for loopback addresses: it uses no proxy of the environment."""
    return httpx.Client(timeout=_TIMEOUT_S, trust_env=False)


def client() -> httpx.Client:
    """A client for URLs that the user gives: proxies and certificate authorities of the environment apply."""
    return httpx.Client(timeout=_TIMEOUT_S, follow_redirects=True)


def at_address(http: httpx.Client, address: Address) -> Backend:
    """The backend behind a loopback address of the embedded environment."""
    url = address.url
    return Backend(f"{address.name} at {url}", http, url, "see `otel-mesh status`", page_url=url)


def at_url(http: httpx.Client, name: str, url: str, flag: str) -> Backend:
    """The backend at a URL that the user gave.

    Args:
        http: The client.
        name: Name of the backend for messages.
        url: Base URL of its API. A user name and password in it are sent, and shown nowhere.
        flag: Option or setting that held the URL.

    Raises:
        CommandError: It is not a URL of HTTP.
    """
    shown = without_login(url)
    if shown is None:
        raise CommandError(f"{flag}: not an HTTP URL", remedy=f"give one such as {flag} https://{name}.example.com")
    parts = urlsplit(url)
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")).rstrip("/")
    return Backend(f"{name} at {shown}", http, base, f"check {flag}", page_url=shown)


def without_login(url: str) -> str | None:
    """A URL without the user name and password, query and trailing slash; None if it is not a URL of HTTP."""
    try:
        parts = urlsplit(url)
        is_reachable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not is_reachable:
        return None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", "")).rstrip("/")
