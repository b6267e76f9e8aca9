"""Generator of typed Python modules for the .proto files in src/; run by ``make proto`` after a change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "src"


def generate(out: Path) -> list[Path]:
    """Generate the modules and stubs of all .proto files, in the folders of their packages.

    Args:
        out: Root folder of the packages.

    Returns:
        Paths of the generated files.

    Raises:
        subprocess.CalledProcessError: A .proto file is invalid; the compiler reports the position on stderr.
    """
    protos = sorted(str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.proto"))
    kinds = ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")
    words = [f"--proto_path={SOURCE}", *(f"--{kind}={out}" for kind in kinds), *protos]
    # protoc searches PATH for mypy-protobuf's plugins
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *words], env={**os.environ, "PATH": path}, check=True)
    return sorted(path for pattern in ("*_pb2*.py", "*_pb2*.pyi") for path in out.rglob(pattern))


if __name__ == "__main__":
    generate(SOURCE)
