"""Fetching a release of upstream's, and keeping it only when its checksum is right."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import httpx

from otel_mesh_cli.core.files import locked
from otel_mesh_embedded.toolchain import artefacts
from otel_mesh_embedded.toolchain.hosts import is_safe, url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_mesh_embedded.toolchain.releases import Offer, Official

_TIMEOUT = httpx.Timeout(10, read=30)
_KEY_LENGTH = 12
_SUM = re.compile(r"^([0-9a-f]{64})(?:\s+\*?(\S+))?\s*$", re.MULTILINE)
_SMALL = 1 << 20
_CHUNK = 1 << 20


class NotFetchedError(Exception):
    """A release could not be had, with the reason; nothing of it was kept."""


def kept(offer: Offer) -> dict[str, Path]:
    """The files of a release that was fetched before; none unless all are there."""
    folders = {name: artefacts.tools_dir() / name for name in offer.programs}
    key = _key(offer)
    files = {name: found for name, place in folders.items() if (found := next(place.glob(f"{key}-*/{name}"), None))}
    return files if len(files) == len(offer.programs) else {}


def fetch(offer: Offer) -> dict[str, Path]:
    """Fetch an offer's official release, or take the one that another process fetched meanwhile.

    Raises:
        NotFetchedError: it is not there, broken, or not what upstream's checksums say.
    """
    official = offer.official
    if official is None:
        raise NotFetchedError("nobody releases it")
    artefacts.tools_dir().mkdir(parents=True, exist_ok=True)
    with (
        locked(artefacts.tools_dir() / ".locks" / f"official-{offer.programs[0]}"),
        tempfile.TemporaryDirectory(dir=artefacts.tools_dir(), prefix=".fetch-") as scratch,
    ):
        if found := kept(offer):
            return found
        files = {}
        for name in offer.programs:  # what is one archive is fetched once
            files[name] = _program(official, offer.version, name, Path(scratch))
        for name, file in files.items():
            digest = hashlib.sha256(file.read_bytes()).hexdigest()[:_KEY_LENGTH]
            artefacts.keep(file, artefacts.tools_dir() / name / f"{_key(offer)}-{digest}" / name)
    return kept(offer)


def _program(official: Official, version: str, name: str, scratch: Path) -> Path:
    """One program of a release, its checksum compared."""
    values = _values(official, version, name)
    address = official.url.format(**values)
    archive = scratch / f"download-{hashlib.sha256(address.encode()).hexdigest()[:_KEY_LENGTH]}"
    sums = _sums(url(official.checksums.format(**values)))
    if not archive.exists():
        digest = _download(url(address), archive)
        if not official.sums_members:
            _compare(sums, address.rpartition("/")[2], digest)
    if not official.member:
        return archive.rename(scratch / name)
    member = official.member.format(**values)
    _extract(archive, member, scratch / name)
    if official.sums_members:
        _compare(sums, member, hashlib.sha256((scratch / name).read_bytes()).hexdigest())
    return scratch / name


def _values(official: Official, version: str, name: str) -> dict[str, str]:
    arch = dict(official.arches).get(platform.machine())
    if arch is None:
        raise NotFetchedError(f"there is none for {platform.machine()}")
    return {"version": version, "number": official.number or version.removeprefix("v"), "arch": arch, "program": name}


def _sums(address: str) -> dict[str, str]:
    """File name -> sum; one alone has no name."""
    try:
        with _opened(address) as response:
            text = b"".join(_limited(response, _SMALL)).decode(errors="replace")
    except httpx.HTTPError as error:
        raise NotFetchedError(f"{address}: {_reason(error)}") from None
    return {name: digest for digest, name in _SUM.findall(text)}


def _compare(sums: dict[str, str], name: str, digest: str) -> None:
    wanted = sums.get(name) or sums.get(f"./{name}") or sums.get("")
    if wanted is None:
        raise NotFetchedError(f"upstream's checksums do not name {name}")
    if wanted != digest:
        raise NotFetchedError(f"{name} has the checksum {digest[:12]}..., upstream says {wanted[:12]}...: not used")


def _download(address: str, target: Path) -> str:
    """Write what an address has to a file and return its sha256."""
    digest = hashlib.sha256()
    try:
        with _opened(address) as response, target.open("wb") as stream:
            size = int(response.headers.get("content-length", 0))
            print(f"toolchain: fetching {address} ({size >> 20} MiB)", file=sys.stderr, flush=True)
            if shutil.disk_usage(target.parent).free < 4 * size:
                raise NotFetchedError(f"no room for {size >> 20} MiB and what is in them")
            for chunk in _limited(response, 1 << 30):
                digest.update(chunk)
                stream.write(chunk)
    except httpx.HTTPError as error:
        target.unlink(missing_ok=True)
        raise NotFetchedError(f"{address}: {_reason(error)}") from None
    return digest.hexdigest()


@contextmanager
def _opened(address: str) -> Iterator[httpx.Response]:
    def check(request: httpx.Request) -> None:
        if not is_safe(str(request.url)):
            raise NotFetchedError(f"{address}: leads to {request.url}, without TLS")

    hooks = {"request": [check]}
    with (
        httpx.Client(timeout=_TIMEOUT, follow_redirects=True, event_hooks=hooks) as client,
        client.stream("GET", address) as response,
    ):
        response.raise_for_status()
        yield response


def _limited(response: httpx.Response, most: int) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_bytes(_CHUNK):
        size += len(chunk)
        if size > most:
            raise NotFetchedError(f"{response.url}: larger than {most >> 20} MiB")
        yield chunk


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        with _member(archive, member) as stream, target.open("wb") as written:
            shutil.copyfileobj(stream, written)
    except KeyError:
        raise NotFetchedError(f"the release has no {member}") from None
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise NotFetchedError(f"the release cannot be unpacked: {error}") from None


@contextmanager
def _member(archive: Path, name: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as content, content.open(name) as stream:
            yield stream
        return
    with tarfile.open(archive, "r:gz") as tar:
        found = tar.extractfile(name)
        if found is None:
            raise NotFetchedError(f"{name} is no file in the release")
        with found:
            yield found


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _key(offer: Offer) -> str:
    return f"{offer.version}-official"
