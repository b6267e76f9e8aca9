from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core import files
from otel_mesh_embedded.node.layout import Layout
from otel_mesh_embedded.node.machine import residue

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    made = Layout(tmp_path / "state")
    made.make_folders()
    for name in ("_CNI_CACHE", "_LOG_LINKS", "_SHIM_SOCKETS", "_DEVICE_PLUGINS", "_MESH_AGENT"):
        folder = tmp_path / "host" / name.strip("_") / "inner"
        folder.mkdir(parents=True)
        monkeypatch.setattr(residue, name, folder)
    return made


def test_only_mounts_below_the_state_are_ours_and_the_inner_ones_come_first(layout: Layout) -> None:
    lines = [
        "21 1 8:1 / / rw - ext4 /dev/vda rw",
        f"30 21 0:30 / {layout.state}/node/kubelet/pods/a rw - tmpfs tmpfs rw",
        f"31 30 0:31 / {layout.state}/node/kubelet/pods/a/with\\040blank rw - tmpfs tmpfs rw",
        f"32 21 0:32 / {layout.state}-of-another rw - tmpfs tmpfs rw",
    ]
    assert residue.mounts(layout, "\n".join(lines)) == [
        f"{layout.state}/node/kubelet/pods/a/with blank",
        f"{layout.state}/node/kubelet/pods/a",
    ]


def test_a_sweep_removes_leases_sockets_and_notes_of_our_pods_only(layout: Layout) -> None:
    lease = layout.cni_leases / "otel-mesh" / "10.246.0.7"
    lease.parent.mkdir()
    bundle = layout.containerd_state / "io.containerd.runtime.v2.task" / "k8s.io" / "pod1"
    bundle.mkdir(parents=True)
    mine, other = residue._SHIM_SOCKETS / "mine", residue._SHIM_SOCKETS / "other"  # noqa: SLF001
    (bundle / "address").write_text(f"unix://{mine}")
    (layout.containerd / "io.containerd.grpc.v1.cri" / "sandboxes" / "pod1").mkdir(parents=True)
    cache = residue._CNI_CACHE  # noqa: SLF001
    ours = [cache / "otel-mesh-pod1-eth0", cache / "cni-loopback-pod1-lo"]
    theirs = [cache / "podman-pod2-eth0", cache / "cni-loopback-pod2-lo", other]
    for path in (lease, mine, *ours, *theirs):
        path.touch()
    assert residue.leftovers(layout) == [f"file {path}" for path in ours]
    residue.sweep(layout)
    assert [path for path in (lease, mine, *ours, bundle) if path.exists()] == []
    assert [path for path in theirs if not path.exists()] == []
    assert layout.containerd_state.is_dir()
    assert residue.leftovers(layout) == []


def test_shared_folders_go_only_when_nobody_else_uses_them(layout: Layout) -> None:
    links = residue._LOG_LINKS  # noqa: SLF001
    (links / "ours.log").symlink_to(layout.pod_logs / "shop_web" / "0.log")
    (links / "theirs.log").symlink_to("/var/log/pods/x/0.log")
    residue.tidy(layout)
    assert [path.name for path in links.iterdir()] == ["theirs.log"]
    assert not residue._SHIM_SOCKETS.parent.exists()  # noqa: SLF001


def test_what_a_mesh_agent_left_goes_unless_another_clusters_agent_serves_there(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(residue, "_MESH_AGENT", tmp_path / "m" / "m")
    residue._MESH_AGENT.mkdir(parents=True)  # noqa: SLF001
    token = residue._MESH_AGENT / "istio-cni-kubeconfig"  # noqa: SLF001
    token.touch()
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(token.with_name("log.sock")))
        agent.listen()
        residue.tidy(layout)
        assert token.exists()
        assert residue.leftovers(layout) == []
    token.with_name("log.sock").unlink()
    assert residue.leftovers(layout) == [f"file {token}"]
    residue.tidy(layout)
    assert not token.parent.exists()
    assert residue.leftovers(layout) == []


def test_what_a_kubelet_left_goes_unless_another_one_runs(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "d" / "d"
    folder.mkdir(parents=True)
    monkeypatch.setattr(residue, "_DEVICE_PLUGINS", folder)
    (folder / "DEPRECATION").touch()
    with socket.socket(socket.AF_UNIX) as kubelet:
        kubelet.bind(str(folder / "kubelet.sock"))
        kubelet.listen()
        residue.tidy(layout)
        assert sorted(path.name for path in folder.iterdir()) == ["DEPRECATION", "kubelet.sock"]
    residue.tidy(layout)
    assert not folder.parent.exists()


def test_a_file_is_replaced_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    assert files.write(path, "a")
    inode = path.stat().st_ino
    assert not files.write(path, "a")
    assert path.stat().st_ino == inode
    assert files.write(path, "b", mode=0o644)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("b", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_led_elsewhere_in_one_step(tmp_path: Path) -> None:
    link = tmp_path / "iptables"
    for target in ("a", "b", "b"):
        files.link(link, tmp_path / target)
        assert link.readlink() == tmp_path / target
    assert list(tmp_path.iterdir()) == [link]


def test_a_socket_at_which_nobody_listens_goes_and_one_in_use_stays(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sockets = tmp_path / "s" / "s"
    sockets.mkdir(parents=True)
    monkeypatch.setattr(residue, "_SHIM_SOCKETS", sockets)
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as living:
        dead.bind(str(sockets / "dead"))
        living.bind(str(sockets / "living"))
        living.listen()
        dead.close()
        residue.tidy(layout)
        assert [path.name for path in sockets.iterdir()] == ["living"]
