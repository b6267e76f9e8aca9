"""What `otel-mesh up --stack NAME` is given for another cluster, checked before anything is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from otel_mesh.core.errors import InvalidSettingsError, parse
from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.stacks import pulumi_cli, stack_file
from otel_mesh_stack import kubeconfig
from otel_mesh_stack.model import StackSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_mesh_cli.images.choosing import BuilderName

EMBEDDED: Final = "local"
"""Stack of the embedded environment."""
PUBLIC: Final = "public"
NOT_MADE: Final[Mapping[str, Any]] = {"grafana": None}
"""Settings of parts that only a public image exists of: a stack whose images are all made here runs without them."""


@dataclass(frozen=True)
class Request:
    """A stack for another cluster.

    Attributes:
        stack: name of a stack file in the checkout.
        context: context of the kubeconfig; by default the one that the stack file names.
        registry: host and path of the registry that the cluster pulls images from that are built here.
        images: ``public`` takes upstream's published images for all but the services. ``local`` makes every image
            from this machine's Debian packages and programs, for a cluster that reaches no public registry, and runs
            the stack without what cannot be made (`NOT_MADE`).
        base_image: base of the services' images, in place of the public image that their Dockerfile names.
        builder: program that builds the services' images; ``auto`` takes the first that works.
    """

    stack: str
    context: str | None = None
    registry: str | None = None
    images: Literal["public", "local"] = PUBLIC
    base_image: str | None = None
    builder: BuilderName = "auto"

    def changes(self) -> dict[str, Any]:
        """Settings that replace those of the stack file."""
        changes: dict[str, Any] = {} if self.images == PUBLIC else {**NOT_MADE}
        return {**changes, "cluster": {"context": self.context}} if self.context else changes

    def settings(self) -> StackSettings:
        """Settings of the stack as its program will read them.

        Raises:
            CommandError: the stack is the embedded environment's, its file is wrong, no kubeconfig has the context, or
                options contradict each other.
        """
        if self.stack == EMBEDDED:
            raise CommandError(
                f"stack {EMBEDDED}: belongs to the embedded environment",
                remedy="name another stack for another cluster, e.g. --stack dev",
            )
        file = stack_file.require(self.stack)
        configured = pulumi_cli.merged(stack_file.settings(self.stack), self.changes())
        try:
            settings = parse(StackSettings, configured)
            kubeconfig.require_context(settings.cluster.context, "cluster.context")
        except InvalidSettingsError as error:
            first, *more = error.problems
            others = "".join(f"; also {problem}" for problem in more)
            message = ": ".join(part for part in (file.name, first.path, first.reason) if part)
            raise CommandError(f"{message}{others}", remedy=first.remedy) from None
        self._check_images(settings)
        return settings

    def _check_images(self, settings: StackSettings) -> None:
        if self.images != PUBLIC and self.base_image:
            raise CommandError(
                "--base-image: has no effect with --images local, which makes its own base",
                remedy="leave out one of them",
            )
        if self.images != PUBLIC and self.builder not in ("auto", "embedded"):
            raise CommandError(
                f"--builder {self.builder}: cannot make all images with --images local, which needs Debian's packages",
                remedy="leave out one of them",
            )
        if self.registry and not settings.images_from_file:
            raise CommandError(
                f"--registry: stack {self.stack} names all its images itself, nothing is pushed",
                remedy="leave it out, or set images_from_file in the stack file",
            )
