"""Arguments for docker, podman and buildah, and what is made of their answers; all of them are stand-ins here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images.programs import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

    from otel_mesh_cli.images.program import ImageProgram
    from tests.cli.images.stand_ins import Programs

IMAGE = "r.example/shop/api:1"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@pytest.fixture(params=PROGRAMS, ids=lambda kind: kind.name)
def program(request: pytest.FixtureRequest, programs: Programs) -> ImageProgram:
    kind: type[ImageProgram] = request.param
    programs.install(kind.name)
    return kind(str(programs.path / kind.name))


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    return folder


def build(program: ImageProgram, context: Path, reference: str = IMAGE) -> None:
    program.build(context, reference, {"SERVICE": "api"}, context.parent / "log")


def test_what_is_built_can_be_pushed_pulled_and_saved(
    program: ImageProgram, context: Path, programs: Programs, tmp_path: Path
) -> None:
    assert program.trouble() is None
    assert not program.has(IMAGE)
    assert not program.exists(IMAGE)
    assert program.pull(IMAGE) is None
    build(program, context)
    assert "STEP" in (tmp_path / "log").read_text()
    assert program.has(IMAGE)
    digest = program.push(IMAGE)
    assert DIGEST.fullmatch(digest)
    assert programs.get("registry") == {IMAGE: digest}
    assert program.exists(IMAGE)
    assert program.published(IMAGE) == digest, "whatever digest the program's own storage names"
    assert program.published("r.example/shop/api:2") is None
    program.save(IMAGE, tmp_path / "image.tar")
    assert (tmp_path / "image.tar").read_text().startswith(f"{IMAGE} sha256:")


def test_the_digest_of_an_image_from_elsewhere_is_the_registry_s(program: ImageProgram, programs: Programs) -> None:
    digest = f"sha256:{'1' * 64}"
    programs.set("registry", {IMAGE: digest})
    assert program.pull(IMAGE) == digest
    assert program.published(IMAGE) == digest


def test_build_arguments_are_given_and_nothing_secret_is(
    program: ImageProgram, context: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "canary")
    build(program, context)
    (words,) = programs.calls(program.name, "build")
    assert "--build-arg=SERVICE=api" in words
    assert words[-1] == str(context)
    assert not any("canary" in word for call in programs.calls(program.name) for word in call)


def test_plain_http_is_allowed_on_the_loopback_only(program: ImageProgram, context: Path, programs: Programs) -> None:
    for reference in ("127.0.0.1:5000/shop/api:1", IMAGE):
        build(program, context, reference)
        program.push(reference)
        assert program.exists(reference)
        program.pull(reference)
    for verb in ("pull", "push"):
        for words in programs.calls(program.name, verb):
            insecure = "127.0.0.1:5000/shop/api:1" in words and program.name != "docker"  # whose daemon knows loopback
            assert ("--tls-verify=false" in words) == insecure, words


@pytest.mark.parametrize(
    ("message", "reason", "remedy"),
    [
        ("denied: requested access to the resource is denied", "refused", "log in with `{name} login r.example`"),
        ("unauthorized: authentication required", "refused", "log in with `{name} login r.example`"),
        ("write /var/lib/x: no space left on device", "the disk is full", "{name}"),
        ('Get "https://r.example/v2/": dial tcp: lookup r.example: no such host', "is unreachable", "the address"),
        ("http: server gave HTTP response to HTTPS client", "speaks plain HTTP", "certificate"),
        ("tls: failed to verify certificate: x509: unknown authority", "not trusted", "certs.d/r.example/ca.crt"),
        (
            'error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH',
            "keeps the registry's credentials failed",
            "credsStore",
        ),
    ],
)
def test_a_push_that_fails_names_image_reason_and_remedy(  # noqa: PLR0913, PLR0917 -- fixtures and cases
    program: ImageProgram, context: Path, programs: Programs, message: str, reason: str, remedy: str
) -> None:
    build(program, context)
    programs.fails(program.name, "push", f"progress\n{message}")
    with pytest.raises(CommandError) as caught:
        program.push(IMAGE)
    assert caught.value.message.startswith(f"image {IMAGE}: ")
    assert reason in caught.value.message
    assert caught.value.message.endswith(message)
    assert remedy.format(name=program.name) in caught.value.remedy


def test_a_registry_that_does_not_answer_is_not_one_without_the_image(
    program: ImageProgram, programs: Programs
) -> None:
    for verb in ("pull", "manifest"):
        programs.fails(program.name, verb, "Error: dial tcp 192.0.2.1:443: i/o timeout")
    for call in (program.pull, program.exists):
        with pytest.raises(CommandError, match=r"^registry r\.example: is unreachable: .*timeout"):
            call(IMAGE)


def test_a_registry_that_asks_for_a_login_has_nothing_for_this_user(program: ImageProgram, programs: Programs) -> None:
    for verb in ("pull", "manifest"):
        programs.fails(program.name, verb, "unauthorized: authentication required")
    assert program.pull(IMAGE) is None
    assert not program.exists(IMAGE)


def test_a_broken_credential_helper_is_not_an_absent_image(program: ImageProgram, programs: Programs) -> None:
    message = 'error getting credentials - err: exec: "docker-credential-x": executable file not found in $PATH'
    programs.fails(program.name, "pull", message)
    with pytest.raises(CommandError, match="credentials failed"):
        program.pull(IMAGE)


@pytest.mark.parametrize("message", ["STEP 3: pip: no matching distribution", "pip: no space left on device"])
def test_a_build_that_fails_names_its_log(
    program: ImageProgram, context: Path, programs: Programs, message: str, tmp_path: Path
) -> None:
    programs.fails(program.name, "build", message)
    with pytest.raises(CommandError, match=message) as caught:
        build(program, context)
    assert caught.value.log == tmp_path / "log"
    assert message in caught.value.log.read_text()
    assert ("the disk is full" in caught.value.message) == ("no space" in message)


def test_a_full_disk_while_saving_is_named(
    program: ImageProgram, context: Path, programs: Programs, tmp_path: Path
) -> None:
    build(program, context)
    programs.fails(program.name, "push" if program.name == "buildah" else "save", "write: no space left on device")
    with pytest.raises(CommandError, match=rf"^image {IMAGE}: the disk is full: "):
        program.save(IMAGE, tmp_path / "image.tar")


def test_docker_with_a_builder_that_keeps_images_to_itself_is_named(programs: Programs, context: Path) -> None:
    programs.install("docker")
    docker = PROGRAMS[0](str(programs.path / "docker"))
    programs.fails("docker", "image", "Error: No such image")
    with pytest.raises(CommandError, match="docker built it but does not have it; .*docker buildx use default"):
        build(docker, context)
