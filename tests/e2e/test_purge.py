"""`make down PURGE=1` removes every trace of the environment from the machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from otel_mesh_cli.core.paths import state_dir
from otel_mesh_embedded.node import programs
from otel_mesh_embedded.node.layout import layout
from otel_mesh_embedded.node.machine import cgroups
from otel_mesh_embedded.node.network import sysctls
from otel_mesh_embedded.supervision import machine_lock
from tests.e2e.killed_up import kill_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

_FOLDERS = ("/etc/cni", "/etc/kubernetes", "/opt/cni", "/run", "/var/lib", "/var/log")
_NAMES = ("kube", "cni", "containerd", "otel", "etcd", "netns")


def _rules() -> str:
    """Every packet filter rule, without counters."""
    found = programs.find(layout(), built=False)
    told = ""
    for variant in ("legacy", "nft"):
        for family in ("iptables", "ip6tables"):
            command = (str(found.iptables / f"xtables-{variant}-multi"), f"{family}-save")
            done = subprocess.run(command, env=dict(found.environment), capture_output=True, text=True, check=False)
            told += "".join(line + "\n" for line in done.stdout.splitlines() if line.startswith("-A"))
    return told


def machine() -> dict[str, object]:
    """Everything an environment could leave on the machine."""
    files: set[str] = set()
    for folder in map(Path, _FOLDERS):
        for place, folders, names in os.walk(folder):
            hits = [name for name in (*folders, *names) if any(word in name for word in _NAMES)]
            files.update(str(path) for name in hits if not _is_anothers(path := Path(place, name)))
    settings = {
        name: Path("/proc/sys", name) for name in (*sysctls.WANTED, *sysctls.AT_LEAST, *sysctls.CHANGED_BY_KUBELET)
    }
    return {
        "links": {path.name for path in Path("/sys/class/net").iterdir()},
        "routes": Path("/proc/net/route").read_text(),
        "mounts": {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()},
        "namespaces": {path.readlink() for path in Path("/proc").glob("[0-9]*/ns/net") if _is_there(path)},
        "cgroups": cgroups.branches(),
        "rules": _rules(),
        "settings": {name: path.read_text() for name, path in settings.items() if path.exists()},
        "files": files,
    }


def _is_anothers(path: Path) -> bool:
    """Log links of containers of another runtime."""
    return path.is_symlink() and not path.readlink().is_relative_to(state_dir())


def _is_there(link: Path) -> bool:
    try:
        link.readlink()
    except OSError:
        return False
    return True


def test_purge_leaves_nothing_of_the_environment(run: Callable[..., CompletedProcess[str]]) -> None:
    purged = run("make", "down", "PURGE=1")
    assert purged.returncode == 0, purged.stdout + purged.stderr
    assert f"removing {state_dir() / 'volumes'}" in purged.stdout
    assert "programs and images stay in" in purged.stdout
    bare = machine()
    assert not state_dir().exists()
    assert not machine_lock.path().exists()
    assert bare["cgroups"] == []
    assert not [line for line in str(bare["rules"]).splitlines() if "KUBE-" in line or "otel-mesh" in line]
    assert not [name for name in bare["links"] if "otelmesh" in name]  # type: ignore[attr-defined]
    assert not [mount for mount in bare["mounts"] if str(state_dir()) in mount]  # type: ignore[attr-defined]

    up = run("make", "up")
    assert up.returncode == 0, up.stdout + up.stderr
    assert machine() != bare, "the test sees an environment that is there"
    assert run("make", "down", "PURGE=1").returncode == 0
    assert machine() == bare
    assert not state_dir().exists()
    names = {process.info["name"] for process in psutil.process_iter(["name"])}
    assert not names & {"etcd", "kube-apiserver", "kubelet", "containerd", "containerd-shim-runc-v2", "socat"}
    again = run("make", "down", "PURGE=1")
    assert again.returncode == 0, "there is nothing to remove, which is no error"
    kill_up(" images", "everything with -9")
    assert state_dir().exists()
    assert run("make", "down", "PURGE=1").returncode == 0, "a first start leaves a folder that is known at once"
    assert machine() == bare
    assert run("make", "up").returncode == 0
