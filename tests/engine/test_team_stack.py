"""C2, B8: a team's stack, with the library as a wheel, joins the platform's stack: examples/team_stack.

The tests of this file share both stacks and run in file order.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core.paths import repo_dir
from tests.engine import wheel_venv
from tests.engine.conftest import CONTEXT
from tests.engine.project import STACK, Project
from tests.engine.stack_program import Engine, StackProgram, Step, counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.engine.api_server import ApiServer

pytestmark = [pytest.mark.engine, pytest.mark.in_order]

PLATFORM = f"organization/otel-mesh/{STACK}"
SUFFIX = "for-teams"
GATEWAY = {"namespace": "istio-ingress", "service": "ingress", "service_account": "ingress"}
COLLECTOR = {"namespace": "observability", "service_account": "otel-collector"}
MESH = {
    "kind": "istio",
    "gateway": GATEWAY,
    "collector": COLLECTOR,
    "version": "1.31.0",
    "trust_domain": "cluster.local",
    "namespace_labels": {"istio.io/rev": "stable"},
    "pod_labels": {"example.com/mesh": "yes"},
}
WORKLOAD = {
    "Namespace mobile",
    "ServiceAccount mobile-api",
    "Deployment mobile-api",
    "Service mobile-api",
    "PodDisruptionBudget mobile-api",
    "ConfigMapPatch mobile-api-rules",
    "ConfigMapPatch mobile-api-dashboards",
}
IN_A_MESH = {
    "AuthorizationPolicy mobile-access-declared-calls-only",
    "AuthorizationPolicy mobile-api-mobile-api-callers",
    "AuthorizationPolicy mobile-mobile-api",
    "VirtualService mobile-api-mobile-api-gateway",
}
# A platform stack in one file: outputs of a platform with a mesh, or with missing and wrong outputs.
OUTPUTS_ONLY = "import json, os, pulumi\nfor n, v in json.loads(os.environ['OUTPUTS']).items(): pulumi.export(n, v)\n"


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory,
    new_project: Callable[[Path, str], Project],
    api_server: ApiServer,
    programs: Path,
) -> Project:
    """The deployed platform stack of this checkout."""
    api_server.collect_garbage(programs / "kube-controller-manager")
    project = new_project(tmp_path_factory.mktemp("platform"), SUFFIX)
    project.up()
    return project


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python environment with the library installed from its wheel only."""
    folder = tmp_path_factory.mktemp("wheel")
    return wheel_venv.make(folder / "venv", wheel_venv.build("components", folder))


def _team(folder: Path, engine: Engine, python: Path, platform: StackProgram, name: str) -> StackProgram:
    shutil.copytree(repo_dir() / "examples" / "team_stack", folder / "project")
    team = StackProgram(folder, engine, ("team-orders", folder / "project"), "dev", shared=platform, python=python)
    team.init()
    for key, value in {"platform": name, "context": CONTEXT, "image": "example.invalid/mobile-api:1.0"}.items():
        team.run("config", "set", key, value)
    return team


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, engine: Engine, python: Path, platform: Project) -> StackProgram:
    return _team(tmp_path_factory.mktemp("team"), engine, python, platform, PLATFORM)


def test_a_preview_plans_the_service_in_its_own_namespace(team: StackProgram) -> None:
    steps = team.preview()
    assert {step.op for step in steps} == {"create", "read"}
    assert _kinds(steps) == WORKLOAD


def _kinds(steps: list[Step]) -> set[str]:
    return {step.place for step in steps if step.type.startswith("kubernetes:")}


def _get(api_server: ApiServer, kubeconfig: Path, *words: str) -> dict[str, Any]:
    done = api_server.kubectl(["get", "--output=json", *words], kubeconfig)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _skip_waiting(team: StackProgram) -> None:
    """Annotates objects with skipAwait: the example waits for its pods, which never start here."""
    program = team.folder / "__main__.py"
    imported = "import pulumi\n"
    ours = "from tests.engine.programs.cluster import wait_for_nothing\nwait_for_nothing()\n"
    program.write_text(program.read_text().replace(imported, imported + ours, 1))
    team.environment["PYTHONPATH"] = str(repo_dir())


