"""Every input that the fuzzer has kept still holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app_images.telemetry.fuzz.target import TARGETS, check

ROOT = Path(__file__).parent / "fuzz" / "corpus"
CORPUS = sorted(path for path in ROOT.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus_holds(path: Path) -> None:
    check(path.parent.name, path.read_bytes())


def test_there_is_a_corpus_of_each_target() -> None:
    assert {path.parent.name for path in CORPUS} == set(TARGETS)
    assert len(CORPUS) >= 16
