"""Previews and rendered files without a cluster, on the real engine and provider."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh.core import versions
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir, repo_dir
from otel_mesh_cli.stacks import preview, pulumi_cli, render, rendering
from otel_mesh_embedded.toolchain import charts
from tests.engine.project import CANARY
from tests.infra.stack_config import PASSWORD_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.built import Built


pytestmark = pytest.mark.engine


def _run(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs our command without kubeconfig, state and secrets, except for one unreadable secret file."""
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    for name in PASSWORD_FILES:
        (home / "secrets" / name).write_text(CANARY)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OTEL_MESH_CACHE": str(cache_dir()),
        "OTEL_MESH_STATE": str(home / "state"),
        "OTEL_MESH_SECRETS_DIR": str(home / "secrets"),
        "KUBECONFIG": str(home / "no-kubeconfig"),
        **more,
    }
    return subprocess.run(
        [sys.executable, "-m", "otel_mesh_cli", *words],
        cwd=repo_dir(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Stack ``local``, which has a Secret, rendered twice."""
    home = tmp_path_factory.mktemp("rendered")
    folders = home / "one", home / "two"
    for folder in folders:
        done = _run(home / "home", "render", "--stack", "local", "--out", str(folder))
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert done.stdout.endswith(f"files below {folder}\n")
    assert not (home / "home" / "state").exists()
    return folders


def test_rendering_is_reproducible_byte_for_byte(rendered: tuple[Path, Path]) -> None:
    one, two = (_files(folder) for folder in rendered)
    assert len(one) > 30
    assert one == two


def test_secrets_are_rendered_as_marked_placeholders(rendered: tuple[Path, Path]) -> None:
    found = _files(rendered[0])
    assert not [name for name, content in found.items() if CANARY.encode() in content]
    stores = ("postgres-credentials", "postgres-credentials-migrations", "postgres-credentials-services")
    for name in (*stores, "redis-credentials"):
        secret = yaml.safe_load(found[f"shop/secret-{name}.yaml"])
        assert secret["metadata"]["annotations"]["otel-mesh.dev/placeholder"] == "true"
        assert set(secret["data"]) == {"password"}
    assert "secret" not in " ".join(yaml.safe_load(found[render.INDEX])["resources"])


def test_kubectl_reads_the_rendered_files(rendered: tuple[Path, Path], programs: Path) -> None:
    done = subprocess.run(
        [programs / "kubectl", "kustomize", rendered[0]], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = list(yaml.safe_load_all(done.stdout))
    left_out = [name for name in _files(rendered[0]) if name == render.INDEX or "/secret-" in name]
    assert len(found) == len(_files(rendered[0])) - len(left_out)


def test_only_previously_rendered_files_are_replaced(rendered: tuple[Path, Path], tmp_path: Path) -> None:
    again = tmp_path / "again"
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
    assert render.write("local", [namespace], again) == 2
    assert render.write("local", [{**namespace, "metadata": {"name": "b"}}], again) == 2
    assert set(_files(again)) == {"_cluster/namespace-b.yaml", render.INDEX}
    assert [path.name for path in tmp_path.iterdir()] == ["again"]
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("theirs")
    done = _run(tmp_path / "home", "render", "--stack", "local", "--out", str(tmp_path / "theirs"))
    assert done.returncode == 2
    assert done.stderr == (
        f"otel-mesh: --out {tmp_path}/theirs: holds files that `otel-mesh render` did not write; name another folder\n"
    )
    assert (tmp_path / "theirs" / "file").read_text() == "theirs"
    assert rendered[0].exists()


def test_a_production_preview_needs_no_cluster_and_names_skipped_checks(tmp_path: Path, built: Built) -> None:
    folder = built.charts()  # the repository of the pinned charts is not reachable by the tests
    done = _run(tmp_path, "preview", "--stack", "prod", OTEL_MESH_CHARTS_DIR=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    assert CANARY not in text
    assert "\x1b" not in text
    assert "PriorityClass          otel-mesh-serving" in text
    assert "3 pods, cpu 250m memory 192Mi to 512Mi, priority otel-mesh-serving" in text
    assert "100Gi of class ssd" in text
    for chart in ("base", "cni", "istiod"):
        told = f"warning: chart {chart}: {folder} has version {charts.version()}, the settings pin"
        assert f"{told} {versions.ISTIO}" in text
    unchecked = text[text.index("Without a cluster and without secrets") :]
    for expected in (
        "what exists already and so what would change: otel-mesh preview --stack prod --context NAME",
        "placeholder.invalid/api-gateway:0.1.0",
        "Secret shop/postgres-credentials",
        "Secret shop/postgres-credentials-migrations",
        "Secret shop/postgres-credentials-services",
        "Secret shop/redis-credentials",
        "Secret istio-ingress/gateway-certificate",
        "Secret observability/registry-credentials",
        "StorageClass ssd",
        f"variable of the shell: OTEL_MESH_CHARTS_DIR={folder}",
    ):
        assert expected in unchecked
    assert "PriorityClass" not in unchecked  # the stack creates its own
    assert not (tmp_path / "state").exists()


def test_files_rendered_from_other_charts_say_so(tmp_path: Path, built: Built) -> None:
    folder = built.charts()
    out = tmp_path / "rendered"
    done = _run(tmp_path, "render", "--stack", "dev", "--out", str(out), OTEL_MESH_CHARTS_DIR=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    *told, last = done.stdout.splitlines()
    warnings = [one for one in told if "warning: chart " in one]
    assert len(warnings) == 3
    assert all(f"has version {charts.version()}, the settings pin" in warning for warning in warnings)
    assert last.endswith(f"files below {out}")


def test_an_unreachable_chart_repository_is_named_with_the_workaround() -> None:
    nowhere = {"mesh": {"kind": "istio", "istio": {"chart_repository": "http://127.0.0.1:9"}}}
    with rendering.of("dev", nowhere) as made, pytest.raises(CommandError) as refused:
        made.plan()
    assert "http://127.0.0.1:9" in str(refused.value)
    assert f"{pulumi_cli.CHARTS_DIR} to a folder" in str(refused.value)


def test_unreachable_definitions_are_named_with_the_workaround(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: Built
) -> None:
    for chart in charts.CHARTS:  # and no definitions
        (tmp_path / chart).symlink_to(built.charts() / chart)
    monkeypatch.setenv(pulumi_cli.CHARTS_DIR, str(tmp_path))
    nowhere = {"mesh": {"kind": "istio", "istio": {"gateway_api": {"files": "http://127.0.0.1:9"}}}}
    with rendering.of("dev", nowhere) as made, pytest.raises(CommandError) as refused:
        made.plan()
    assert "http://127.0.0.1:9/v" in str(refused.value)
    assert f"{pulumi_cli.CHARTS_DIR} to a folder" in str(refused.value)


def test_all_mistakes_are_reported_together_and_readably() -> None:
    changes = {"colector": {}, "jaeger": {"retention": "long"}}
    with rendering.of("prod", changes) as made, pytest.raises(CommandError) as refused:
        made.plan()
    assert str(refused.value).split("\n") == [
        "settings of stack 'prod': 2 mistakes, nothing was changed",
        "  jaeger.retention: is not a retention; write hours, days or weeks such as 12h, 7d or 4w",
        "  colector: unknown key; did you mean 'collector'?",
        "  all of it in Pulumi.prod.yaml; fix it there",
    ]


def test_an_unknown_stack_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        CommandError, match="stack 'prd': the checkout has no Pulumi.prd.yaml; use one of dev, local, prod"
    ):
        preview.answer("prd")
    assert capsys.readouterr().out == ""
