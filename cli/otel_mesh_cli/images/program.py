"""A program of the user's that builds, pulls and pushes images, with its own storage and credentials."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from otel_mesh_cli.core.errors import CommandError
from otel_mesh_cli.core.run import Done, run
from otel_mesh_cli.images import registry_errors
from otel_mesh_cli.images.references import host, is_loopback, one_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROBE_SECONDS = 30
_LONGEST = 300
_SINGLE_IMAGE = "not a list type"
"""Part of buildah's error for an image that is there, but for one architecture only."""


class ImageProgram(ABC):
    """docker, podman or buildah.

    Attributes:
        name: name on the command line.
        start: what to do where the program is installed but does not work.
    """

    name: ClassVar[str]
    start: ClassVar[str]
    _probe: ClassVar[tuple[str, ...]]

    def __init__(self, file: str) -> None:
        self._file = file

    def trouble(self) -> str | None:
        """Reason that the program cannot be used; None if it can."""
        done = run([self._file, *self._probe], env=self._environment(), timeout=_PROBE_SECONDS)
        return None if done.ok else done.reason

    def build(self, context: Path, reference: str, arguments: Mapping[str, str], log: Path) -> None:
        """Build an image from the Dockerfile in a folder.

        Args:
            context: the folder.
            reference: name and tag of the image.
            arguments: build arguments.
            log: file for the program's output.

        Raises:
            CommandError: a step failed.
        """
        words = [*self._build_words(), "--tag", reference]
        words += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        log.unlink(missing_ok=True)
        done = run([self._file, *words, str(context)], env=self._environment(), log=log)
        if not done.ok:
            error = self._error(f"image {reference}", reference, done.reason)
            raise CommandError(error.message, remedy="correct what the log names", log=log)
        if not self.has(reference):  # a docker-container builder keeps what it builds to itself
            raise CommandError(
                f"image {reference}: {self.name} built it but does not have it",
                remedy="choose a builder that stores images, e.g. `docker buildx use default`",
                log=log,
            )

    @abstractmethod
    def has(self, reference: str) -> bool:
        """Whether the program's storage has an image."""

    def exists(self, reference: str) -> bool:
        """Whether the registry has an image; it is downloaded from a registry on the loopback interface only.

        Raises:
            CommandError: the registry does not answer.
        """
        reference = one_name(reference)
        if is_loopback(reference):  # plain HTTP, which `manifest inspect` of older versions does not speak
            return self._pull(reference) is not None
        done = self._run("manifest", "inspect", reference)
        return done.ok or _SINGLE_IMAGE in done.reason or not self._is_absent(reference, done)

    def pull(self, reference: str) -> str | None:
        """Download an image that was not built here.

        Returns:
            Its digest, or None if the registry has no such image for this user.

        Raises:
            CommandError: the registry does not answer, or there is no room.
        """
        output = self._pull(reference)
        return None if output is None else self._pulled_digest(reference, output)

    @abstractmethod
    def published(self, reference: str) -> str | None:
        """Digest of an image that may have been built here, in the registry; None if the registry does not have it.

        Raises:
            CommandError: the registry does not answer, or there is no room.
        """

    @abstractmethod
    def push(self, reference: str) -> str:
        """Upload an image to the registry in its name and return its digest there.

        Raises:
            CommandError: the registry does not answer or refuses it.
        """

    @abstractmethod
    def save(self, reference: str, archive: Path) -> None:
        """Write an image to a file in the format of `docker save`.

        Raises:
            CommandError: there is no room.
        """

    def _pull(self, reference: str) -> str | None:
        """What the program prints, or None if the registry has no such image for this user."""
        done = self._run(*self._pull_words(reference), reference)
        return None if not done.ok and self._is_absent(reference, done) else done.stdout

    @abstractmethod
    def _pull_words(self, reference: str) -> list[str]: ...

    @abstractmethod
    def _pulled_digest(self, reference: str, output: str) -> str: ...

    def _build_words(self) -> list[str]:
        return ["build"]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C.UTF-8"}

    def _is_absent(self, reference: str, failed: Done) -> bool:
        """True where a failure means that the registry has no such image; any other is raised."""
        if registry_errors.is_absent(failed.reason):
            return True
        raise self._error(f"registry {host(reference)}", reference, failed.reason)

    def _error(self, place: str, reference: str, reason: str) -> CommandError:
        text = reason if len(reason) <= _LONGEST else f"...{reason[-_LONGEST:]}"
        return registry_errors.described(place, host(reference), text, self.name)

    def _require(self, reference: str, *words: str) -> str:
        """Output of a command that has to succeed."""
        done = self._run(*words)
        if not done.ok:
            raise self._error(f"image {reference}", reference, done.reason)
        return done.stdout

    def _run(self, *words: str) -> Done:
        return run([self._file, *words], env=self._environment())
