"""Who builds images: docker, podman and buildah, all stand-ins here, or the embedded distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core import embedded
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.choosing import NAMES, choose
from otel_mesh_embedded.entry import ENTRY

if TYPE_CHECKING:
    from otel_mesh_cli.images.choosing import BuilderName
    from tests.cli.images.stand_ins import Programs

NO_DAEMON = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded distribution is not installed."""
    monkeypatch.setattr(embedded, "find", lambda: None)


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded distribution is installed."""
    monkeypatch.setattr(embedded, "find", lambda: ENTRY)


@pytest.mark.usefixtures("alone")
def test_the_first_that_works_is_taken_and_said(programs: Programs) -> None:
    said: list[str] = []
    programs.install("docker", "podman", "buildah")
    assert choose("auto", said.append).name == "docker"
    programs.fails("docker", "version", NO_DAEMON)
    assert choose("auto", said.append).name == "podman"
    programs.fails("podman", "info", "Error: cannot find newuidmap")
    assert choose("auto", said.append).name == "buildah"
    assert said == [
        "images are built with docker",
        f"images are built with podman (docker: {NO_DAEMON})",
        f"images are built with buildah (docker: {NO_DAEMON}; podman: Error: cannot find newuidmap)",
    ]


@pytest.mark.usefixtures("alone")
def test_where_none_works_each_is_named_with_its_reason(programs: Programs) -> None:
    programs.install("docker")
    programs.fails("docker", "version", NO_DAEMON)
    with pytest.raises(CommandError) as caught:
        choose("auto", print)
    assert caught.value.message == (
        f"no program that builds images: docker: {NO_DAEMON}; podman: not on PATH; buildah: not on PATH"
    )
    assert "pip install otel-mesh-embedded" in caught.value.remedy


@pytest.mark.usefixtures("beside")
def test_the_embedded_distribution_is_what_remains(programs: Programs) -> None:
    said: list[str] = []
    programs.install("docker")
    programs.fails("docker", "version", NO_DAEMON)
    assert choose("auto", said.append).name == "embedded"
    assert said == [f"images are built with the embedded distribution (docker: {NO_DAEMON})"]
    programs.works("docker", "version")
    assert choose("auto", said.append).name == "docker"
    assert choose("embedded", said.append).name == "embedded"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", [name for name in NAMES if name != "auto"])
def test_one_that_is_asked_for_is_taken_or_refused(programs: Programs, name: BuilderName) -> None:
    with pytest.raises(CommandError, match=f"^--builder {name}: ") as caught:
        choose(name, print)
    assert "; " in str(caught.value)
    if name != "embedded":
        assert f"{name} is not on PATH" in caught.value.message
        programs.install("docker", "podman", "buildah")
        assert choose(name, print).name == name
        programs.fails(name, "version" if name == "docker" else "info", "something is wrong")
        with pytest.raises(CommandError, match=f"^--builder {name}: something is wrong; .*leave --builder out"):
            choose(name, print)
