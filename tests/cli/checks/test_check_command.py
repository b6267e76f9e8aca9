"""B5: `otel-mesh check`: what it reads, how it answers, and its exit statuses."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from otel_mesh_cli.core import sarif
from otel_mesh_cli.core.paths import repo_dir
from otel_mesh_cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

GALLERY = repo_dir() / "tests" / "components" / "check" / "gallery"
ERROR = GALLERY / "virtual_service_host_missing.yaml"
WARNING = GALLERY / "permissive_mtls.yaml"
INFO = GALLERY / "service_port_without_protocol.yaml"
CLEAN = GALLERY / "nothing_wrong.yaml"


def check(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(["check", *words])
    told = capsys.readouterr()
    assert told.err == ""
    return status, told.out


@pytest.mark.parametrize(
    ("file", "words", "status"),
    [
        (CLEAN, (), 0),
        (INFO, (), 0),
        (INFO, ("--fail-on", "info"), 1),
        (WARNING, (), 1),
        (WARNING, ("--fail-on", "error"), 0),
        (ERROR, ("--fail-on", "error"), 1),
        (ERROR, ("--fail-on", "never"), 0),
    ],
)
def test_the_exit_status_says_whether_something_serious_was_found(
    file: Path, words: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(capsys, str(file), *words)[0] == status


def test_a_person_reads_object_field_reason_and_remedy_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(GALLERY)
    _, told = check(capsys, ERROR.name)
    assert told == (
        "VirtualService shop/orders\n"
        "  virtual_service_host_missing.yaml:51\n"
        "  error OM101  spec.http[0].route[0].destination.host\n"
        "        Host 'order' is no Service or ServiceEntry that shop sees.\n"
        "        The proxy answers 503 to every request of the route.\n"
        "        Remedy: did you mean 'orders'?\n"
        "\n"
        "4 objects: 1 error\n"
    )


def test_text_stays_within_80_columns(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(GALLERY)
    _, told = check(capsys, *sorted(path.name for path in GALLERY.glob("*.yaml")))
    assert [line for line in told.splitlines() if len(line) > 80] == []


def test_nothing_found_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(capsys, str(CLEAN)) == (0, "8 objects: nothing found\n")


def test_a_program_gets_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = check(capsys, str(ERROR), "--output", "json")
    (finding,) = json.loads(told)["findings"]
    assert status == 1
    assert finding["object"] == {"kind": "VirtualService", "namespace": "shop", "name": "orders"}
    assert (finding["code"], finding["severity"], finding["line"]) == ("OM101", "error", 51)
    assert (finding["path"], finding["file"]) == ("spec.http[0].route[0].destination.host", str(ERROR))
    assert {"message", "why", "remedy"} < finding.keys()


def test_the_line_is_that_of_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    _, told = check(capsys, str(ERROR), "--output", "json")
    (finding,) = json.loads(told)["findings"]
    assert ERROR.read_text().splitlines()[finding["line"] - 1].strip() == "host: order"


def test_sarif_has_the_structure_that_the_standard_requires(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = check(capsys, str(GALLERY), "--output", "sarif")
    log: dict[str, Any] = json.loads(told)
    assert status == 1
    assert (log["version"], log["$schema"]) == ("2.1.0", sarif.SCHEMA)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert ids == sorted(set(ids))
    assert len(run["results"]) > 70
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["message"]["text"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["region"]["startLine"] >= 1
        assert location["physicalLocation"]["artifactLocation"]["uri"].endswith(".yaml")
        assert location["logicalLocations"][0]["fullyQualifiedName"]


def test_standard_input_lists_and_several_documents(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = (
        "# a comment alone\n---\napiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n"
        "- {apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop}}\n---\n"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(listed))
    assert check(capsys, "-") == (0, "2 objects: nothing found\n")


def test_a_folder_is_read_with_all_below_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.yml").write_text(ERROR.read_text())
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nresources: [shop/a.yml]\n")
    (tmp_path / "README.md").write_text("not: [read")
    assert check(capsys, str(tmp_path))[0] == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1\nb: 2\n", "{file}:2: not YAML: did not find expected ',' or ']'; correct the file"),
        ("- a\n", "{file}:1: the document is not a mapping; give every document apiVersion, kind and metadata.name"),
        ("---\na: 1\n", "{file}:2: no kind: not a Kubernetes object; give every document"),
        ("kind: Pod\napiVersion: v1\n", "{file}:1: no metadata.name: not a Kubernetes object; give every document"),
        ("", "{file}: no Kubernetes objects; name files of YAML or JSON with some, or --stack NAME"),
        ("a: !!python/object:os.system {}\n", "{file}:1: not YAML: could not determine a constructor"),
    ],
)
def test_what_is_not_an_object_is_refused_in_one_line(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(content)
    assert main(["check", str(file)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"otel-mesh: {said.format(file=file)}")
    assert (told.err.count("\n"), told.out) == (1, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.yaml",), "nowhere.yaml: No such file or directory; name a file that can be read"),
        (("--stack", "nowhere"), "stack 'nowhere': the checkout has no Pulumi.nowhere.yaml"),
        (
            ("--context", "x", str(CLEAN)),
            "--context: nothing is asked there; add --against-traffic 7d, or leave it out",
        ),
        ((str(CLEAN), "--against-traffic", "soon"), "--against-traffic soon: not a duration"),
        (
            (str(CLEAN), "--against-traffic", "7d", "--output", "sarif"),
            "--output sarif: has no form for calls; use --output json with --against-traffic",
        ),
    ],
)
def test_misuse_is_refused_in_one_line(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"otel-mesh: {said}")
    assert (told.err.count("\n"), told.out) == (1, "")
