"""A search of the arguments and environments of running processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

_PROC = Path("/proc")
_PERIOD = 0.05


class ProcessWatch:
    """Samples every process of this machine between entering and leaving.

    Attributes:
        seen: Number of different processes inspected.
        finds: ``pid`` and file of each process that contained the text.
    """

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._pids: set[str] = set()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.finds: set[tuple[str, str]] = set()

    @property
    def seen(self) -> int:
        return len(self._pids)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_PERIOD):
            for entry in _PROC.iterdir():
                if entry.name.isdecimal():
                    self._look(entry)

    def _look(self, entry: Path) -> None:
        for name in ("cmdline", "environ"):
            try:
                content = (entry / name).read_bytes()
            except OSError:  # it ended in the meantime, or is not readable
                continue
            self._pids.add(entry.name)
            if self._text in content:
                self.finds.add((entry.name, name))
