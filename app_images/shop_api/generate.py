"""Makes the Python of the .proto files below src/, with types: ``make proto``, after one of them has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "src"


def generate(out: Path) -> list[Path]:
    """Write modules and stubs of all .proto files below a folder, each where its package belongs; their paths.

    Raises:
        subprocess.CalledProcessError: a file is not right; the compiler has said on stderr where.
    """
    protos = sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.proto"))
    kinds = ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")
    words = [f"--proto_path={SOURCE}", *(f"--{kind}={out}" for kind in kinds), *protos]
    # protoc finds mypy-protobuf's plugins on PATH
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *words], env={**os.environ, "PATH": path}, check=True)
    return sorted(path for pattern in ("*_pb2*.py", "*_pb2*.pyi") for path in out.rglob(pattern))


if __name__ == "__main__":
    generate(SOURCE)
