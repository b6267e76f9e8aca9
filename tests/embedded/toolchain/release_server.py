"""A real HTTP server on the loopback with releases laid out as upstream lays them out."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Releases:
    """What the server has, how it misbehaves, and what it was asked for.

    Attributes:
        files: path -> content.
        truncated: paths of which half is sent.
        redirects: path -> address.
        silent_s: seconds before any answer.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    truncated: set[str] = field(default_factory=set)
    redirects: dict[str, str] = field(default_factory=dict)
    silent_s: float = 0
    asked: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)

    def add(self, path: str, content: bytes, checksums: str, name: str | None = None) -> None:
        """Publish a file with its sum, as ``name`` or, without one, as the only sum of its file."""
        self.files[path] = content
        digest = hashlib.sha256(content).hexdigest()
        line = f"{digest}  {name}\n" if name else digest
        self.files[checksums] = self.files.get(checksums, b"") + line.encode()


@contextmanager
def serving() -> Iterator[Releases]:
    """Serve until the end of the block; an answer that is still waited for is given up."""
    releases = Releases()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            releases.asked.append(f"{self.command} {self.path}")
            ended.wait(releases.silent_s)
            releases.answered.append(self.path)
            if self.path in releases.redirects:
                self.send_response(302)
                self.send_header("Location", releases.redirects[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = releases.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if with_body and content:
                self.wfile.write(content[: len(content) // 2] if self.path in releases.truncated else content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class' name
            """Say nothing: `asked` has it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        releases.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield releases
        finally:
            ended.set()
            server.shutdown()
            thread.join()


def archive(**members: bytes) -> bytes:
    """A tar.gz of executables."""
    return archive_of(members)


def archive_of(members: dict[str, bytes], path: str = "") -> bytes:
    """A release of the kind that its path ends with: a zip, else a compressed tar."""
    stream = io.BytesIO()
    if path.endswith(".zip"):
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, content in members.items():
                zipped.writestr(name, content)
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o755, int(time.time())
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
