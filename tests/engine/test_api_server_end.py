"""The API server of the engine tests and of the bench ends with the process that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.embedded.supervision.left_processes import ENDINGS, left_by

if TYPE_CHECKING:
    import signal
    from pathlib import Path

pytestmark = pytest.mark.engine

PROGRAM = """
    from pathlib import Path
    from tests.engine.api_server import ApiServer

    server = ApiServer(Path({programs!r}), Path.cwd())
    server.start()
    assert len(server.processes) == 2
    tell(*server.processes)
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_etcd_or_api_server_process_is_left(programs: Path, ending: signal.Signals, tmp_path: Path) -> None:
    assert left_by(PROGRAM.format(programs=str(programs)), ending, tmp_path) == []
