"""The services' images by docker, podman and buildah, which are stand-ins here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.images import contexts, registry_checks, services
from otel_mesh_cli.images.builder import ProgramBuilder
from otel_mesh_cli.images.programs import PROGRAMS
from otel_mesh_embedded.images import IMAGES

if TYPE_CHECKING:
    from otel_mesh_cli.images.program import ImageProgram
    from tests.cli.images.stand_ins import Programs

DIGEST = f"sha256:{'0' * 64}"
BASE = f"docker.io/library/python@{DIGEST}"
NAMES = ["api-gateway", "order-service"]


@pytest.fixture(params=PROGRAMS, ids=lambda kind: kind.name)
def builder(request: pytest.FixtureRequest, programs: Programs) -> ProgramBuilder:
    kind: type[ImageProgram] = request.param
    programs.install(kind.name)
    return ProgramBuilder(kind(str(programs.path / kind.name)))


def test_the_tag_is_the_hash_of_the_context_whoever_builds(builder: ProgramBuilder) -> None:
    (plan,) = builder.plan(["api-gateway"], BASE)
    (image,) = (image for image in IMAGES if image.name == "api-gateway")
    content = contexts.files(image.dockerfile, image.context, {}, image.arguments)
    assert plan.reference == (
        f"otel-mesh.local/api-gateway:{contexts.tag(image.dockerfile, content, {}, DIGEST, image.arguments)}"
    )
    (other,) = builder.plan(["api-gateway"], BASE.replace("000", "111"))
    assert other.reference != plan.reference


def test_what_the_registry_lacks_is_built_on_the_base_and_pushed_once(
    builder: ProgramBuilder, programs: Programs
) -> None:
    said: list[str] = []
    plans = builder.plan(NAMES, BASE)
    published = builder.publish(plans, "r.example/shop", said.append)
    assert published == {
        plan.name: f"{plan.below('r.example/shop')}@{programs.get('registry')[plan.below('r.example/shop')]}"
        for plan in plans
    }
    for words, folder in zip(programs.calls(builder.name, "build"), ("api_gateway", "order_service"), strict=True):
        assert {f"--build-arg=BASE_IMAGE={BASE}", f"--build-arg=SERVICE={folder}"} <= set(words)
    assert [line.split()[0] for line in said] == ["building", "pushing"] * 2
    assert builder.publish(plans, "r.example/shop", said.append) == published
    assert len(said) == 4, "nothing is built or pushed again"


def test_an_image_that_another_machine_pushed_is_not_built_here(builder: ProgramBuilder, programs: Programs) -> None:
    (plan,) = builder.plan(["api-gateway"], BASE)
    target = plan.below("r.example/shop")
    programs.set("registry", {target: DIGEST})
    assert builder.publish([plan], "r.example/shop", print) == {"api-gateway": f"{target}@{DIGEST}"}
    assert not programs.calls(builder.name, "build")


def test_a_push_that_was_refused_goes_on_without_another_build(builder: ProgramBuilder, programs: Programs) -> None:
    plans = builder.plan(["api-gateway"], BASE)
    programs.fails(builder.name, "push", "denied: requested access to the resource is denied")
    with pytest.raises(CommandError, match="refused"):
        builder.publish(plans, "r.example/shop", print)
    programs.works(builder.name, "push")
    builder.publish(plans, "r.example/shop", print)
    assert len(programs.calls(builder.name, "build")) == 1


def test_an_archive_is_there_while_it_is_used(builder: ProgramBuilder) -> None:
    (plan,) = builder.plan(["api-gateway"], BASE)
    with builder.archive(plan, print) as file:
        assert file.read_text().startswith(f"{plan.reference} sha256:")
    assert not file.exists()


def test_a_base_is_pinned_by_what_the_registry_has(builder: ProgramBuilder, programs: Programs) -> None:
    programs.set("registry", {"docker.io/library/python:3.11-slim": DIGEST})
    assert registry_checks.pinned(builder, services.default_base()) == BASE
    assert registry_checks.pinned(builder, f"r.example/python:3@{DIGEST}") == f"r.example/python@{DIGEST}"
    with pytest.raises(CommandError, match="image r.example/python:3: .*--base-image"):
        registry_checks.pinned(builder, "r.example/python:3")


def test_without_a_base_only_the_embedded_distribution_builds(builder: ProgramBuilder) -> None:
    with pytest.raises(CommandError, match=f"^builder {builder.name}: .*--builder embedded"):
        builder.plan(NAMES, None)


def test_images_that_no_registry_has_are_refused_with_the_login(builder: ProgramBuilder, programs: Programs) -> None:
    programs.set("registry", {"r.example/a:1": DIGEST})
    registry_checks.require(builder, ["r.example/a:1", "r.example/a:1"])
    with pytest.raises(CommandError, match=f"^image r.example/b:1: .*{builder.name} login r.example"):
        registry_checks.require(builder, ["r.example/a:1", "r.example/b:1"])
    registry_checks.require_answer(builder, "r.example/shop")
    programs.fails(builder.name, "manifest", "dial tcp: connection refused")
    with pytest.raises(CommandError, match="^registry r.example: is unreachable"):
        registry_checks.require_answer(builder, "r.example/shop")


def test_every_service_has_an_image_of_its_name() -> None:
    names = {image.name for image in services.service_images()}
    assert {
        "api-gateway",
        "order-service",
        "payment-service",
        "user-service",
        "load-generator",
        "backup-store",
    } == names
