from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core import secrets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))


def test_secrets_are_made_once_and_only_their_owner_reads_them() -> None:
    folder = secrets.ensure()
    first = {name: (folder / name).read_text() for name in secrets.NAMES}
    secrets.ensure()

    assert {name: (folder / name).read_text() for name in secrets.NAMES} == first
    assert len(set(first.values())) == len(secrets.NAMES)
    assert all(len(value) >= 40 for value in first.values())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in secrets.NAMES} == {0o600}
    assert sorted(path.name for path in folder.iterdir()) == sorted(secrets.NAMES), "no temporary file stays"


def test_callers_at_the_same_time_agree_on_one_secret() -> None:
    def read() -> str:
        return (secrets.ensure() / secrets.POSTGRES_PASSWORD).read_text()

    with ThreadPoolExecutor(8) as pool:
        seen = {future.result() for future in [pool.submit(read) for _ in range(32)]}

    assert len(seen) == 1


def test_a_half_written_secret_of_a_killed_process_is_not_taken_for_one() -> None:
    folder = secrets.ensure()
    kept = (folder / secrets.PASSPHRASE).read_text()
    (folder / f".{secrets.POSTGRES_PASSWORD}.killed").write_text("half")
    (folder / secrets.POSTGRES_PASSWORD).unlink()

    secrets.ensure()

    assert len((folder / secrets.POSTGRES_PASSWORD).read_text()) >= 40
    assert (folder / secrets.PASSPHRASE).read_text() == kept
