"""The commands `otel-mesh canary status|advance|rollback`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.options import LOCAL, Context, PrometheusUrl, Stack, up_command
from otel_mesh_cli.core.output import Answer, Output, OutputOption, give

app = typer.Typer(
    help="A canary in reviewed stages: its gate, the next stage, and back.",
    epilog="Example: otel-mesh canary status user-service --stack dev",
)

Service = Annotated[str, typer.Argument(help="Name of the service.", show_default=False)]


@app.command(epilog="Example: otel-mesh canary status user-service --stack dev")
def status(
    service: Service,
    stack: Stack = LOCAL,
    context: Context = None,
    prometheus_url: PrometheusUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Compare the canary with the version beside it; ends with 1 if the next stage may not follow."""
    from otel_mesh_cli.canary import stages
    from otel_mesh_cli.canary.judging import Outcome
    from otel_mesh_cli.oncall.sources import Target, sources

    with sources(Target(stack, context, prometheus_url=prometheus_url)) as found:
        answer = stages.status(stack, service, found)
    code = 0 if answer.outcome is Outcome.PASSED else 1
    give(Answer(asdict(answer), lambda console: stages.show(console, answer), code), output)


@app.command(epilog="Example: otel-mesh canary advance user-service --stack dev")
def advance(
    service: Service, stack: Stack = LOCAL, context: Context = None, prometheus_url: PrometheusUrl = None
) -> None:
    """Write the next stage into the stack's file if the gate allows it; the next update applies it."""
    from otel_mesh_cli.canary import stages
    from otel_mesh_cli.core.output import console
    from otel_mesh_cli.oncall.sources import Target, sources

    with sources(Target(stack, context, prometheus_url=prometheus_url)) as found:
        answer = stages.status(stack, service, found)
    if answer.next_stage is None:
        remedy = f"make {answer.canary_version} the version of the service, and remove the canary"
        raise CommandError(f"{service}: no stage follows {answer.stage} %", remedy=remedy)
    if not answer.is_ready:
        stages.show(console(), answer)
        raise typer.Exit(1)
    print(stages.move(stack, service, answer.next_stage))
    print(f"Commit it, have it reviewed, then: {up_command(stack)}")


@app.command(epilog="Example: otel-mesh canary rollback user-service --stack dev")
def rollback(service: Service, stack: Stack = LOCAL) -> None:
    """Write weight 0 into the stack's file; the next update takes all requests away from the canary."""
    from otel_mesh_cli.canary import stages

    print(stages.move(stack, service, 0))
    print(f"Apply it: {up_command(stack)}")


def add_to(parent: typer.Typer) -> None:
    """Add the commands to the application."""
    parent.add_typer(app, name="canary")
