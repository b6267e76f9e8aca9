"""The temporary files of the Pulumi CLI, which hold a kubeconfig's keys, after their command ended or was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from otel_mesh_cli.stacks.pulumi_cli import Workspace

KILLED = """
import os, signal, sys
from pathlib import Path
from otel_mesh_cli.stacks.pulumi_cli import Workspace
folder = Path(sys.argv[1])
with Workspace(folder, None, folder, {}).process_environment(folder) as environment:
    Path(environment["TMPDIR"], "kubeconfig1").write_text("key")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_command_left_is_removed_and_what_a_running_one_uses_is_not(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, None, tmp_path, {})
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.glob("tmp-*/kubeconfig1")
    with workspace.process_environment(tmp_path) as environment:
        used = Path(environment["TMPDIR"])
        workspace.remove_abandoned()
        assert not left.parent.exists()
        assert used.is_dir()
        used = used.rename(tmp_path / f"tmp-{os.getpid()}.1-earlier")  # another process had our number
        workspace.remove_abandoned()
        assert not used.exists()
    assert list(tmp_path.iterdir()) == []
