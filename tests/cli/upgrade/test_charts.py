"""Where the charts of a version come from."""

from __future__ import annotations

import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import yaml

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks.pulumi_cli import CHARTS_DIR
from otel_mesh_cli.upgrade import charts
from otel_mesh_cli.upgrade.meshes import MESHES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISTIO, LINKERD = MESHES["istio"], MESHES["linkerd"]
VERSION = "9.9.9"


def make(folder: Path, version: str = VERSION) -> Path:
    """A folder of charts."""
    for name in ISTIO.charts:
        (folder / name).mkdir(parents=True)
        (folder / name / "Chart.yaml").write_text(yaml.safe_dump({"name": name, "version": version}))
        (folder / name / "values.yaml").write_text(yaml.safe_dump({"_internal_defaults_do_not_set": {"of": name}}))
    return folder


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """URL of a chart repository with one version."""
    made, served = make(tmp_path / "made"), tmp_path / "served"
    served.mkdir()
    entries = {}
    for name in ISTIO.charts:
        with tarfile.open(served / f"{name}-{VERSION}.tgz", "w:gz") as packed:
            packed.add(made / name, name)
        entries[name] = [{"version": "1.0.0", "urls": []}, {"version": VERSION, "urls": [f"{name}-{VERSION}.tgz"]}]
    (served / "index.yaml").write_text(yaml.safe_dump({"entries": entries}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_charts_come_from_the_repository(repository: str, tmp_path: Path) -> None:
    found = charts.folder(ISTIO, VERSION, repository, "", tmp_path / "scratch")
    assert charts.defaults(found, "istiod") == {"of": "istiod"}


def test_a_given_folder_and_the_shells_need_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(tmp_path / "mine")
    assert charts.folder(ISTIO, VERSION, "", str(folder), tmp_path) == folder
    monkeypatch.setenv(CHARTS_DIR, str(folder))
    assert charts.folder(ISTIO, VERSION, "", "", tmp_path) == folder


@pytest.mark.parametrize(
    ("version", "url", "said"),
    [
        ("9.9.8", "", "chart base: http://127.0.0.1:"),
        (VERSION, "http://127.0.0.1:9", "charts 9.9.9: http://127.0.0.1:9: "),
        (VERSION, "oci://registry.example.com/istio", "charts 9.9.9: oci://registry.example.com/istio is not fetched"),
    ],
)
def test_charts_out_of_reach_are_refused_in_one_line(  # noqa: PLR0913, PLR0917 - parameters and fixtures
    version: str, url: str, said: str, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "charts", lambda: None)
    monkeypatch.delenv(CHARTS_DIR, raising=False)
    with pytest.raises(CommandError) as refused:
        charts.folder(ISTIO, version, url or repository, "", tmp_path)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert refused.value.remedy.startswith("name a folder of the new version's charts with --charts")


@pytest.mark.parametrize(("version", "said"), [("9.9.8", "has version 9.9.8, not 9.9.9"), (None, "no chart there")])
def test_a_given_folder_with_something_else_is_refused(version: str | None, said: str, tmp_path: Path) -> None:
    folder = tmp_path if version is None else make(tmp_path / "mine", version)
    with pytest.raises(CommandError, match=said):
        charts.folder(ISTIO, VERSION, "", str(folder), tmp_path)


def test_linkerds_charts_are_those_of_its_release(tmp_path: Path) -> None:
    version = LINKERD.chart_version("edge-26.7.2")
    assert version == "2026.7.2"
    for name in LINKERD.charts:
        (tmp_path / name).mkdir()
        (tmp_path / name / "Chart.yaml").write_text(yaml.safe_dump({"name": name, "version": version}))
    assert charts.folder(LINKERD, version, "", str(tmp_path), tmp_path / "scratch") == tmp_path
    with pytest.raises(CommandError, match="linkerd-crds: has version 2026.7.2, not 2026.7.3"):
        charts.folder(LINKERD, "2026.7.3", "", str(tmp_path), tmp_path / "scratch")
