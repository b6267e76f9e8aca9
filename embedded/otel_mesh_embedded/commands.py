"""The commands `otel-mesh node ...`: the single-node Kubernetes of this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.output import Answer, Output, OutputOption, console, give

app = typer.Typer(help="The single-node Kubernetes of this machine: its programs, images, keys and leftovers.")

images = typer.Typer(help="Images of the node: its own, and those made elsewhere.")
app.add_typer(images, name="images")

_PROGRAM_NAMES = typer.Argument(help="Programs or groups of programs (default: all).", show_default=False)


@app.command(epilog="Examples: otel-mesh node toolchain --list; otel-mesh node toolchain kubectl")
def toolchain(
    names: Annotated[list[str] | None, _PROGRAM_NAMES] = None,
    list_: Annotated[bool, typer.Option("--list", help="List programs with their versions, and groups.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the built programs into one file, for another machine.", show_default=False),
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="Take programs from such a file.", show_default=False)
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Get the programs that are missing and print the folder that holds them."""
    if export and import_:
        raise CommandError("--export and --import: exclude each other", remedy="leave out one of them")
    if export:
        from otel_mesh_embedded.toolchain import carrying

        number = carrying.export(export, names or ["all"])
        give(Answer({"file": export, "programs": number}, lambda _: print(f"{export}: {number} programs")), output)
    elif import_:
        from otel_mesh_embedded.toolchain import carrying

        number = carrying.import_(import_)
        text = f"{import_}: {number} programs that were not here before"
        give(Answer({"file": import_, "new_programs": number}, lambda _: print(text)), output)
    else:
        give(_programs() if list_ else _folder(names or ["all"]), output)


def _programs() -> Answer:
    from otel_mesh_embedded import toolchain as tools

    lines = [f"{build.version:38} {' '.join(build.programs)}" for build in tools.BUILDS]
    lines += [f"group {group}: {' '.join(members)}" for group, members in tools.GROUPS.items()]
    versions = {program: build.version for build in tools.BUILDS for program in build.programs}
    data = {"programs": versions, "groups": {group: list(members) for group, members in tools.GROUPS.items()}}
    return Answer(data, lambda _: print("\n".join(lines)))


def _folder(names: list[str]) -> Answer:
    from otel_mesh_embedded import toolchain as tools

    chosen = tools.choices(names)
    for line in tools.summary(chosen):
        print(f"toolchain: {line}", file=sys.stderr)
    folder = tools.link(chosen)
    programs = {one.name: {"origin": one.origin, "version": one.version, "file": one.file} for one in chosen}
    return Answer({"folder": folder, "programs": programs}, lambda _: print(folder))


@images.command(epilog="Example: otel-mesh node images build --refresh")
def build(
    names: Annotated[
        list[str] | None, typer.Argument(help="Images (default: all that stack local runs).", show_default=False)
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Make the bases again from the newest packages.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Make the images that are missing and print their references."""
    from otel_mesh_embedded import images as made

    references = made.make(names or None, refresh=refresh)
    lines = [f"{name} {reference}" for name, reference in references.items()]
    give(Answer(references, lambda _: print("\n".join(lines))), output)


@images.command(epilog="Example: otel-mesh node images load linkerd-images/")
def load(
    paths: Annotated[
        list[Path],
        typer.Argument(help="Archives of `docker save`, OCI archives, OCI layouts, or folders with archives."),
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the only image, if its file says none.", show_default=False)
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Load images made elsewhere into the running node and print their names and digests."""
    from dataclasses import asdict

    from otel_mesh_embedded.environment import health
    from otel_mesh_embedded.images import loading
    from otel_mesh_embedded.node.node import assemble

    health.require_running()
    node = assemble(built=False)
    loaded = loading.load(node.ctr, paths, lambda text: print(f"images: {text}", file=sys.stderr, flush=True), name)
    lines = [f"{one.name} {one.digest}" for one in loaded]
    give(Answer([asdict(one) for one in loaded], lambda _: print("\n".join(lines))), output)


@app.command(epilog="Example: otel-mesh node leftovers")
def leftovers(output: OutputOption = Output.TEXT) -> None:
    """List processes, mounts, network devices and cgroups of the node; none are there when it is down."""
    from otel_mesh_embedded.node import cluster

    found = cluster.leftovers()
    give(Answer(found, lambda _: print("\n".join(found), end="\n" if found else "")), output)


@app.command(epilog="Example: otel-mesh node rotate authorities passwords")
def rotate(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help="certificates (default), authorities, tokens, encryption, passwords.", show_default=False),
    ] = None,
) -> None:
    """Renew certificates and keys; pods go on and the data stays."""
    from otel_mesh_cli.core.steps import Steps
    from otel_mesh_embedded.environment import rotation

    rotation.run(kinds or [], Steps(console()))
