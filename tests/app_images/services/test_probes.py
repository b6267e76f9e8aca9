"""What the readiness of a service tells in its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_kit.probes import Probes

if TYPE_CHECKING:
    import pytest


async def test_each_reason_against_readiness_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    looks = iter([LookupError("a"), LookupError("b"), OSError("c"), None, OSError("d")])

    async def check() -> None:
        if (found := next(looks)) is not None:
            raise found

    probes = Probes(check, timeout=60)
    reasons = [await probes.reason_against() for _ in range(5)]
    assert [reason is None for reason in reasons] == [False, False, False, True, False]
    told = [record.getMessage() for record in caplog.records if record.name == "service_kit.probes"]
    assert told == ["not ready: LookupError: a", "not ready: OSError: c", "not ready: OSError: d"]
