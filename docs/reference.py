"""Builds the API reference from docstrings, and refuses to where something public has none.

python -m docs.reference            into dist/docs
python -m docs.reference --check    only looks
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pdoc
import pulumi
from pdoc import doc

from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGES: Final = ("otel_mesh", "otel_mesh_telemetry")
_TELEMETRY_MODULES: Final = tuple(
    f"otel_mesh_telemetry.{name}"
    for name in ("http_client", "postgres", "redis", "grpc_channel", "grpc_client", "grpc_server", "testing")
)


def undocumented(module: doc.Module) -> Iterator[str]:
    """Full names of the public classes, functions and own members of a module without a docstring."""
    if not module.docstring:
        yield module.fullname
    for member in module.members.values():
        if member.name.startswith("_"):
            continue
        if not inspect.getdoc(member.obj) and not member.docstring:
            yield member.fullname
        if isinstance(member, doc.Class):
            yield from _members(member)


def _members(owner: doc.Class) -> Iterator[str]:
    """Methods and properties; fields are explained by the class's own docstring."""
    explained = "\n".join(base.__doc__ or "" for base in owner.obj.__mro__)
    for one in owner.own_members:
        if one.name.startswith("_") or one.docstring:
            continue
        if isinstance(one, doc.Variable) and re.search(rf"\b{one.name}\b[\w, ]*:", explained):
            continue
        if one.name in {"model_config", "model_post_init"}:
            continue
        yield one.fullname


def main() -> None:
    """Checks, then writes the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--out", type=Path, default=repo_dir() / "dist" / "docs", help="folder (default: dist/docs)")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", r"Error parsing type annotation .* for pulumi\.")  # inherited, not ours
    names = [*PACKAGES, *_TELEMETRY_MODULES]
    for name in PACKAGES:
        package = importlib.import_module(name)
        for public in package.__all__:  # imported lazily: pdoc looks for what is there already
            setattr(package, public, getattr(package, public))
    for name, module in sys.modules.items():
        if name.startswith("otel_mesh."):
            # pulumi.Input[...] holds the text "Output[T]", which pdoc looks up where the annotation stands
            vars(module).setdefault("Output", pulumi.Output)
            vars(module).setdefault("T", pulumi.output.T)
    modules = [doc.Module.from_name(name) for name in names]
    missing = [name for module in modules for name in undocumented(module)]
    if missing:
        print(f"docs: no docstring: {', '.join(missing)}; write one", file=sys.stderr)
        sys.exit(2)
    if arguments.check:
        return
    pdoc.render.configure(docformat="google", footer_text="otel-mesh, Apache-2.0")
    pdoc.pdoc(*names, output_directory=arguments.out)
    print(f"docs: {arguments.out / 'index.html'}")


if __name__ == "__main__":
    main()
