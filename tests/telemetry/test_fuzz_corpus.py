"""Every input that the fuzzer has kept still holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.telemetry.fuzz.target import check

CORPUS = sorted((Path(__file__).parent / "fuzz" / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_the_corpus_holds(path: Path) -> None:
    check(path.read_bytes())


def test_there_is_a_corpus() -> None:
    assert len(CORPUS) >= 13
