"""What a person asks for with STACK, CONTEXT, REGISTRY, IMAGES and BASE_IMAGE, checked before anything is made."""

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

EMBEDDED: Final = "local"
"""The stack that belongs to the embedded environment."""
PUBLIC: Final = "public"
NOT_MADE: Final[Mapping[str, Any]] = {"grafana": None}
"""Parts that a stack does without where all its images are made here: of these there is a public one only."""


@dataclass(frozen=True)
class Request:
    """A stack for another cluster.

    Attributes:
        stack: whose file the checkout has.
        context: of the kubeconfig; by default the one that the stack's file names.
        registry: host and path where this cluster finds images that were made here.
        images: ``public`` takes what upstream publishes for everything but our services; ``local`` makes everything
            from the machine's packages and our programs, for a cluster without a way to public registries, and leaves
            out what can't be made (`NOT_MADE`).
        base_image: what the services are built on, instead of the public image that their Dockerfiles name.
    """

    stack: str
    context: str | None = None
    registry: str | None = None
    images: Literal["public", "local"] = PUBLIC
    base_image: str | None = None

    def changes(self) -> dict[str, Any]:
        """What takes the place of settings in the stack's file."""
        changes: dict[str, Any] = {} if self.images == PUBLIC else {**NOT_MADE}
        return {**changes, "cluster": {"context": self.context}} if self.context else changes

    def settings(self) -> StackSettings:
        """The stack's settings as its program will read them.

        Raises:
            CommandError: the stack is not for another cluster, its file is wrong, or no kubeconfig has the context.
        """
        if self.stack == EMBEDDED:
            raise CommandError(
                f"stack {EMBEDDED}: belongs to the embedded environment",
                remedy="name another one for another cluster, e.g. STACK=dev",
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
        if self.base_image and self.images != PUBLIC:
            raise CommandError(
                "BASE_IMAGE: is of no use with IMAGES=local, which makes its own base", remedy="leave one of them out"
            )
        if self.registry and not settings.images_from_file:
            raise CommandError(
                f"REGISTRY: stack {self.stack} names all its images itself, nothing is pushed",
                remedy="leave REGISTRY out, or set images_from_file in the stack's file",
            )
