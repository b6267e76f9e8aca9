"""A real image registry, Debian's docker-registry, and images of a few bytes for it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml

from otel_mesh_cli.core import child_processes
from otel_mesh_embedded import packages
from tests.programs.ports import free_port

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_S = 90


@contextmanager
def running(folder: Path, *, address: str = "127.0.0.1", **sections: Any) -> Iterator[str]:  # noqa: ANN401
    """Run the registry on a free port and give its ``host:port``.

    Args:
        folder: for its files.
        address: it listens on.
        sections: of its configuration, beside storage and http.
    """
    prefix = packages.ensure(["docker-registry"])
    port = free_port()
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, **sections.pop("storage", {})}
    configuration = {
        "version": "0.1",
        "log": {"level": "warn"},
        "storage": storage,
        "http": {"addr": f"{address}:{port}", **sections.pop("http", {})},
        **sections,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yml").write_text(yaml.safe_dump(configuration, sort_keys=False))
    with (folder / "log").open("w") as log:
        process = child_processes.start(
            [prefix / "usr" / "bin" / "docker-registry", "serve", folder / "config.yml"],
            env={
                name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")
            },  # it reads them
            stdout=log,
            stderr=log,
        )
    try:
        _wait(address, port, process, folder / "log")
        yield f"{address}:{port}"
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def _wait(address: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        else:
            return


def docker_archive(target: Path, layer: bytes | Path | None = None) -> Path:
    """Write an image with one layer as a docker-archive.

    Args:
        target: the file.
        layer: an uncompressed tar archive; by default one with a single small file.
    """
    content = (
        layer.read_bytes() if layer is not None and not isinstance(layer, bytes) else layer or _tar({"hello": b"x"})
    )
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(content).hexdigest()}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "a test"}],
    }
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": ["layer.tar"]}]
    parts = {"config.json": json.dumps(configuration).encode(), "manifest.json": json.dumps(manifest).encode()}
    target.write_bytes(_tar({**parts, "layer.tar": content}))
    return target


def _tar(content: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return stream.getvalue()
