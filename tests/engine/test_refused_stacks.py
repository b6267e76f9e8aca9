"""Mistakes are refused before registration: one readable message, a failing exit status, an empty state."""

from __future__ import annotations

import shutil
from itertools import takewhile
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_stack.services import CATALOG
from tests.engine.project import CANARY, Project
from tests.infra.stack_config import PASSWORD_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, new_project: Callable[[Path, str], Project]) -> Project:
    return new_project(tmp_path_factory.mktemp("refused"), "refused")


@pytest.fixture
def project(pristine: Project) -> Iterator[Project]:
    before = pristine.stack_file.read_text()
    pristine.output.clear()
    yield pristine
    pristine.stack_file.write_text(before)


def _refused(project: Project, *command: str, **environment: str) -> list[str]:
    """Runs a command that must be refused; returns the reported mistakes."""
    done = project.run(*(command or ("up", "--yes", "--skip-preview")), check=False, **environment)
    text = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in text
    assert 'File "' not in text
    assert CANARY not in text
    assert [urn for urn in project.resources() if "pulumi:pulumi:Stack" not in urn] == []
    diagnostics = [line.strip() for line in text[text.index("Diagnostics:") :].splitlines()]
    headline = next(place for place, line in enumerate(diagnostics) if line.endswith("nothing was changed"))
    # followed by Pulumi's own message about the failed program
    return list(takewhile(lambda line: not line.startswith("error:"), diagnostics[headline + 1 :]))


def test_all_mistakes_are_reported_together(project: Project) -> None:
    project.configure({"collector.replica": 2, "jaeger.retention": "for ever"})
    assert _refused(project) == [
        "collector.replica: unknown key; did you mean 'replicas'?",
        "jaeger.retention: is not a retention; write hours, days or weeks such as 12h, 7d or 4w",
    ]


def test_a_preview_is_refused_as_well(project: Project) -> None:
    project.configure({"services.api-gatway.replicas": 2})
    assert _refused(project, "preview") == ["services.api-gatway: is not in the catalog; did you mean 'api-gateway'?"]


def test_a_context_missing_from_the_kubeconfig_is_refused(project: Project) -> None:
    project.configure({"cluster.context": "otel-mesh-prod"})
    (mistake,) = _refused(project)
    assert mistake.startswith("cluster.context: no context 'otel-mesh-prod' in ")
    assert mistake.endswith("; did you mean 'otel-mesh-local'?")


def test_missing_prerequisites_are_refused(project: Project) -> None:
    mistakes = _refused(project, OTEL_MESH_IMAGES_FILE="", OTEL_MESH_SECRETS_DIR=f"{project.secrets_dir}/none")
    assert mistakes == [
        (
            "images_from_file: OTEL_MESH_IMAGES_FILE is not set; "
            "set it (`otel-mesh up` writes it, or set images.registry instead)"
        ),
        *(
            f"{name.partition('-')[0]}_password_file: {project.secrets_dir}/none/{name}: No such file or directory; "
            "write the password to it, on one line"
            for name in PASSWORD_FILES
        ),
    ]


def test_conflicting_settings_are_refused(project: Project) -> None:
    project.configure({"scheduling.max_unavailable": 2, "service_defaults.replicas": 2, "jaeger.name": "prometheus"})
    assert _refused(project) == [
        "prometheus.name: 'prometheus' is also the name of jaeger; give each its own name",
    ]
    project.configure({"jaeger.name": "jaeger"})
    assert _refused(project) == [
        (f"services.{name}.scheduling.max_unavailable: lets a drain evict all 2 pods at once; set it below 'replicas'")
        for name in (service.name for service in CATALOG.services)
    ]


def test_mistakes_in_the_catalog_are_reported_like_those_in_settings(
    new_project: Callable[[Path, str], Project], tmp_path: Path
) -> None:
    project = new_project(tmp_path, "catalog")
    program = project.folder / "infra"
    program.unlink()  # a link into the checkout
    shutil.copytree(repo_dir() / "infra", program)
    catalog = program / "otel_mesh_stack" / "services.py"
    right = catalog.read_text()
    wrong = right.replace('"payment-service", "port": 8083', '"payment-service", "port": 83, "call": []')
    assert wrong != right
    catalog.write_text(wrong)
    assert _refused(project) == [
        "catalog.services[3].port: should be at least 1024; raise it",
        "catalog.services[3].call: unknown key; did you mean 'calls'?",
    ]
    catalog.write_text(right.replace('{"service": "user-service"', '{"service": "user-servic"'))
    assert _refused(project, "preview") == [
        "catalog.services[0].calls[0]: 'user-servic' is not in the catalog; did you mean 'user-service'?"
    ]
