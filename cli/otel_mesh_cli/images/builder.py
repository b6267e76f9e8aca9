"""Builders of the services' images: a program of the user's, or the embedded distribution."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.paths import cache_dir
from otel_mesh_cli.images import contexts, references, services
from otel_mesh_cli.images.skopeo import Skopeo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from otel_mesh_cli.core.embedded import Images
    from otel_mesh_cli.images.program import ImageProgram
    from otel_mesh_cli.images.services import ServiceImage


@dataclass(frozen=True)
class Plan:
    """An image as it would be built now.

    Attributes:
        name: name in the image file.
        reference: name below `references.LOCAL_REGISTRY`, with a hash of all that goes into the image as its tag.
        base: image that it is built on, by digest; None for one that the embedded distribution makes.
    """

    name: str
    reference: str
    base: str | None

    def below(self, registry: str) -> str:
        """The image's name in a registry."""
        return f"{registry}/{self.reference.removeprefix(f'{references.LOCAL_REGISTRY}/')}"


class Builder(Protocol):
    """Builds images and brings them to where a cluster finds them."""

    @property
    def name(self) -> str:
        """Value of ``--builder``."""

    def exists(self, reference: str) -> bool:
        """Whether a registry has an image that this user may pull.

        Raises:
            CommandError: the registry does not answer.
        """

    def digest(self, reference: str) -> str | None:
        """Digest of an image in its registry; None if the registry has no such image for this user.

        Raises:
            CommandError: the registry does not answer.
        """

    def plan(self, names: Iterable[str], base: str | None) -> list[Plan]:
        """The images of these names, none of which has to be built by then.

        Raises:
            CommandError: one cannot be made.
        """

    def publish(self, plans: Iterable[Plan], registry: str, say: Callable[[str], None]) -> dict[str, str]:
        """Build and push what a registry lacks.

        Returns:
            Reference with tag and digest, by image name.

        Raises:
            CommandError: a build failed, or the registry does not answer or refuses an image.
        """

    def archive(self, plan: Plan, say: Callable[[str], None]) -> AbstractContextManager[Path]:
        """An image as a file in the format of `docker save`.

        Raises:
            CommandError: a build failed, or there is no room.
        """


@dataclass(frozen=True)
class ProgramBuilder:
    """A program of the user's, which builds what app_images/Dockerfile says on a public base."""

    program: ImageProgram

    @property
    def name(self) -> str:
        """As of `Builder`."""
        return self.program.name

    def exists(self, reference: str) -> bool:
        """As of `Builder`."""
        return self.program.exists(reference)

    def digest(self, reference: str) -> str | None:
        """As of `Builder`: the image is downloaded."""
        return self.program.pull(reference)

    def plan(self, names: Iterable[str], base: str | None) -> list[Plan]:
        """As of `Builder`; a base is required."""
        if base is None:
            raise CommandError(
                f"builder {self.name}: builds the services on a public base only",
                remedy="leave out --images local, or use --builder embedded",
            )
        ours = {image.name: image for image in services.service_images()}
        return [Plan(name, _reference(ours[name], base), base) for name in names]

    def publish(self, plans: Iterable[Plan], registry: str, say: Callable[[str], None]) -> dict[str, str]:
        """As of `Builder`; an image that is in the registry is downloaded for its digest, not built again."""
        published = {}
        for plan in plans:
            target = plan.below(registry)
            digest = self.program.published(target)
            if digest is None:
                if not self.program.has(target):
                    self._build(plan, target, say)
                say(f"pushing {target}")
                digest = self.program.push(target)
            published[plan.name] = f"{target}@{digest}"
        return published

    @contextmanager
    def archive(self, plan: Plan, say: Callable[[str], None]) -> Iterator[Path]:
        """As of `Builder`: a temporary file."""
        if not self.program.has(plan.reference):
            self._build(plan, plan.reference, say)
        with tempfile.TemporaryDirectory(prefix="otel-mesh-image-") as scratch:
            file = Path(scratch) / f"{plan.name}.tar"
            self.program.save(plan.reference, file)
            yield file

    def _build(self, plan: Plan, reference: str, say: Callable[[str], None]) -> None:
        image = next(image for image in services.service_images() if image.name == plan.name)
        log = cache_dir() / "logs" / f"image-{plan.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        say(f"building {plan.name} with {self.name}")
        with tempfile.TemporaryDirectory(prefix="otel-mesh-build-") as scratch:
            folder = Path(scratch) / "context"
            contexts.stage(folder, services.dockerfile(), _content(image))
            arguments = {**image.arguments, "BASE_IMAGE": plan.base or ""}
            self.program.build(folder, reference, arguments, log)


@dataclass(frozen=True)
class EmbeddedBuilder:
    """The embedded distribution's buildah, from Debian's packages; building needs root."""

    images: Images
    name: str = "embedded"

    def exists(self, reference: str) -> bool:
        """As of `Builder`."""
        return self.digest(reference) is not None

    def digest(self, reference: str) -> str | None:
        """As of `Builder`."""
        return self._skopeo().digest(reference)

    def plan(self, names: Iterable[str], base: str | None) -> list[Plan]:
        """As of `Builder`; images that are missing are built."""
        made = self.images.make(names, service_base=base)
        return [Plan(name, reference, base) for name, reference in made.items()]

    def publish(self, plans: Iterable[Plan], registry: str, say: Callable[[str], None]) -> dict[str, str]:
        """As of `Builder`."""
        skopeo, published = self._skopeo(), {}
        for plan in sorted(plans, key=lambda plan: plan.name):
            target = plan.below(registry)
            digest = skopeo.digest(target)
            if digest is None:
                file = self.images.archive(plan.reference)
                say(f"pushing {target}, {file.stat().st_size >> 20} MiB")
                digest = skopeo.push(file, target)
            published[plan.name] = f"{target}@{digest}"
        return published

    @contextmanager
    def archive(self, plan: Plan, say: Callable[[str], None]) -> Iterator[Path]:  # noqa: ARG002 -- it is built
        """As of `Builder`."""
        yield self.images.archive(plan.reference)

    def _skopeo(self) -> Skopeo:
        return Skopeo(*self.images.skopeo())


def _content(image: ServiceImage) -> dict[str, Path]:
    file = services.dockerfile()
    return contexts.files(file, file.parent.parent, {}, image.arguments)


def _reference(image: ServiceImage, base: str) -> str:
    tag = contexts.tag(services.dockerfile(), _content(image), {}, base.partition("@")[2], image.arguments)
    return f"{references.LOCAL_REGISTRY}/{image.name}:{tag}"
