"""An S3-compatible object store with the dumps of databases, as ``<prefix>/<database>/<time>.dump``."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ClientConfig, S3Config

    from service_kit.settings import Environment

DUMP: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z\.dump")
"""Name of a dump; other objects and files are left alone."""

_CONNECTIONS: Final = 4
_CHUNK: Final = 8 * 2**20
_MOST_CHUNKS: Final = 9_000
"""Fewer than the 10,000 parts of an upload that S3 allows."""
_ANSWER: Final = {name: re.compile(f"<{name}>(.*?)</{name}>", re.DOTALL) for name in ("Code", "Message")}
_SHOWN: Final = 500


class StoreError(Exception):
    """The store refused a request or could not be reached; the message is one line for operators."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Address and credentials of the store, and the folder of the dumps.

    Attributes:
        endpoint: URL of the store.
        bucket: Name of the bucket.
        prefix: Path before the names of the databases; empty for none.
        region: Region that requests are signed for.
        keep: Number of dumps of each database that the store keeps.
        credentials: Files with the access key's id and the secret access key; None for the pod's cloud identity.
        ca: File with the authorities of the store's certificate, beside those of the image; None for none.
        folder: Folder of the dumps, with a folder for each database.
    """

    endpoint: str
    bucket: str
    prefix: str
    region: str
    keep: int
    folder: Path
    credentials: tuple[Path, Path] | None = field(default=None, repr=False)
    ca: Path | None = None

    @classmethod
    def from_environment(cls, environment: Environment) -> StoreSettings:
        """The settings from STORE_ENDPOINT, _BUCKET, _PREFIX, _REGION, _KEEP, the files of secrets and BACKUP_DIR.

        STORE_ACCESS_KEY_ID_FILE and STORE_SECRET_ACCESS_KEY_FILE name the credentials, STORE_CA_FILE the authorities.

        Raises:
            SettingsError: A variable is missing or invalid, or a file is not readable.
        """
        key, secret = "STORE_ACCESS_KEY_ID_FILE", "STORE_SECRET_ACCESS_KEY_FILE"
        given = environment.text(key, "")
        return cls(
            endpoint=environment.url("STORE_ENDPOINT"),
            bucket=environment.text("STORE_BUCKET"),
            prefix=environment.text("STORE_PREFIX", ""),
            region=environment.text("STORE_REGION"),
            keep=int(environment.number("STORE_KEEP", 30, low=1, high=10_000)),
            folder=Path(environment.text("BACKUP_DIR")),
            credentials=(environment.secret_file(key), environment.secret_file(secret)) if given else None,
            ca=environment.secret_file("STORE_CA_FILE") if environment.text("STORE_CA_FILE", "") else None,
        )


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump in the store.

    Attributes:
        file: Name of the dump, which is its time.
        size: Size in bytes.
    """

    file: str
    size: int


class DumpStore:
    """The dumps in a bucket.

    Args:
        settings: Address and credentials of the store.

    Raises:
        StoreError: A credential or certificate cannot be used.
    """

    def __init__(self, settings: StoreSettings) -> None:
        config: S3Config = {"region": settings.region, "endpoint": settings.endpoint}
        if settings.credentials is not None:
            config["access_key_id"], config["secret_access_key"] = (
                path.read_text().strip() for path in settings.credentials
            )
        client: ClientConfig = {
            "allow_http": settings.endpoint.startswith("http://"),
            "timeout": timedelta(minutes=5),  # of a chunk, also where the uplink is slow
        }
        if settings.ca is not None:
            client["root_certificate"] = settings.ca.read_bytes()
        with _converted_errors():
            self._store = S3Store(
                settings.bucket,
                prefix=settings.prefix or None,
                config=config,
                client_options=client,
                retry_config={"max_retries": 5, "retry_timeout": timedelta(minutes=2)},
            )

    def dumps(self, database: str) -> dict[str, Dump]:
        """The dumps of a database by name, from the oldest.

        Raises:
            StoreError: The store refuses or does not answer.
        """
        with _converted_errors():
            found = obstore.list_with_delimiter(self._store, database)["objects"]
        listed = ((one["path"].rpartition("/")[2], one["size"]) for one in found)
        return {name: Dump(name, size) for name, size in sorted(listed) if DUMP.fullmatch(name)}

    def put(self, database: str, file: Path) -> None:
        """Store a dump. Until all of it has arrived, the store does not show it.

        Raises:
            StoreError: The store refuses or does not answer, or has another size than the file.
        """
        size, path = file.stat().st_size, f"{database}/{file.name}"
        chunk = max(_CHUNK, size // _MOST_CHUNKS + 1)
        with _converted_errors():
            obstore.put(self._store, path, file, chunk_size=chunk, max_concurrency=_CONNECTIONS)
            stored = obstore.head(self._store, path)["size"]
        if stored != size:
            raise StoreError(f"{path}: the store has {stored} of {size} bytes")

    def get(self, database: str, dump: Dump, file: Path) -> None:
        """Copy a dump to a file.

        Raises:
            StoreError: The store refuses or does not answer, or sends less than the whole.
        """
        with _converted_errors(), file.open("wb") as copy:
            for chunk in obstore.get(self._store, f"{database}/{dump.file}").stream(min_chunk_size=_CHUNK):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
        if (size := file.stat().st_size) != dump.size:
            raise StoreError(f"{database}/{dump.file}: {size} of {dump.size} bytes arrived")

    def delete(self, database: str, file: str) -> None:
        """Remove a dump.

        Raises:
            StoreError: The store refuses or does not answer.
        """
        with _converted_errors():
            obstore.delete(self._store, f"{database}/{file}")


@contextmanager
def _converted_errors() -> Iterator[None]:
    """Convert obstore's exceptions to `StoreError` with one line of theirs."""
    try:
        yield
    except (BaseError, ValueError, FileNotFoundError) as error:
        raise StoreError(f"the store: {_reason(str(error)) or type(error).__name__}") from None


def _reason(text: str) -> str:
    """What obstore says in several paragraphs: the request, then the store's answer or why there was none."""
    told, _, source = text.partition("\n\nDebug source:")
    request, _, answer = told.partition("<?xml")
    if answer:
        parts = (_ANSWER[name].search(answer) for name in ("Code", "Message"))
        detail = ": ".join(part[1] for part in parts if part is not None)
    else:
        detail = " ".join(source.partition("legacy::Error(")[2].split())
    return " ".join(f"{request} {detail}".split())[:_SHOWN]