def test_the_service_runs_beside_the_platform_services(
    team: StackProgram, platform: Project, api_server: ApiServer, kubeconfig: Path
) -> None:
    _skip_waiting(team)
    steps = team.up()
    assert set(counted(steps)) == {"create"}, steps
    assert _kinds(steps) == WORKLOAD
    deployment = _get(api_server, kubeconfig, "deployment", "mobile-api", "--namespace=mobile")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    variables = {one["name"]: one.get("value") for one in container["env"]}
    outputs = json.loads(platform.run("stack", "output", "--json").stdout)
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == outputs["otlp_endpoint"]
    assert variables["USER_SERVICE_URL"] == f"dns:///user-service.shop-{SUFFIX}.svc.cluster.local:8081"
    attributes = dict(one.split("=", 1) for one in variables["OTEL_RESOURCE_ATTRIBUTES"].split(","))
    assert attributes["service.namespace"] == "shop"
    assert attributes["deployment.environment.name"] == "development"
    keys = _shared_keys(api_server, kubeconfig)
    assert keys == {
        "team-rules": {f"mobile.mobile-api.{name}.rules.yaml" for name in ("calls", "objectives", "mobile")},
        "team-dashboards": {"mobile.mobile-api.mobile.json"},
    }
    assert team.up("--expect-no-changes") == []
    assert platform.run("preview", "--refresh", "--expect-no-changes")
    platform.up()
    assert _shared_keys(api_server, kubeconfig) == keys
    assert platform.preview() == []
    assert any(urn.endswith(f"pulumi:pulumi:StackReference::{PLATFORM}") for urn in team.resources())


def _shared_keys(api_server: ApiServer, kubeconfig: Path) -> dict[str, set[str]]:
    """Keys of the ConfigMaps that teams write to."""
    found = {}
    for name in ("team-rules", "team-dashboards"):
        config_map = _get(api_server, kubeconfig, "configmap", name, f"--namespace=observability-{SUFFIX}")
        found[name] = set(config_map.get("data", {}))
    return found


def test_stacks_are_destroyed_in_reverse_order(
    team: StackProgram, platform: Project, api_server: ApiServer, kubeconfig: Path
) -> None:
    team.run("destroy", "--yes", "--skip-preview")
    _wait_until_gone(api_server, kubeconfig, "mobile")
    assert _shared_keys(api_server, kubeconfig) == {"team-rules": set(), "team-dashboards": set()}
    assert _get(api_server, kubeconfig, "deployment", "api-gateway", f"--namespace=shop-{SUFFIX}")
    platform.run("destroy", "--yes", "--skip-preview")
    _wait_until_gone(api_server, kubeconfig, f"shop-{SUFFIX}")
    assert platform.resources() == team.resources() == []


