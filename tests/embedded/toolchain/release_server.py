"""A real HTTP server on loopback with releases, and the offers that name them."""

from __future__ import annotations

import hashlib
import io
import platform
import tarfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from otel_mesh_embedded.toolchain import owner
from otel_mesh_embedded.toolchain.releases import Offer, Release
from tests.programs.loopback_server import loopback_server

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Releases:
    """What the server has, how it misbehaves, and the paths it was asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path."""
    truncated: set[str] = field(default_factory=set)
    """Paths whose content is sent only by half."""
    redirects: dict[str, str] = field(default_factory=dict)
    """Address by path."""
    silent_s: float = 0
    """Seconds before any answer."""
    asked: list[str] = field(default_factory=list)

    def offer(self, *programs: str, member: str = "") -> Offer:
        """Publish a release of programs and return the offer that pins its SHA-256.

        Without a member's path it is the one program itself, else an archive with all of them.
        """
        version = owner(programs[0]).version
        file = "{program}" if not member else f"{programs[0]}-{{number}}-{{arch}}.tar.gz"
        release = Release(version, f"{self.url}/{{version}}/{file.format_map(_Only(program=programs[0]))}", {}, member)
        contents = {name: f"official {name}".encode() for name in programs}
        machine = platform.machine()
        content = contents[programs[0]]
        if member:
            content = archive({release.fill(member, machine, name): one for name, one in contents.items()})
        self.files[release.fill(release.url, machine).removeprefix(self.url)] = content
        return Offer(programs, release=replace(release, sha256={machine: hashlib.sha256(content).hexdigest()}))


class _Only(dict[str, str]):
    """Fills in some fields of a text and leaves the others."""

    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


@contextmanager
def serving() -> Iterator[Releases]:
    """Serve until the end of the block; an answer that is still waited for is given up."""
    releases = Releases()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            releases.asked.append(self.path)
            ended.wait(releases.silent_s)
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
            if content:
                self.wfile.write(content[: len(content) // 2] if self.path in releases.truncated else content)

    with loopback_server(Handler) as port:
        releases.url = f"http://127.0.0.1:{port}"
        try:
            yield releases
        finally:
            ended.set()


def archive(members: dict[str, bytes]) -> bytes:
    """A compressed tar of executables."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(content), 0o755, int(time.time())
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()
