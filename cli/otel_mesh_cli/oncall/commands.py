"""The on-call commands: ``trace``, ``slow``, ``errors``, ``alerts`` and ``map``.

With ``--output json`` each prints the dataclass that answers it, field by field: `otel_mesh_cli.oncall.trace.Trace`,
`otel_mesh_cli.oncall.slow.SlowRequests`, `otel_mesh_cli.oncall.failures.Failures`,
`otel_mesh_cli.oncall.alerts.Alerts` and
`otel_mesh_cli.oncall.service_map.ServiceMap`. Fields are added in later versions, never renamed or removed.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from otel_mesh_cli.core.options import LOCAL, Context, PrometheusUrl, Stack
from otel_mesh_cli.core.output import Answer, Output, OutputOption, give
from otel_mesh_cli.oncall import alerts, failures, options, service_map, slow
from otel_mesh_cli.oncall import trace as one_trace
from otel_mesh_cli.oncall.options import Question
from otel_mesh_cli.oncall.sources import Target, sources

JaegerUrl = Annotated[
    str | None, typer.Option(help="Base URL of Jaeger's query API, in place of the stack's.", show_default=False)
]
LogsUrl = Annotated[
    str | None, typer.Option(help="Base URL of VictoriaLogs' API, in place of the stack's.", show_default=False)
]
Since = Annotated[str, typer.Option(help="How far to look back, e.g. 2h.")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="Number of results at most.")]


def trace(  # noqa: PLR0913, PLR0917 -- options of a command
    trace_id: Annotated[str, typer.Argument(help="32 hexadecimal digits, or a traceparent.", show_default=False)] = "",
    stack: Stack = LOCAL,
    context: Context = None,
    jaeger_url: JaegerUrl = None,
    logs_url: LogsUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show one trace with its log lines."""
    asked = options.trace_id(trace_id)
    with sources(Target(stack, context, jaeger_url=jaeger_url, logs_url=logs_url)) as found:
        answer = one_trace.ask(found, asked)
    give(Answer(asdict(answer), lambda console: one_trace.show(console, answer)), output)


def slow_(  # noqa: PLR0913, PLR0917 -- options of a command
    service: Annotated[
        str, typer.Option(help="Service that served the requests; by default the exposed one.", show_default=False)
    ] = "",
    route: Annotated[
        str, typer.Option(help="Route of the service, with or without its method.", show_default=False)
    ] = "",
    since: Since = "15m",
    limit: Limit = 10,
    stack: Stack = LOCAL,
    context: Context = None,
    jaeger_url: JaegerUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the slowest requests and the hop where their time went."""
    question = Question(options.window(since), limit, service, route)
    target = Target(stack, context, jaeger_url=jaeger_url)
    with sources(target) as found:
        answer = slow.ask(found, question)
    give(Answer(asdict(answer), lambda console: slow.show(console, answer, target.flags)), output)


def errors(  # noqa: PLR0913, PLR0917 -- options of a command
    service: Annotated[
        str, typer.Option(help="Service that the traces went through; by default any.", show_default=False)
    ] = "",
    since: Since = "15m",
    limit: Limit = 10,
    stack: Stack = LOCAL,
    context: Context = None,
    jaeger_url: JaegerUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List failed traces by what failed first."""
    question = Question(options.window(since), limit, service)
    target = Target(stack, context, jaeger_url=jaeger_url)
    with sources(target) as found:
        answer = failures.ask(found, question)
    give(Answer(asdict(answer), lambda console: failures.show(console, answer, target.flags)), output)


def alerts_(
    stack: Stack = LOCAL,
    context: Context = None,
    prometheus_url: PrometheusUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the alerts that fire now."""
    with sources(Target(stack, context, prometheus_url=prometheus_url)) as found:
        answer = alerts.ask(found)
    give(Answer(asdict(answer), lambda console: alerts.show(console, answer)), output)


def map_(
    since: Since = "15m",
    stack: Stack = LOCAL,
    context: Context = None,
    prometheus_url: PrometheusUrl = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show who called whom, compared with the catalog."""
    window = options.window(since)
    with sources(Target(stack, context, prometheus_url=prometheus_url)) as found:
        answer = service_map.ask(found, window)
    give(Answer(asdict(answer), lambda console: service_map.show(console, answer)), output)


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("trace", epilog="Example: otel-mesh trace 4bf92f3577b34da6a3ce929d0e0e4736 --stack dev")(trace)
    app.command("slow", epilog="Example: otel-mesh slow --service order-service --since 2h --stack dev")(slow_)
    app.command("errors", epilog="Example: otel-mesh errors --since 1h --stack dev")(errors)
    app.command("alerts", epilog="Example: otel-mesh alerts --stack dev")(alerts_)
    app.command("map", epilog="Example: otel-mesh map --since 1h --stack dev")(map_)
