"""B5: what `istioctl analyze` finds is found: its analyzers and these checks on the same files, the difference printed.

`istioctl` is not among the built programs. Its analyzers are a package of the module that the control plane is built
from: a small program runs them, with Pods, Services and Secrets taken from the files, which
`istioctl analyze --use-kube=false` leaves out. It is compiled with the modules that `make up` has fetched for istiod.
"""

# ruff: noqa: T201 -- the difference is printed

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_mesh import check_objects
from otel_mesh.check.findings import CODES
from otel_mesh_embedded.toolchain import golang
from otel_mesh_embedded.toolchain.programs import MODULES, TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
GALLERY = sorted((HERE.parent / "components" / "check" / "gallery").glob("*.yaml"))
MAPPED = {one for code in CODES.values() for one in code.istioctl}
Message = tuple[str, str]
"""Code, and kind and name of the object."""

EXPLAINED = {
    "IST0102": "a namespace of Linkerd, or one whose pods' own policies are reported instead (OM802)",
    "IST0106": "the object's schema: the API server's part",
    "IST0133": "the object's schema: the API server's part",
    "IST0127": "only Pods count there, not Deployments",
    "IST0131": "beside IST0130 for the same rule",
    "IST0132": "beside a gateway that does not exist",
    "IST0161": "a rendered Secret with placeholders",
}
"""Codes that may be absent from our findings of a file of the gallery, and why."""


@pytest.fixture(scope="module")
def analyze(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Iterable[Path]], dict[str, list[Message]]]:
    """Run the analyzers on files."""
    folder = tmp_path_factory.mktemp("analyze")
    found = golang.find()
    if not list((found.caches()["GOMODCACHE"] / "istio.io").glob("istio@*/pkg/config/analysis")):
        pytest.skip("Istio's module is not here: the built programs were imported")
    shutil.copy(HERE / "analyze" / "main.go", folder)
    for name in ("go.mod", "go.sum"):
        shutil.copy(MODULES / "istio" / name, folder)
    flags = [f"-tags={','.join(TAGS)}", *golang.COMPILER_FLAGS, f"-ldflags={' '.join(golang.LINKER_FLAGS)}"]
    command = [str(found.command), "build", *flags, "-o", "analyze", "."]
    subprocess.run(command, cwd=folder, env=found.environment(folder), check=True, timeout=900)

    def run(files: Iterable[Path]) -> dict[str, list[Message]]:
        command = [str(folder / "analyze"), *map(str, files)]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
        answers: list[dict[str, Any]] = [json.loads(line) for line in told.splitlines() if line.startswith('{"error"')]
        return {one["file"]: sorted({_message(each) for each in one["messages"]}) for one in answers}

    return run


def _message(given: dict[str, str]) -> Message:
    kind, _, name = given["origin"].partition(" ")
    return given["code"], f"{kind} {name.rpartition('/')[2]}"


def ours(file: Path) -> set[Message]:
    """Our findings by the codes of `istioctl`."""
    documents = [one for one in yaml.safe_load_all(file.read_text()) if isinstance(one, dict)]
    findings = check_objects(documents)
    return {(code, f"{one.object.kind} {one.object.name}") for one in findings for code in one.code.istioctl}


def test_all_that_istio_s_analyzers_find_in_the_gallery_is_found(
    analyze: Callable[[Iterable[Path]], dict[str, list[Message]]],
) -> None:
    answers = analyze(GALLERY)
    assert len(answers) == len(GALLERY)
    missing, common = [], 0
    for file in GALLERY:
        mine = ours(file)
        common += len(mine & set(answers[file.name]))
        for code, where in sorted(set(answers[file.name]) - mine):
            print(f"{file.stem}: istioctl alone: {code} {where}: {EXPLAINED.get(code, 'NOT EXPLAINED')}")
            missing += [(file.stem, code, where)] if code not in EXPLAINED else []
        for code, where in sorted(mine - set(answers[file.name])):
            print(f"{file.stem}: here alone: {code} {where}")
    print(f"{common} messages in common")
    assert missing == []
    assert common > 40


def test_istio_s_own_test_data_differ_in_few_messages(
    analyze: Callable[[Iterable[Path]], dict[str, list[Message]]],
) -> None:
    """Read where the module is; the files are not part of this project."""
    modules = golang.find().caches()["GOMODCACHE"] / "istio.io"
    pinned = next(
        line.split("istio.io/istio ")[1].split()[0]
        for line in (MODULES / "istio" / "go.mod").read_text().splitlines()
        if "istio.io/istio v" in line
    )
    files = sorted((modules / f"istio@{pinned}" / "pkg/config/analysis/analyzers/testdata").glob("*.yaml"))
    common: dict[str, int] = {}
    missing: dict[str, int] = {}
    answers = analyze(files)
    for file in files:
        mine = ours(file)
        for code, where in answers[file.name]:
            if code not in MAPPED:
                continue
            counts = common if (code, where) in mine else missing
            counts[code] = counts.get(code, 0) + 1
            if counts is missing:
                print(f"{file.stem}: istioctl alone: {code} {where}")
    print(f"in common: {common}")
    assert len(files) > 90
    assert sum(missing.values()) < 0.2 * sum(common.values())
    assert set(missing) - set(common) <= {"IST0157"}  # a provider without a name; an empty list switches tracing off