def _wait_until_gone(api_server: ApiServer, kubeconfig: Path, namespace: str) -> None:
    """Waits for the deletion of a namespace; stacks with skipAwait do not wait for it themselves."""
    done = api_server.kubectl(["wait", "--for=delete", f"namespace/{namespace}", "--timeout=150s"], kubeconfig)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> StackProgram:
    """A platform stack with outputs only."""
    folder = tmp_path_factory.mktemp("exporting")
    project = folder / "project"
    project.mkdir()
    (project / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    (project / "__main__.py").write_text(OUTPUTS_ONLY)
    stack = StackProgram(folder, engine, ("other", project), "test")
    stack.init()
    return stack


@pytest.fixture(scope="module")
def attached(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, python: Path, exporting: StackProgram
) -> StackProgram:
    return _team(tmp_path_factory.mktemp("attached"), engine, python, exporting, "organization/other/test")


def _export(exporting: StackProgram, outputs: dict[str, Any]) -> None:
    exporting.environment["OUTPUTS"] = json.dumps(outputs)
    exporting.up()


CALLERS = [{"namespace": "mobile", "service_account": "mobile-api"}]
ROUTE = {"namespace": "mobile", "service": "mobile-api", "path_prefix": "/mobile"}
TEAMS = {
    "environment": "test",
    "observability": "observability",
    "callers": {"user-service": CALLERS, "order-service": CALLERS},
    "routes": [ROUTE],
}
SERVICES = [
    {"name": "api-gateway", "port": 8080, "exposed": True},
    {"name": "user-service", "port": 8081, "protocol": "grpc"},
    {"name": "order-service", "port": 8082},
]
GOOD = {
    "mesh": MESH,
    "otlp_endpoint": "http://otel-collector.observability.svc.cluster.local:4317",
    "service_urls": {one["name"]: f"http://{one['name']}.shop.svc.cluster.local:80" for one in SERVICES},
    "catalog": {"name": "shop", "services": SERVICES},
    "teams": TEAMS,
}


def test_workloads_join_the_mesh_of_the_platform(exporting: StackProgram, attached: StackProgram) -> None:
    _export(exporting, GOOD)
    assert _kinds(attached.preview()) == WORKLOAD | IN_A_MESH
    planned = {step["newState"]["type"]: step["newState"] for step in attached.plan()}
    namespace = planned["kubernetes:core/v1:Namespace"]["inputs"]
    assert namespace["metadata"]["labels"]["istio.io/rev"] == "stable"
    template = planned["kubernetes:apps/v1:Deployment"]["inputs"]["spec"]["template"]
    assert template["metadata"]["labels"]["example.com/mesh"] == "yes"


def test_the_tests_of_the_stack_pass_with_the_outputs_of_a_real_stack(
    exporting: StackProgram, attached: StackProgram, python: Path
) -> None:
    """B8: the kit in a team's own environment: the library from its wheel, and pytest."""
    told = exporting.run("stack", "output", "--json").stdout
    (attached.folder / "platform.json").write_text(told)
    words: list[str | Path] = [
        python,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--rootdir={attached.folder}",
        "-c",
        os.devnull,
    ]
    done = subprocess.run(words, cwd=attached.folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"mesh": None},
            "mesh: the stack has no such output; run `pulumi up` on the platform's stack",
        ),
        (
            {"mesh": {**MESH, "colour": "red"}, "otlp_endpoint": None},
            (
                "otlp_endpoint: the stack has no such output; run `pulumi up` on the platform's stack; "
                "mesh.colour: unknown key; use the otel-mesh version that the platform was deployed with"
            ),
        ),
        ({"mesh": "istio"}, "mesh: does not have the form of a platform's output; name the platform's stack"),
        (
            {"service_urls": {"user-servce": "http://x", "order-service": "http://x"}},
            "service_urls: has no 'user-service'; did you mean 'user-servce'?",
        ),
        (
            {"teams": {**TEAMS, "callers": {"user-service": CALLERS}}},
            (
                "services.order-service.callers: 'order-service' does not accept 'mobile-api' of namespace 'mobile'; "
                "have the platform's owner add {namespace: mobile, service_account: mobile-api} to it"
            ),
        ),
        (
            {"teams": {**TEAMS, "routes": []}},
            (
                "mesh.team_routes: '/mobile' is not granted to 'mobile-api' of namespace 'mobile'; have the platform's "
                "owner add {namespace: mobile, service: mobile-api, path_prefix: /mobile} to it"
            ),
        ),
        (
            {"teams": {**TEAMS, "routes": [{**ROUTE, "namespace": "web", "service": "web"}]}},
            "mesh.team_routes: '/mobile' is granted to 'web' of namespace 'web'; choose another place",
        ),
        (
            {"catalog": {"name": "shop", "services": [{**SERVICES[0], "path_prefix": "/mobile"}, *SERVICES[1:]]}},
            "mesh.team_routes: '/mobile' is the route of the platform's 'api-gateway'; choose another place",
        ),
        (
            {"mesh": {**MESH, "gateway": None}},
            "mesh.gateway: the platform has no gateway; expose 'mobile-api' by other means",
        ),
    ],
    ids=[
        "missing",
        "two mistakes",
        "another kind",
        "no such service",
        "call not granted",
        "route not granted",
        "another team's route",
        "the platform's route",
        "no gateway",
    ],
)
def test_a_missing_platform_output_is_named_in_one_line(
    exporting: StackProgram, attached: StackProgram, change: dict[str, Any], line: str
) -> None:
    _export(exporting, {name: value for name, value in {**GOOD, **change}.items() if value is not None})
    assert _refusal(attached) == f"error: platform stack 'organization/other/test': {line}"


def test_a_missing_stack_is_named(attached: StackProgram) -> None:
    attached.run("config", "set", "platform", "organization/other/none")
    told = _refusal(attached)
    assert told.startswith("error: platform stack 'organization/other/none': ")
    assert told.endswith("; name a stack of this backend: organization/project/stack")


def _refusal(stack: StackProgram) -> str:
    """The single error line of the program."""
    done = stack.run("preview", check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    (told,) = (line for line in lines if line.startswith("error: platform stack"))
    return told
