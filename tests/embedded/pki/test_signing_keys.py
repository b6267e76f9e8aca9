from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from otel_mesh_embedded.pki import signing_keys

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
HOURS = dt.timedelta(hours=1)


def test_the_key_is_kept(tmp_path: Path) -> None:
    signing_keys.ensure(tmp_path, "sa")
    key, public = (tmp_path / "sa.key").read_bytes(), (tmp_path / "sa.pub").read_bytes()
    (tmp_path / "sa.pub").unlink()
    signing_keys.ensure(tmp_path, "sa")
    assert ((tmp_path / "sa.key").read_bytes(), (tmp_path / "sa.pub").read_bytes()) == (key, public)


def test_a_replaced_key_verifies_until_its_time_is_over(tmp_path: Path) -> None:
    signing_keys.ensure(tmp_path, "sa")
    first = (tmp_path / "sa.pub").read_bytes()
    signing_keys.replace(tmp_path, "sa", now=NOW)
    signing_keys.replace(tmp_path, "sa", now=NOW + HOURS)
    keys = [path.read_bytes() for path in signing_keys.verifying(tmp_path, "sa")]
    assert len(set(keys)) == 3
    assert keys[0] == (tmp_path / "sa.pub").read_bytes()
    assert first in keys
    assert signing_keys.forget_old(tmp_path, "sa", 2 * HOURS, now=NOW + 1.9 * HOURS) == []
    assert signing_keys.forget_old(tmp_path, "sa", 2 * HOURS, now=NOW + 2 * HOURS) == ["sa.20261121T000000Z.pub"]
    assert first not in [path.read_bytes() for path in signing_keys.verifying(tmp_path, "sa")]
    assert len(signing_keys.verifying(tmp_path, "sa")) == 2


def test_a_replacement_killed_on_its_way_leaves_no_key_twice(tmp_path: Path) -> None:
    signing_keys.ensure(tmp_path, "sa")
    (tmp_path / "sa.20261121T000000Z.pub").write_bytes((tmp_path / "sa.pub").read_bytes())
    assert signing_keys.verifying(tmp_path, "sa") == (tmp_path / "sa.pub",)
