"""Changes of a running mesh's certificates: a step that is left out is refused with the one to take first."""

from __future__ import annotations

from typing import Any

import pytest

from otel_mesh import DeployedTrust, LinkerdSettings, rotation_problems
from otel_mesh.core.errors import parse
from otel_mesh.mesh.linkerd.authority import generate

OLD, NEW = (generate("cluster.local", "linkerd", 365) for _ in range(2))


def _identity(**values: Any) -> Any:  # noqa: ANN401 - settings
    return parse(LinkerdSettings, {"identity": values}).identity


@pytest.mark.parametrize(
    ("marker", "generations", "issuer", "place"),
    [
        ("1/1", [1], None, None),
        ("1/1", [1, 2], None, None),
        ("1+2/1", [1, 2], 2, None),
        ("1+2/2", [2], None, None),
        ("1+2/1", [1], None, None),
        ("1/1", [2], None, "generations"),
        ("1+2/1", [2], None, "generations"),
        ("1/1", [1, 2], 2, "issuer_generation"),
        ("1f2e3d4c5b6a7988", [1], None, "source"),
    ],
)
def test_generations_change_one_step_at_a_time(
    marker: str, generations: list[int], issuer: int | None, place: str | None
) -> None:
    settings = _identity(generations=generations, issuer_generation=issuer)
    found = rotation_problems(DeployedTrust(anchors="", marker=marker), settings)
    assert [one.path for one in found] == ([place] if place else [])


def test_a_replacement_in_one_step_says_what_to_deploy_first() -> None:
    (found,) = rotation_problems(DeployedTrust(anchors="", marker="1/1"), _identity(generations=[2]))
    assert found.reason.startswith("drop 1, which has issued the certificates of running pods")
    assert found.remedy == "deploy generations: [1, 2] first, then issuer_generation: 2 with both, then this"


@pytest.mark.parametrize(
    ("deployed", "anchors", "issuer", "place"),
    [
        (OLD.anchor, OLD.anchor, OLD.issuer.certificate, None),
        (OLD.anchor, OLD.anchor + NEW.anchor, OLD.issuer.certificate, None),
        (OLD.anchor + NEW.anchor, OLD.anchor + NEW.anchor, NEW.issuer.certificate, None),
        (OLD.anchor, OLD.anchor + NEW.anchor, NEW.issuer.certificate, "issuer_certificate"),
        (OLD.anchor, NEW.anchor, NEW.issuer.certificate, "trust_anchors"),
        (OLD.anchor, NEW.anchor, None, "trust_anchors"),
        (OLD.anchor + NEW.anchor, NEW.anchor, NEW.issuer.certificate, "trust_anchors"),
    ],
    ids=["unchanged", "both", "new issuer", "issuer too early", "all at once", "kept issuer", "old dropped too early"],
)
def test_given_anchors_change_one_step_at_a_time(
    deployed: str, anchors: str, issuer: str | None, place: str | None
) -> None:
    running = DeployedTrust(anchors=deployed, issuer=OLD.issuer.certificate)
    found = rotation_problems(running, _identity(source="given"), anchors, issuer)
    assert [one.path for one in found] == ([place] if place else [])


def test_the_old_anchor_goes_when_the_new_issuer_has_signed() -> None:
    running = DeployedTrust(anchors=OLD.anchor + NEW.anchor, issuer=NEW.issuer.certificate)
    assert rotation_problems(running, _identity(source="given"), NEW.anchor, NEW.issuer.certificate) == []


def test_without_the_right_to_read_the_issuer_the_anchors_are_compared() -> None:
    running = DeployedTrust(anchors=OLD.anchor)
    (found,) = rotation_problems(running, _identity(source="given"), NEW.anchor, NEW.issuer.certificate)
    assert found.path == "trust_anchors"
