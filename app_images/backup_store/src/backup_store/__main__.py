"""``python -m backup_store upload`` and ``python -m backup_store fetch DATABASE [FILE]``, in the pod of a backup.

``upload`` copies the dumps in BACKUP_DIR to the store; its exit status is 1 if one could not be copied or made.
``fetch`` copies a dump from the store to BACKUP_DIR, the newest or the one named; its exit status is 2 without one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from backup_store.copying import NoDumpError, fetch, upload
from backup_store.reports import Reports
from backup_store.store import DumpStore, StoreError, StoreSettings
from service_kit.settings import Environment, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = "usage: backup_store upload | backup_store fetch DATABASE [FILE]"


def main(words: Sequence[str]) -> int:
    """Runs a command.

    Args:
        words: Command and its arguments.

    Returns:
        The exit status.
    """
    environment = Environment()
    try:
        settings = StoreSettings.from_environment(environment)
        store = DumpStore(settings)
        match words:
            case ["upload"]:
                return 0 if upload(store, settings, Reports.from_environment(environment)) else 1
            case ["fetch", database] | ["fetch", database, _]:
                file = fetch(store, settings, database, words[2] if len(words) > 2 else None)  # noqa: PLR2004
                print(f"{database}: {file} is a copy of the store's")  # noqa: T201 - the Job's log
                return 0
    except (SettingsError, StoreError, NoDumpError) as error:
        print(f"{error}", file=sys.stderr)  # noqa: T201
        return 2
    print(USAGE, file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
