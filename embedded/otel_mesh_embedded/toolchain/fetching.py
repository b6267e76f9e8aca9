"""Fetching a release whose SHA-256 is known beforehand."""

from __future__ import annotations

import platform
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

from otel_mesh_cli.core.files import locked
from otel_mesh_embedded.toolchain import artefacts

if TYPE_CHECKING:
    from otel_mesh_embedded.toolchain.releases import Offer

TIMEOUT: Final = httpx.Timeout(30, connect=5)
_KEY_LENGTH: Final = 12


class NotFetchedError(Exception):
    """A release could not be fetched, with the reason; nothing of it is in the cache."""


class HostSilentError(NotFetchedError):
    """The host of a release cannot be reached."""


def here(offer: Offer) -> dict[str, Path]:
    """Programs of a release that was fetched before; empty unless all are here."""
    files = {name: _place(offer, name) for name in offer.programs} if _digest(offer) else {}
    return files if all(file.exists() for file in files.values()) else {}


def fetch(offer: Offer) -> dict[str, Path]:
    """Fetch a release, or take the one that another process fetched meanwhile.

    Raises:
        NotFetchedError: the release is not there, damaged, or not the file whose SHA-256 is pinned.
    """
    release, wanted = offer.release, _digest(offer)
    if release is None or not wanted:
        raise NotFetchedError(f"no SHA-256 of {offer.version} for {platform.machine()} is pinned")
    artefacts.tools_dir().mkdir(parents=True, exist_ok=True)
    with (
        locked(artefacts.tools_dir() / ".locks" / f"official-{offer.programs[0]}"),
        tempfile.TemporaryDirectory(dir=artefacts.tools_dir(), prefix=".fetch-") as scratch,
    ):
        if found := here(offer):
            return found
        url, download = release.fill(release.url, platform.machine()), Path(scratch) / "download"
        _download(url, download)
        if (digest := artefacts.sha256(download)) != wanted:
            raise NotFetchedError(f"{url}: SHA-256 is {digest}, but {wanted} is pinned: not used")
        for name in offer.programs:
            file = download
            if release.member:
                file = Path(scratch) / name
                _extract(download, release.fill(release.member, platform.machine(), name), file)
            artefacts.store(file, _place(offer, name))
    return here(offer)


def _digest(offer: Offer) -> str:
    """SHA-256 pinned for the modules' version on this machine; empty if there is none."""
    release = offer.release
    return release.sha256.get(platform.machine(), "") if release and release.version == offer.version else ""


def _place(offer: Offer, name: str) -> Path:
    return artefacts.tools_dir() / name / f"{offer.version}-official-{_digest(offer)[:_KEY_LENGTH]}" / name


def _download(url: str, target: Path) -> None:
    console = Console(stderr=True)
    console.print(f"toolchain: fetching {url}", soft_wrap=True, highlight=False, markup=False)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        with (
            httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as response,
            target.open("wb") as stream,
            Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            response.raise_for_status()
            size = int(response.headers.get("content-length", 0))
            if shutil.disk_usage(target.parent).free < 4 * size:
                raise NotFetchedError(f"{url}: no room for {size >> 20} MiB and the programs in them")
            task = progress.add_task(url, total=size or None)
            for chunk in response.iter_bytes():
                stream.write(chunk)
                progress.advance(task, len(chunk))
    except httpx.HTTPStatusError as error:
        raise NotFetchedError(f"{url}: status {error.response.status_code}") from None
    except (httpx.TimeoutException, httpx.ConnectError) as error:
        raise HostSilentError(f"{url}: {error or 'no answer in time'}") from None
    except httpx.HTTPError as error:
        raise NotFetchedError(f"{url}: {error or type(error).__name__}") from None


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as tar, target.open("wb") as written:
            if (stream := tar.extractfile(member)) is None:
                raise NotFetchedError(f"{member} is not a file in the release")
            shutil.copyfileobj(stream, written)
    except (KeyError, tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise NotFetchedError(f"{member} cannot be unpacked from the release: {error}") from None
