"""`make env` and `make status`: what they say, as it looks, and that they provide nothing to say it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from otel_mesh_cli import main as commands
from otel_mesh_cli.stacks.addresses import ADDRESSES, GATEWAY, GATEWAY_TLS
from otel_mesh_cli.stacks.stack_mesh import stack_mesh
from otel_mesh_embedded.node import cluster, env, health
from otel_mesh_embedded.node import status as screen
from otel_mesh_embedded.toolchain import artefacts, building, fetching, golang, hosts, origins, owner, wheels
from otel_mesh_embedded.toolchain.programs import expand

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

NODE = cluster.Status(
    tuple(cluster.ProgramStatus(name, 1000 + number) for number, name in enumerate(cluster.PROGRAMS)),
    is_api_ready=True,
    memory=1 << 30,
)
PODS = [
    screen.Pod("kube-system", "coredns-6d8f7b9c6d-abcde", ready=True, restarts=0, reason="running"),
    screen.Pod("istio-ingress", "ingress-7f6f9d9d5c-z8k2p", ready=False, restarts=12, reason="ContainerCreating"),
    screen.Pod(
        "shop", "payment-service-5f6d7c8b9a-x2v4q", ready=False, restarts=3, reason="CrashLoopBackOff, [terminated]"
    ),
]


def drawn(what: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(what)
    lines = stream.getvalue().splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    return lines


@pytest.mark.parametrize("width", [60, 80, 160])
def test_an_address_stands_apart_from_its_name_and_its_state(width: int) -> None:
    addresses = (*dict.fromkeys([GATEWAY, GATEWAY_TLS, *ADDRESSES]),)
    head, *lines = drawn(screen.address_table((one, "answers") for one in addresses), width)
    assert head.split() == ["address", "url", "says"]
    assert [re.split(r" {2,}", line.strip()) for line in lines] == [
        [one.name, one.page or one.url, "answers"] for one in addresses
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_nothing_of_a_pod_is_cut_off(width: int) -> None:
    lines = drawn(screen.pod_table(PODS, width), width)
    starts = [lines[0].index(title) for title in ("namespace", "pod", "ready", "restarts", "state")]
    rows: list[list[str]] = []
    for line in lines[1:]:
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        if cells[2]:  # a pod begins
            rows.append(cells)
        else:
            rows[-1] = [before + after for before, after in zip(rows[-1], cells, strict=True)]
    assert [[cell.replace(" ", "") for cell in row] for row in rows] == [
        [pod.namespace, pod.name, "yes" if pod.ready else "no", str(pod.restarts), pod.reason.replace(" ", "")]
        for pod in PODS
    ]
    if width >= 80:
        assert all(any(pod.name in line for line in lines) for pod in PODS), "a name can be copied"


@pytest.mark.parametrize("width", [80, 160])
def test_each_program_stands_beside_its_number(width: int) -> None:
    broken = cluster.Status((*NODE.programs, cluster.ProgramStatus("supervisor", None)), is_api_ready=True, memory=0)
    text = "\n".join(drawn(screen.processes(broken), width))
    for program in broken.programs:
        assert f"{program.name} {program.pid or 'MISSING'}" in text


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state of an environment that was up, an empty cache, and nobody who could fill it."""

    def never(*_: object, **__: object) -> Any:  # noqa: ANN401
        raise AssertionError("something is fetched or built")

    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "kubeconfig").write_text("")
    monkeypatch.setenv("OTEL_MESH_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("OTEL_MESH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(origins.SETTING, "official,modules")
    monkeypatch.setattr(building.Job, "run", never)
    for module, name in ((fetching, "fetch"), (wheels, "unpacked"), (hosts, "reachable")):
        monkeypatch.setattr(module, name, never)
    return tmp_path


def build(programs: tuple[str, ...]) -> None:
    """Put something where what is built from modules is kept."""
    go = golang.here()
    assert go is not None
    for name in programs:
        file = artefacts.path(name, owner(name), go)
        file.parent.mkdir(parents=True)
        file.write_text("built")


def test_env_names_programs_that_are_not_here_and_provides_none(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["env"]) == 2
    said = capsys.readouterr()
    number = len(expand(stack_mesh().programs))
    begins = f"otel-mesh: {number} of this checkout's {number} programs are not here (pulumi, "
    assert said.err.startswith(begins)
    assert said.err.endswith(", ...); run `make up`, which provides them\n")
    assert (said.err.count("\n"), said.out) == (1, "")
    assert not (places / "cache").exists()


@pytest.mark.usefixtures("places")
def test_env_gives_the_programs_of_this_checkout_where_all_are_here() -> None:
    programs = expand(stack_mesh().programs)
    build(programs)
    folders = env.settings()["PATH"].split(":")
    (tools,) = [folder for folder in folders if folder.startswith(str(artefacts.tools_dir()))]
    assert sorted(path.name for path in artefacts.tools_dir().joinpath(tools).iterdir()) == sorted(programs)


def test_env_after_an_update_of_the_checkout_names_what_is_new(
    places: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = expand(stack_mesh().programs)
    build(tuple(name for name in programs if name != "coredns"))
    assert commands.main(["env"]) == 2
    told = f"1 of this checkout's {len(programs)} programs are not here (coredns); run `make up`, which provides them"
    assert capsys.readouterr().err == f"otel-mesh: {told}\n"
    assert not (places / "cache" / "tools" / "bin").exists()


def test_without_a_go_nothing_was_built_and_none_is_fetched(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(expand(stack_mesh().programs))
    monkeypatch.setenv("PATH", str(places))
    assert golang.here() is None
    assert commands.main(["env"]) == 2


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("is_built", [True, False])
def test_the_screen_tells_of_the_running_node_whatever_programs_are_here(
    is_built: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if is_built:
        build(expand(stack_mesh().programs))
    monkeypatch.setattr(cluster, "status", lambda: NODE)
    monkeypatch.setattr(screen, "pods", lambda _: PODS)
    monkeypatch.setattr(health, "problems", lambda _: [])
    monkeypatch.setattr(health, "answers", lambda _: health.ANSWERS)
    monkeypatch.setenv("COLUMNS", "80")
    assert commands.main(["status"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("node: running, 1024 MiB in pods and programs ")
    absent = "programs are not here (pulumi, pulumi-language-python-exec, pulumi-language-python, ...); run `make up`"
    assert (absent in said) is not is_built
    assert ("the node runs on those it was started with" in said) is not is_built
    assert said.endswith("healthy: everything is as the last `otel-mesh up` left it")


@pytest.mark.usefixtures("places")
def test_a_stopped_node_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cluster, "status", lambda: cluster.Status((), is_api_ready=False, memory=0))
    assert commands.main(["status"]) == 1
    assert capsys.readouterr().out == "node: stopped; `otel-mesh up` starts it\n"
