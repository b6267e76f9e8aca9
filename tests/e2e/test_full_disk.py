"""A full disk under a running environment: the error names it, and the environment recovers once space is free.

The environment of this test has its state on a small disk of its own, so the machine's disk never fills.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_mesh_embedded.node.machine import preflight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import CompletedProcess

pytestmark = [pytest.mark.e2e, pytest.mark.full]

_MORE_THAN_NEEDED = 2 * 1024**3
_ROOM_OF_THE_FILE_SYSTEM = 64 * 1024**2  # where it notes what it gives away; less than the reserve


@pytest.fixture
def small_disk(run: Callable[..., CompletedProcess[str]], tmp_path: Path) -> Iterator[Path]:
    """A disk with just enough space for an environment; the usual environment is down in the meantime."""
    assert run("make", "down").returncode == 0
    image = tmp_path / "disk"
    with image.open("wb") as stream:
        stream.truncate(preflight.DISK_NEEDED + _MORE_THAN_NEEDED)
    place = Path("/run/otel-mesh-full")  # short: sockets lie below
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, place], check=True)
    try:
        yield place
    finally:
        stopped = run("make", "down", env={"OTEL_MESH_STATE": str(place / "state")})
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()
        image.unlink()
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr
        done = run("make", "up")
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_full_disk_is_named_and_freed_space_restores_service(
    run: Callable[..., CompletedProcess[str]], small_disk: Path
) -> None:
    state = small_disk / "state"
    own = {"OTEL_MESH_STATE": str(state), "KUBECONFIG": str(state / "kubeconfig")}

    def sql(text: str) -> str:
        psql = 'PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") exec psql --no-password -At -U shop -d user_service -c "$1"'
        words = ("exec", "-n", "shop", "statefulset/postgres", "--", "sh", "-c", psql, "sh", text)
        done = run("kubectl", *words, env=own)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    up = run("make", "up", env=own, timeout=900)
    assert up.returncode == 0, up.stdout + up.stderr
    sql("create table note as select 'kept' as value")

    filler = state / "volumes" / "filler"
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(small_disk).free - _ROOM_OF_THE_FILE_SYSTEM)
    assert shutil.disk_usage(small_disk).free < preflight.DISK_RESERVE
    run("kubectl", "create", "configmap", "filling", "-n", "shop", f"--from-literal=x={'x' * 100_000}", env=own)
    time.sleep(10)  # for what breaks on a full disk to break

    refused = run("make", "-s", "up", env=own)
    assert refused.returncode == 2
    line = next(line for line in refused.stderr.splitlines() if line.startswith("otel-mesh: "))
    assert f"disk of {state}: full (" in line
    assert "free space there, then run `otel-mesh up`" in line
    assert "Traceback" not in refused.stderr
    status = run("make", "-s", "status", env=own)
    assert status.returncode != 0
    assert f"disk of {state}: full (" in status.stdout.replace("\n", " ")

    filler.unlink()
    done = run("make", "up", env=own, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sql("select value from note") == "kept"
    assert run("make", "down", "PURGE=1", env=own).returncode == 0
    assert not state.exists()
