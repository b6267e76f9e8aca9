"""Copies of dumps between a folder and the store."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from backup_store.store import DUMP, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from backup_store.reports import Reports
    from backup_store.store import DumpStore, StoreSettings

FAILED: Final = ".failed"
"""File in the folder of the dumps: the dumping script could not dump a database, and has reported it."""


class NoDumpError(Exception):
    """The store has no such dump."""


def upload(store: DumpStore, settings: StoreSettings, reports: Reports) -> bool:
    """Store each database's newest dumps that the store lacks, and remove its dumps beyond the number to keep.

    Dumps that an earlier run could not store are made up for, if the folder still has them.

    Args:
        store: The store.
        settings: Folder of the dumps, and the number to keep.
        reports: Sender of each success and failure.

    Returns:
        Whether all databases were dumped and stored.
    """
    done = not (settings.folder / FAILED).exists()
    for folder in sorted(one for one in settings.folder.iterdir() if one.is_dir()):
        try:
            _upload(store, settings.keep, folder, reports)
        except (StoreError, OSError) as error:
            print(f"{folder.name}: not stored: {error}", file=sys.stderr)  # noqa: T201 - the Job's log
            reports.failure(folder.name)
            done = False
    return done


def _upload(store: DumpStore, keep: int, folder: Path, reports: Reports) -> None:
    database = folder.name
    here = {one.name: one for one in folder.iterdir() if DUMP.fullmatch(one.name)}
    if not here:  # lost+found of a volume, or a database that could not be dumped
        return
    there = store.dumps(database)
    kept = sorted({*here, *there})[-keep:]
    for name in kept:
        if name in here and (name not in there or there[name].size != here[name].stat().st_size):
            store.put(database, here[name])
            print(f"{database}: {name} stored")  # noqa: T201
    newest = max(here)
    if newest in kept:  # else the store has newer ones, of another server
        reports.success(database, _time(newest), here[newest].stat().st_size)
    for name in there:
        if name not in kept:
            store.delete(database, name)
            print(f"{database}: {name} removed, as {keep} are kept")  # noqa: T201


def _time(file: str) -> int:
    """Seconds since the epoch of a dump."""
    return int(datetime.strptime(file, "%Y%m%dT%H%M%SZ.dump").replace(tzinfo=UTC).timestamp())


def fetch(store: DumpStore, settings: StoreSettings, database: str, file: str | None = None) -> str:
    """Copy a dump of a database to its folder.

    Args:
        store: The store.
        settings: Folder of the dumps.
        database: Name of the database.
        file: Name of the dump; None for the newest.

    Returns:
        The name of the dump.

    Raises:
        NoDumpError: The store has no dump of the database, or not the one named.
        StoreError: The store refuses or does not answer.
    """
    there = store.dumps(database)
    name = file or max(there, default="")
    if name not in there:
        place = "/".join(filter(None, (settings.bucket, settings.prefix, database, name)))
        raise NoDumpError(f"{place}: no such dump in the store; it has {', '.join(there) or 'none'}")
    folder = settings.folder / database
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / ".fetched"
    store.get(database, there[name], partial)
    partial.replace(folder / name)
    return name
