"""The command `otel-mesh`. Exit status 2 on anything a person has to mend."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from otel_mesh_cli.clusters import Request
    from otel_mesh_cli.oncall.options import Question

_EXIT_REFUSED = 2
_EXIT_INTERRUPTED = 130


_WIDE = 160
"""Columns of what is piped or logged, where no terminal says how many there are: a trace through a mesh needs 120."""


def _console() -> Console:
    sized = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if sized else _WIDE)


def _up(arguments: argparse.Namespace) -> int:
    if _is_elsewhere(arguments):
        from otel_mesh_cli import clusters

        clusters.run(_request(arguments), _console())
        return 0
    from otel_mesh_embedded.environment import up

    up.run(_console())
    return 0


def _down(arguments: argparse.Namespace) -> int:
    if _is_elsewhere(arguments):
        words = f"STACK={arguments.stack} CONTEXT={arguments.context or '...'} ARGS=destroy"
        raise CommandError(
            f"stack {arguments.stack}: `make down` stops the embedded environment only and keeps its data",
            remedy=f"take away what runs elsewhere, with its data, by `make pulumi {words}`",
        )
    from otel_mesh_embedded.environment import purge
    from otel_mesh_embedded.node import cluster

    if arguments.purge:
        purge.run()
    else:
        cluster.stop()
    return 0


def _is_elsewhere(arguments: argparse.Namespace) -> bool:
    """Whether a command is about another cluster than the embedded one."""
    return arguments.stack != "local" or bool(arguments.context)


def _request(arguments: argparse.Namespace) -> Request:
    from otel_mesh_cli import clusters

    given = {
        name: getattr(arguments, name, None) for name in ("context", "registry", "images", "base_image", "builder")
    }
    return clusters.Request(arguments.stack, **{name: value for name, value in given.items() if value})


def _rotate(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.core.steps import Steps
    from otel_mesh_embedded.environment import rotation

    rotation.run(arguments.kinds, Steps(_console()))
    return 0


def _status(_: argparse.Namespace) -> int:
    from otel_mesh_embedded.environment import status

    answer = status.answer()
    answer.show(_console())
    return answer.exit_code


def _env(_: argparse.Namespace) -> int:
    from otel_mesh_embedded.environment import env

    print(env.export_lines(env.settings()))
    return 0


def _smoke(_: argparse.Namespace) -> int:
    from otel_mesh_cli.smoke import demonstration
    from otel_mesh_embedded.environment import health

    health.require_running()
    demonstration.show(health.checked(), _console())
    return 0


def _toolchain(arguments: argparse.Namespace) -> int:
    from otel_mesh_embedded import toolchain

    if arguments.export or arguments.import_:
        from otel_mesh_embedded.toolchain import carrying

        if arguments.export:
            print(f"{arguments.export}: {carrying.export(arguments.export, arguments.names or ['all'])} programs")
        else:
            print(f"{arguments.import_}: {carrying.import_(arguments.import_)} programs that were not here before")
        return 0
    if not arguments.list:
        programs = toolchain.choices(arguments.names or ["all"])
        for line in toolchain.summary(programs):
            print(f"toolchain: {line}", file=sys.stderr)
        print(toolchain.link(programs))
        return 0
    for build in toolchain.BUILDS:
        print(f"{build.version:38} {' '.join(build.programs)}")
    for group, members in toolchain.GROUPS.items():
        print(f"group {group}: {' '.join(members)}")
    return 0


def _images(arguments: argparse.Namespace) -> int:
    from otel_mesh_embedded import images

    for name, reference in images.ensure(arguments.names or None, refresh=arguments.refresh).items():
        print(name, reference)
    return 0


def _leftovers(_: argparse.Namespace) -> int:
    from otel_mesh_embedded.node import cluster

    for leftover in cluster.leftovers():
        print(leftover)
    return 0


def _pulumi(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.core import embedded, secrets
    from otel_mesh_cli.stacks import definitions, stack_file

    words = [word for word in arguments.words if word != "--"]
    if _is_elsewhere(arguments):
        from otel_mesh_cli import clusters

        request = _request(arguments)
        request.settings()
        return definitions.call(clusters.workspace(request), arguments.stack, words)
    stack_file.settings(arguments.stack)
    secrets.ensure()
    return definitions.call(embedded.local().workspace(), arguments.stack, words)


def _preview(arguments: argparse.Namespace) -> int:
    if arguments.stack == "local" or arguments.context:
        arguments.words = ["preview", "--diff"]
        return _pulumi(arguments)
    from otel_mesh_cli.stacks import preview

    print(preview.show(arguments.stack))
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.stacks import render

    print(render.run(arguments.stack, arguments.out))
    return 0


def _trace(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.oncall import options, sources, trace
    from otel_mesh_cli.oncall.log_store import LogStore
    from otel_mesh_cli.stacks.addresses import JAEGER, LOGS

    trace_id = options.trace_id(arguments.id)
    with sources.client() as http:
        trace.show(_console(), sources.Jaeger(http, JAEGER), LogStore(http, LOGS), trace_id)
    return 0


def _slow(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.oncall import slow, sources
    from otel_mesh_cli.stacks.addresses import JAEGER
    from otel_mesh_stack.services import CATALOG

    if not arguments.service:
        arguments.service = next((one.name for one in CATALOG.services if one.exposed), CATALOG.services[0].name)
    with sources.client() as http:
        slow.show(_console(), sources.Jaeger(http, JAEGER), _question(arguments))
    return 0


def _errors(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.oncall import failing, sources
    from otel_mesh_cli.stacks.addresses import JAEGER

    with sources.client() as http:
        failing.show(_console(), sources.Jaeger(http, JAEGER), _question(arguments))
    return 0


def _question(arguments: argparse.Namespace) -> Question:
    from otel_mesh_cli.oncall import options

    route = getattr(arguments, "route", "")
    return options.Question(options.window(arguments.since), options.limit(arguments.limit), arguments.service, route)


def _map(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli.oncall import options, service_map, sources
    from otel_mesh_cli.stacks.addresses import PROMETHEUS
    from otel_mesh_cli.stacks.stack_mesh import stack_mesh
    from otel_mesh_stack.services import CATALOG

    window = options.window(arguments.since)
    entrances = (stack_mesh().gateway,) if stack_mesh().installed else ()
    with sources.client() as http:
        found = service_map.observed(sources.Prometheus(http, PROMETHEUS), window.text)
    service_map.show(_console(), service_map.compared(found, CATALOG, entrances), window)
    return 0


def _compose(arguments: argparse.Namespace) -> int:
    from otel_mesh_cli import compose

    print(compose.run(arguments.out))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, action, text in (
        ("status", _status, "one screen: node, pods, addresses, stack"),
        ("env", _env, "shell settings"),
        ("smoke", _smoke, "one request and one order, their traces and counts"),
        ("leftovers", _leftovers, "what of the node runs or stands outside its folders; nothing when it is down"),
    ):
        commands.add_parser(name, help=text).set_defaults(action=action)
    _add_on_call(commands)
    target = _target()
    up = commands.add_parser("up", help="bring an environment up; the embedded one shows a trace", parents=[target])
    up.add_argument("--registry", help="host and path of the registry that another cluster pulls from")
    up.add_argument("--images", choices=("public", "local"), help="what upstream publishes, or everything made here")
    up.add_argument("--base-image", help="what the services are built on for another cluster")
    builders = ("auto", "docker", "podman", "buildah", "embedded")
    up.add_argument("--builder", choices=builders, help="what builds the services' images for another cluster")
    up.set_defaults(action=_up)
    down = commands.add_parser("down", help="stop everything; the data stays", parents=[target])
    down.add_argument("--purge", action="store_true", help="remove the data too: all but the cache of programs")
    down.set_defaults(action=_down)
    renewal = commands.add_parser("rotate", help="renew certificates and keys; the pods go on, the data stays")
    renewal.add_argument("kinds", nargs="*", help="certificates (default), authorities, tokens, encryption, passwords")
    renewal.set_defaults(action=_rotate)
    tools = commands.add_parser("toolchain", help="build the programs that are missing and print where they are")
    tools.add_argument("names", nargs="*", help="programs or groups (default: all)")
    tools.add_argument("--list", action="store_true", help="list programs with their versions, and groups")
    carried = tools.add_mutually_exclusive_group()
    carried.add_argument("--export", type=Path, metavar="FILE", help="write them into one file, for another machine")
    carried.add_argument("--import", dest="import_", type=Path, metavar="FILE", help="take them from such a file")
    tools.set_defaults(action=_toolchain)
    pictures = commands.add_parser("images", help="make the images that are missing and print their references")
    pictures.add_argument("names", nargs="*", help="images (default: all that the stack runs)")
    pictures.add_argument("--refresh", action="store_true", help="make the bases again from the newest packages")
    pictures.set_defaults(action=_images)
    plan = commands.add_parser(
        "preview", help="what a stack would change, or makes where no cluster is", parents=[target]
    )
    plan.set_defaults(action=_preview)
    written = commands.add_parser(
        "render", help="write a stack's objects as files, without any secret", parents=[target]
    )
    written.add_argument("--out", required=True, help="the folder that is made, or was made by this command before")
    written.set_defaults(action=_render)
    docker = commands.add_parser(
        "compose", help="write the stack as a Docker Compose project, for a machine with Docker"
    )
    docker.add_argument("--out", required=True, help="the folder that is made, or was made by this command before")
    docker.set_defaults(action=_compose)
    engine = commands.add_parser("pulumi", help="run the Pulumi CLI on a stack of this checkout", parents=[target])
    engine.add_argument("words", nargs=argparse.REMAINDER, help="-- and the CLI's arguments")
    engine.set_defaults(action=_pulumi)
    return top


def _add_on_call(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands of a person on call; what they are given is checked by them, so that the words are the same."""
    since = argparse.ArgumentParser(add_help=False)
    since.add_argument("--since", default="15m", help="how far back, e.g. 2h")
    which = argparse.ArgumentParser(add_help=False, parents=[since])
    which.add_argument("--service", default="", help="that the traces went through")
    which.add_argument("--limit", default="10", help="how many at most")
    one = commands.add_parser("trace", help="one trace with its logs")
    one.add_argument("--id", default="", help="32 hexadecimal digits, or a traceparent")
    one.set_defaults(action=_trace)
    slow = commands.add_parser("slow", help="the slowest requests, and where their time went", parents=[which])
    slow.add_argument("--route", default="", help="of the service, with or without its method")
    slow.set_defaults(action=_slow)
    commands.add_parser("errors", help="failing traces by what failed first", parents=[which]).set_defaults(
        action=_errors
    )
    commands.add_parser("map", help="who called whom, beside the catalogue", parents=[since]).set_defaults(action=_map)


def _target() -> argparse.ArgumentParser:
    """Which environment a command is about."""
    target = argparse.ArgumentParser(add_help=False)
    target.add_argument("--stack", default="local", help="of this checkout; `local` is the embedded environment")
    target.add_argument("--context", help="of the kubeconfig, in place of the one that the stack's file names")
    return target


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    arguments = parser().parse_args(words)
    try:
        status: int = arguments.action(arguments)
    except CommandError as error:
        print(f"otel-mesh: {error}", file=sys.stderr)
        return _EXIT_REFUSED
    except ValueError as error:
        from otel_mesh.core.errors import InvalidSettingsError

        if not isinstance(error, InvalidSettingsError):
            raise
        print(f"otel-mesh: {error}", file=sys.stderr)  # the catalogue, which many commands read
        return _EXIT_REFUSED
    except OSError as error:  # a full disk, a folder that cannot be written
        place = f"{error.filename}: " if error.filename else ""
        print(f"otel-mesh: {place}{error.strerror or error}; mend that and run it again", file=sys.stderr)
        return _EXIT_REFUSED
    except KeyboardInterrupt:
        print("otel-mesh: interrupted; the next `make up` goes on from here", file=sys.stderr)
        return _EXIT_INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
