"""What goes with a stack, and whether others would lose something by it."""

from __future__ import annotations

import json
import stat
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import definitions, pulumi_cli, stack_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STACK = "test"
GROUP = "networking.istio.io"


def definition(kind: str, plural: str, **fields: object) -> dict[str, Any]:
    name = f"{plural}.{GROUP}"
    inputs = {"metadata": {"name": name}, "spec": {"group": GROUP, "names": {"kind": kind, "plural": plural}}}
    return {
        "urn": f"urn:{name}",
        "type": "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        "id": name,
        "inputs": inputs,
        **fields,
    }


def own(kind: str, place: str) -> dict[str, Any]:
    return {"urn": f"urn:{kind}:{place}", "type": f"kubernetes:{GROUP}/v1:{kind}", "id": place, "inputs": {}}


def written(*places: str) -> list[dict[str, Any]]:
    pairs = (place.rpartition("/") for place in places)
    return [{"metadata": {"name": name, **({"namespace": space} if space else {})}} for space, _, name in pairs]


GATEWAYS = definition("Gateway", "gateways")
ROUTES = definition("VirtualService", "virtualservices")


def test_a_state_says_which_definitions_go_with_it() -> None:
    staying = definition("Gateway", "gateways", retainOnDelete=True)
    resources = [staying, ROUTES, own("Gateway", "istio-ingress/ingress")]
    assert (definitions.deletable(resources), definitions.retained(resources)) == ([ROUTES], [staying])


def test_an_object_is_foreign_unless_the_state_has_it_by_kind_and_place() -> None:
    resources = [GATEWAYS, own("Gateway", "a/one"), own("VirtualService", "a/two"), own("Gateway", "wide")]
    found = definitions.foreign(GATEWAYS, written("a/one", "a/two", "b/one", "wide"), resources)
    assert found == ["Gateway a/two", "Gateway b/one"]


def test_the_classes_that_istiod_makes_itself_are_nobody_s_and_those_of_others_are() -> None:
    classes = definition("GatewayClass", "gatewayclasses")
    own_class = {"metadata": {"name": "istio-remote"}, "spec": {"controllerName": "istio.io/unmanaged-gateway"}}
    theirs = {"metadata": {"name": "theirs"}, "spec": {"controllerName": "istio.io/gateway-controller"}}
    other = {"metadata": {"name": "istio-like"}, "spec": {"controllerName": "example.com/controller"}}
    found = definitions.foreign(classes, [own_class, theirs, other], [classes])
    assert found == ["GatewayClass theirs", "GatewayClass istio-like"]


@pytest.fixture
def workspace(tmp_path: Path) -> pulumi_cli.Workspace:
    (tmp_path / "project").mkdir()
    settings = {"config": {stack_file.SETTINGS: {"cluster": {"context": "theirs"}}}}
    (tmp_path / "project" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(settings))
    return pulumi_cli.Workspace(tmp_path, tmp_path / "backend", tmp_path / "logs", {})


@pytest.fixture
def programs(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder with a kubectl and a pulumi that answer what they are given, and note what they were asked."""

    def make(objects: dict[str, Any], steps: list[dict[str, str]]) -> Path:
        tools = tmp_path / "tools"
        tools.mkdir()
        for name, answers in (("kubectl", objects), ("pulumi", {"preview": {"steps": steps}})):
            (tools / f"{name}.json").write_text(json.dumps(answers))
            program = tools / name
            program.write_text(
                "#!/usr/bin/env python3\n"
                "import json, pathlib, sys\n"
                "here = pathlib.Path(__file__)\n"
                "with here.with_suffix('.log').open('a') as log: log.write(' '.join(sys.argv[1:]) + '\\n')\n"
                "answers = json.loads(here.with_suffix('.json').read_text())\n"
                "for word in sys.argv:\n"
                "    if word in answers: print(json.dumps(answers[word]))\n"
            )
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return tools

    return make


def test_what_others_wrote_is_named_before_anything_is_done(
    workspace: pulumi_cli.Workspace, programs: Callable[..., Path]
) -> None:
    theirs = written("istio-ingress/ingress", "team/a", "team/b", "team/c", "team/d")
    tools = programs({f"gateways.{GROUP}": {"items": theirs}}, [])
    resources = [GATEWAYS, ROUTES, own("Gateway", "istio-ingress/ingress")]
    with pytest.raises(CommandError) as refused:
        definitions.refuse_loss(workspace, STACK, tools, resources, destroys=True)
    assert str(refused.value) == (
        "stack test: its CustomResourceDefinitions would be deleted (mesh.istio.crds: delete), and with them "
        "objects of others: "
        "Gateway team/a, Gateway team/b, Gateway team/c and 1 more; nothing was done; "
        "have their owners delete those first, or set mesh.istio.crds to keep and run `otel-mesh up --stack test` "
        "before"
    )
    asked = (tools / "kubectl.log").read_text().splitlines()
    assert all(line.startswith("--context=theirs ") and "--all-namespaces" in line for line in asked)
    assert not (tools / "pulumi.log").exists()


def test_nobody_is_asked_where_every_definition_stays(
    workspace: pulumi_cli.Workspace, programs: Callable[..., Path]
) -> None:
    tools = programs({}, [])
    definitions.refuse_loss(workspace, STACK, tools, [{**GATEWAYS, "retainOnDelete": True}], destroys=True)
    definitions.refuse_loss(workspace, STACK, tools, [], destroys=False)
    assert not list(tools.glob("*.log"))


def test_an_update_is_refused_only_for_definitions_that_it_deletes(
    workspace: pulumi_cli.Workspace, programs: Callable[..., Path]
) -> None:
    theirs = {"items": written("team/a")}
    plan = [{"op": "delete", "urn": ROUTES["urn"]}, {"op": "same", "urn": GATEWAYS["urn"]}]
    tools = programs({f"gateways.{GROUP}": theirs}, plan)
    definitions.refuse_loss(workspace, STACK, tools, [GATEWAYS, ROUTES], destroys=False)
    (tools / "kubectl.json").write_text(json.dumps({f"virtualservices.{GROUP}": theirs}))
    with pytest.raises(CommandError, match="VirtualService team/a; nothing was done"):
        definitions.refuse_loss(workspace, STACK, tools, [GATEWAYS, ROUTES], destroys=False)


def test_after_a_destroy_it_says_what_stayed_and_how_it_goes(
    workspace: pulumi_cli.Workspace,
    programs: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tools = programs({}, [])
    file = workspace.state_file(STACK)
    assert file is not None
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": [{**GATEWAYS, "retainOnDelete": True}]}}}))

    def destroy(*_: object) -> int:
        file.write_text(json.dumps({"checkpoint": {"latest": {"resources": []}}}))
        return 0

    monkeypatch.setattr(embedded, "programs", lambda: SimpleNamespace(folder=lambda _: tools))
    monkeypatch.setattr(pulumi_cli, "ensure_stack", lambda *_: workspace.project)
    monkeypatch.setattr(pulumi_cli, "call", destroy)
    assert definitions.call(workspace, STACK, ["destroy", "--yes"]) == 0
    assert capsys.readouterr().out == (
        "1 CustomResourceDefinitions stay in the cluster with all objects of their kinds; "
        f"to delete them: kubectl --context theirs delete crd gateways.{GROUP}\n"
    )
