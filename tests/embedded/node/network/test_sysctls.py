from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_embedded.node.network import sysctls

if TYPE_CHECKING:
    from pathlib import Path

INSTANCES = "fs/inotify/max_user_instances"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    folder = tmp_path / "sys"
    for name in (*sysctls.WANTED, *sysctls.AT_LEAST, *sysctls.CHANGED_BY_KUBELET):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("0\n")
    (folder / INSTANCES).write_text("128\n")
    return folder


@pytest.fixture
def settings(kernel: Path, tmp_path: Path) -> sysctls.KernelSettings:
    return sysctls.KernelSettings(tmp_path / "before.json", kernel)


def values(kernel: Path) -> dict[str, str]:
    return {str(path.relative_to(kernel)): path.read_text().strip() for path in kernel.rglob("*") if path.is_file()}


def test_settings_are_those_from_before_the_first_start_again(settings: sysctls.KernelSettings, kernel: Path) -> None:
    before = values(kernel)
    settings.change()
    assert {name: values(kernel)[name] for name in sysctls.WANTED} == sysctls.WANTED
    (kernel / "kernel/panic").write_text("10")  # kubelet's
    settings.change()  # of a node that was killed and comes again
    settings.restore(others_need_network=False)
    assert values(kernel) == before
    assert not settings.before.exists()
    settings.restore(others_need_network=False)


def test_what_others_need_of_the_network_stays(settings: sysctls.KernelSettings, kernel: Path) -> None:
    settings.change()
    settings.restore(others_need_network=True)
    assert {name: values(kernel)[name] for name in sysctls.WANTED} == sysctls.WANTED
    assert values(kernel)[INSTANCES] == "128"


@pytest.mark.parametrize(("there", "then"), [("128", "512"), ("512", "512"), ("8192", "8192")])
def test_a_limit_is_raised_and_never_lowered(
    settings: sysctls.KernelSettings, kernel: Path, there: str, then: str
) -> None:
    (kernel / INSTANCES).write_text(there)
    settings.change()
    assert values(kernel)[INSTANCES] == then


def test_a_machine_without_the_limit_is_no_error_and_without_forwarding_is_one(
    settings: sysctls.KernelSettings, kernel: Path
) -> None:
    (kernel / INSTANCES).unlink()
    settings.change()
    (kernel / "net/ipv4/ip_forward").unlink()
    with pytest.raises(CommandError, match=r"^kernel setting net\.ipv4\.ip_forward: cannot be set to 1"):
        settings.change()
