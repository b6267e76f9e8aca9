"""Images that the embedded environment does not build: pulled, or loaded before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import local_stack, pulumi_cli, stack_file
from otel_mesh_embedded.images import outside_images

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from otel_mesh_stack.model import StackSettings

CTR = """#!/bin/sh
case "$2" in
list) echo REF TYPE DIGEST; sed 's/$/ index sha256:0/' "$0.present" ;;
pull) case "$3" in *controller*) echo "ctr: no such host" >&2; exit 1 ;; *) echo "$3" >> "$0.present" ;; esac ;;
esac
"""
CONTROLLER, PROXY = "cr.l5d.io/linkerd/controller:edge-26.9.1", "cr.l5d.io/linkerd/proxy:edge-26.9.1"
CNI = "cr.l5d.io/linkerd/cni-plugin:v1"


def _stack(kind: str, linkerd: Mapping[str, str] | None = None) -> StackSettings:
    """Stack ``local`` with another mesh."""
    settings = stack_file.settings(stack_file.LOCAL)
    return local_stack.checked({**settings, "mesh": {"kind": kind, "linkerd": linkerd or {}}})


@pytest.fixture
def ctr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A containerd without images, whose registries have all images but one."""
    found = _stack(kind="linkerd", linkerd={"version": "edge-26.9.1"})
    monkeypatch.setattr(local_stack, "settings", lambda: found)
    chart = tmp_path / "charts" / "linkerd2-cni"
    chart.mkdir(parents=True)
    (chart / "values.yaml").write_text('image: {name: "cr.l5d.io/linkerd/cni-plugin", version: v1}\n')
    monkeypatch.setenv(pulumi_cli.CHARTS_DIR, str(tmp_path / "charts"))
    program = tmp_path / "ctr"
    program.write_text(CTR)
    program.chmod(0o755)
    (tmp_path / "ctr.present").touch()
    return program


def _present(ctr: Path) -> list[str]:
    return (ctr.parent / "ctr.present").read_text().split()


def test_an_image_that_no_registry_gives_is_named_with_the_way_to_load_it(ctr: Path) -> None:
    said: list[str] = []
    with pytest.raises(CommandError) as refused:
        outside_images.require_outside([str(ctr)], said.append)
    assert str(refused.value).startswith(f"images {CONTROLLER}: not on the node and not pulled (ctr: no such host)")
    assert "otel-mesh node images load" in str(refused.value.remedy)
    assert said == [f"pulling {one}" for one in (CONTROLLER, PROXY, CNI)]
    assert _present(ctr) == [PROXY, CNI]


def test_images_that_were_loaded_are_not_pulled(ctr: Path) -> None:
    (ctr.parent / "ctr.present").write_text(f"{CONTROLLER}\n{PROXY}\n{CNI}")
    outside_images.require_outside([str(ctr)], pytest.fail)


def test_a_stack_with_another_mesh_needs_none(ctr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _stack(kind="istio")
    monkeypatch.setattr(local_stack, "settings", lambda: found)
    outside_images.require_outside([str(ctr)], pytest.fail)
    assert _present(ctr) == []
