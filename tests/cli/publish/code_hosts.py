"""GitHub's and GitLab's API for comments on a loopback port, as recorded: pages, authors and refusals."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN: Final = "of-the-job"  # noqa: S105 - a test's
BOT: Final = {"login": "github-actions[bot]", "type": "Bot", "id": 41898282}
ADA: Final = {"login": "ada", "type": "User", "id": 7}
NOT_ALLOWED: Final = {"message": "Resource not accessible by integration", "status": "403"}


@dataclass
class CodeHost:
    """What a test decides of the server, and what it saw."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    user: dict[str, Any] | None = None
    """Who the token belongs to; None for a token that may not ask."""
    author: dict[str, Any] = field(default_factory=lambda: dict(BOT))
    """Author of new comments."""
    read_only: bool = False
    """Whether the token is that of a pull request from a fork."""
    page: int = 2
    """Comments on a page."""
    elsewhere: str = ""
    """Another host, on which the list of comments continues."""
    uploads: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Methods and paths of requests."""
    port: int = 0

    @property
    def url(self) -> str:
        """Base URL of the API."""
        return f"http://127.0.0.1:{self.port}"

    def comment(self, body: str, author: dict[str, Any] | None = None) -> dict[str, Any]:
        """Add a comment."""
        number = len(self.comments) + 100
        of = author or self.author
        made = {"id": number, "body": body, "user": of, "author": of, "html_url": f"https://github.example/c{number}"}
        self.comments.append(made)
        return made

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any, str]:
        """Status, body and Link header of a response."""
        parts = urlsplit(path)
        self.asked.append(f"{method} {parts.path}")
        if method != "GET" and self.read_only:
            return 403, NOT_ALLOWED, ""
        if parts.path == "/user":
            return (403, NOT_ALLOWED, "") if self.user is None else (200, self.user, "")
        if parts.path.endswith("/pulls"):
            asked = dict(parse_qsl(parts.query))["head"]
            return 200, [one for one in self.pulls if one["head"]["label"] == asked], ""
        if parts.path.endswith("/code-scanning/sarifs"):
            self.uploads.append(body)
            return 202, {"id": "1"}, ""
        return self._comments(method, parts.path, dict(parse_qsl(parts.query)), body)

    def _comments(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any, str]:
        one = re.fullmatch(r"/repos/acme/shop/issues/comments/(\d+)|/projects/5/merge_requests/7/notes/(\d+)", path)
        if one is not None:
            found = next(each for each in self.comments if each["id"] == int(one[1] or one[2]))
            if method == "DELETE":
                self.comments.remove(found)
                return 204, None, ""
            found |= body
            return 200, found, ""
        if path not in {"/repos/acme/shop/issues/7/comments", "/projects/5/merge_requests/7/notes"}:
            return 404, {"message": "Not Found"}, ""
        if method == "POST":
            return 201, self.comment(body["body"]), ""
        page = int(query.get("page", "1"))
        shown = self.comments[(page - 1) * self.page : page * self.page]
        following = f"{self.elsewhere or self.url}{path}?page={page + 1}"
        return 200, shown, f'<{following}>; rel="next"' if page * self.page < len(self.comments) else ""


@contextmanager
def serving(host: CodeHost) -> Iterator[CodeHost]:
    """The server, with its port."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length", "0"))
            body = json.loads(self.rfile.read(size)) if size else {}
            given = self.headers.get("authorization") or self.headers.get("private-token")
            if given in {f"Bearer {TOKEN}", TOKEN}:
                code, found, link = host.answer(self.command, self.path, body)
            else:
                code, found, link = 401, {"message": "Bad credentials"}, ""
            text = b"" if found is None else json.dumps(found).encode()
            self.send_response(code)
            self.send_header("content-length", str(len(text)))
            if link:
                self.send_header("link", link)
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 - the server's names

    with loopback_server(Handler) as host.port:
        yield host
