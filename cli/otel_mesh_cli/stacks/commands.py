"""The commands about a whole stack: ``up``, ``down``, ``status``, ``env``, ``preview``, ``render`` and ``pulumi``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from otel_mesh_cli.core import embedded, options
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.output import Answer, Output, OutputOption, console, give
from otel_mesh_cli.images.choosing import BuilderName

if TYPE_CHECKING:
    from otel_mesh_cli.clusters import Request

Registry = Annotated[
    str | None,
    typer.Option(
        help="Host and path of the registry that another cluster pulls from; kind, k3d and minikube need none.",
        show_default=False,
    ),
]
Images = Annotated[
    Literal["public", "local"],
    typer.Option(help="Another cluster's images: what upstream publishes, or everything made here."),
]
BaseImage = Annotated[
    str | None,
    typer.Option(help="Base of the services' images for another cluster.", show_default=False),
]
Builder = Annotated[
    BuilderName,
    typer.Option(help="Builder of the services' images for another cluster; `auto` takes the first that works."),
]


def up(  # noqa: PLR0913, PLR0917 -- one argument for each option
    stack: options.Stack = options.LOCAL,
    context: options.Context = None,
    registry: Registry = None,
    images: Images = "public",
    base_image: BaseImage = None,
    builder: Builder = "auto",
) -> None:
    """Bring a stack up: the embedded environment, which ends with a trace, or another cluster."""
    if not options.is_elsewhere(stack, context):
        embedded.local().up(console())
        return
    from otel_mesh_cli import clusters

    clusters.run(clusters.Request(stack, context, registry, images, base_image, builder), console())


def down(
    stack: options.Stack = options.LOCAL,
    context: options.Context = None,
    purge: Annotated[bool, typer.Option("--purge", help="Remove the data too, all but the cache of programs.")] = False,
) -> None:
    """Stop the embedded environment; its data stays."""
    if options.is_elsewhere(stack, context):
        raise CommandError(
            f"stack {stack}: `otel-mesh down` stops the embedded environment only",
            remedy="remove what runs elsewhere, with its data, by "
            f"`otel-mesh pulumi --stack {stack} --context {context or 'NAME'} -- destroy`",
        )
    embedded.local().down(print, purge=purge)


def status(output: OutputOption = Output.TEXT) -> None:
    """Show node, pods, addresses and stack of the embedded environment on one screen."""
    give(embedded.local().status(), output)


def env(output: OutputOption = Output.TEXT) -> None:
    """Print shell settings for work on the embedded environment by hand; none is a secret."""
    values = embedded.local().env()
    from otel_mesh_cli.stacks.shell import export_lines

    give(Answer(dict(values), lambda _: print(export_lines(values))), output)


def preview(
    stack: options.Stack = options.LOCAL, context: options.Context = None, output: OutputOption = Output.TEXT
) -> None:
    """Tell what an update would change; for another stack without a context, all that it makes, without a cluster."""
    if not options.is_elsewhere(stack, context) or context:
        words = ["preview", "--diff", *(["--json"] if output is Output.JSON else [])]
        raise typer.Exit(_pulumi(stack, context, words))
    from otel_mesh_cli.stacks import preview as previews

    give(previews.answer(stack), output)


def render(out: options.Out = "", stack: options.Stack = options.LOCAL, output: OutputOption = Output.TEXT) -> None:
    """Write a stack's objects as files, the same to the byte every time, without a secret."""
    from otel_mesh_cli.stacks import render as rendered

    give(rendered.answer(stack, out), output)


def pulumi(
    words: Annotated[list[str], typer.Argument(help="Words of the Pulumi CLI.", show_default=False)],
    stack: options.Stack = options.LOCAL,
    context: options.Context = None,
) -> None:
    """Run the Pulumi CLI on a stack, with its state, plugins and passphrase found."""
    raise typer.Exit(_pulumi(stack, context, words))


def _pulumi(stack: str, context: str | None, words: list[str]) -> int:
    from otel_mesh_cli.stacks import definitions, stack_file

    if options.is_elsewhere(stack, context):
        from otel_mesh_cli import clusters

        request: Request = clusters.Request(stack, context)
        request.settings()
        return definitions.call(clusters.workspace(request), stack, words)
    from otel_mesh_cli.core import secrets

    stack_file.settings(stack)
    workspace = embedded.local().workspace()
    secrets.ensure()
    return definitions.call(workspace, stack, words)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    cluster = "otel-mesh {} --stack dev --context my-cluster"
    app.command(
        epilog=f"Example: {cluster.format('up')} --registry registry.example.com/shop",
    )(up)
    app.command(epilog="Example: otel-mesh down --purge")(down)
    app.command(epilog="Example: otel-mesh status --output json")(status)
    app.command(epilog='Example: eval "$(otel-mesh env)"')(env)
    app.command(epilog=f"Example: {cluster.format('preview')}")(preview)
    app.command(epilog="Example: otel-mesh render --stack prod --out rendered")(render)
    app.command(
        epilog=f"Example: {cluster.format('pulumi')} -- destroy",
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )(pulumi)
