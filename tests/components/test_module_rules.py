"""Rules of the code's structure."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import TYPE_CHECKING

import otel_mesh
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIBRARY = repo_dir() / "components" / "otel_mesh"
STACK = repo_dir() / "infra" / "otel_mesh_stack"
SOURCES = [*LIBRARY.rglob("*.py"), *STACK.rglob("*.py"), repo_dir() / "infra" / "__main__.py"]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _module(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)


def _holding(pattern: str) -> set[str]:
    return {path.name for path in SOURCES if re.search(pattern, path.read_text())}


def test_no_component_imports_another() -> None:
    components = {path for path in LIBRARY.rglob("*.py") if re.search(r"\(Component\):", path.read_text())}
    assert len(components) >= 9
    for path in components:
        others = {_module(other) for other in components - {path}}
        assert not others & set(_imports(path)), path.name


def test_only_the_settings_module_reads_the_configuration() -> None:
    assert _holding(r"pulumi\.Config\(") == {"settings.py"}
    assert _holding(r"os\.environ") == {"settings.py", "kubeconfig.py", "images.py", "places.py"}


def test_stacks_differ_in_data_only() -> None:
    assert _holding(r"get_stack\(\)") == {"settings.py", "refusal.py"}  # for their messages
    assert not _holding(r"get_stack\(\) *(==|in)")


def test_no_module_imports_all_of_pulumi_kubernetes() -> None:
    for path in SOURCES:
        assert not {name for name in _imports(path) if name == "pulumi_kubernetes"}, path.name


def test_only_the_program_connects_components() -> None:
    assert (repo_dir() / "infra" / "__main__.py").read_text().count("import ") == 1
    wiring = {path.name for path in STACK.rglob("*.py") if _components_imported(path)}
    assert wiring == {
        "alerting.py",
        "deploy.py",
        "exposure.py",
        "gateways.py",
        "mesh.py",
        "network.py",
        "observability.py",
        "stores.py",
        "traffic.py",
        "workloads.py",
    }


def _components_imported(path: Path) -> set[str]:
    public = {name: getattr(otel_mesh, name) for name in _names(path, "otel_mesh")}
    return {name for name, one in public.items() if _is_component(one)}


def _names(path: Path, module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield from (alias.name for alias in node.names)


def test_the_stack_uses_public_names_of_the_library_only() -> None:
    for path in STACK.rglob("*.py"):
        assert not {name for name in _imports(path) if name.startswith("otel_mesh.")}, path.name
    used = {name for path in STACK.rglob("*.py") for name in _names(path, "otel_mesh")}
    assert used - set(otel_mesh.__all__) == set()


def test_every_component_has_one_pure_function_of_the_same_signature() -> None:
    """`jaeger_manifests(args: JaegerArgs, settings: JaegerSettings) -> list[Manifest]` beside `Jaeger`.

    Or in a module whose name begins with that of the component's module.
    """
    without = {
        "TelemetryAccess",
        "TelemetrySenders",
        "TelemetryEgress",
        "AccessControl",
        "EgressControl",
        "ExposedBackends",
        "NetworkAccess",
        "GatewayRoute",
        "SharedFiles",
        "ContributedFiles",
    }
    others = {
        "ServiceTraffic": "TrafficPolicy",  # a policy is what it applies
        "GatewayApiGateway": "IngressGatewaySettings",  # every gateway has the same
    }
    charts = {"Istio", "Linkerd", *without}  # install charts; have no settings
    for name in otel_mesh.__all__:
        one = getattr(otel_mesh, name)
        if not _is_component(one) or name in charts:
            continue
        module = importlib.import_module(one.__module__)
        (function,) = (made for key, made in vars(module).items() if _makes_manifests(key, made, module.__name__))
        args, settings = inspect.signature(function).parameters.values()
        assert (args.name.lstrip("_"), args.annotation) == ("args", f"{name}Args"), name
        model = others.get(name, f"{name}Settings")
        assert (settings.name, settings.annotation) == ("settings", model), name
        assert inspect.signature(function).return_annotation == "list[Manifest]", name


def _is_component(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, otel_mesh.Component) and one is not otel_mesh.Component


def _makes_manifests(name: str, one: object, module: str) -> bool:
    return name.endswith("_manifests") and inspect.isfunction(one) and one.__module__.startswith(module)


def test_only_mesh_modules_check_the_kind_of_the_mesh() -> None:
    """Differences between meshes are fields of `MeshBinding`; a stack asks its settings what to install."""
    asking = re.compile(r"(mesh|binding)\.kind\b|\bkind [!=]= \"(istio|linkerd|none)\"")
    found = {path.relative_to(repo_dir()) for path in SOURCES if asking.search(path.read_text())}
    mesh, stack = LIBRARY.relative_to(repo_dir()) / "mesh", STACK.relative_to(repo_dir())
    assert found <= {
        mesh / "binding.py",
        mesh / "control" / "renderers.py",
        stack / "mesh.py",
        stack / "mesh_settings.py",
    }


_SECTION = re.compile(r"^(?:Attributes|Args|Raises):\n((?: .*\n?|\n)+)", re.MULTILINE)
_ENTRY = re.compile(r"^ {4}(\w+): (\S+)", re.MULTILINE)


def test_entries_of_docstrings_stand_alone() -> None:
    """`port: Port the service listens on.`, not `port: that it listens on.`"""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            for section in _SECTION.findall(ast.get_docstring(node) or ""):
                found += [(path.name, node.name, name, word) for name, word in _ENTRY.findall(section)]
    assert len(found) > 400
    assert [one for one in found if one[-1][0].islower()] == []
