"""Build contexts that hold exactly what a Dockerfile copies, and the hash that names an image's tag."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from string import Template
from typing import TYPE_CHECKING

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_JUNK = re.compile(r"(^|/)(__pycache__|\.[a-z]+_cache|[^/]+\.egg-info|build|dist|tests|\.hypothesis)(/|$)|\.pyc$")
_TAG_LENGTH = 16


def sources(dockerfile: Path, arguments: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Paths that a Dockerfile copies out of its build context.

    Args:
        dockerfile: path of the Dockerfile.
        arguments: build arguments, which the paths may use.

    Raises:
        CommandError: the file is missing or copies something that is not a plain path.
    """
    try:
        text = dockerfile.read_text()
    except FileNotFoundError:
        raise CommandError(f"{dockerfile}: missing", remedy="restore the file") from None
    found: list[str] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = shlex.split(line, comments=True)
        if not words or words[0].upper() not in ("COPY", "ADD"):
            continue
        flags = [word for word in words[1:] if word.startswith("--")]
        plain = [word for word in words[1:] if not word.startswith("--")]
        if any(word.startswith("--from=") for word in flags):
            continue
        paths = [Template(word).safe_substitute(arguments or {}) for word in plain[:-1]]
        if any(mark in path for path in paths for mark in "*?[<$"):
            raise CommandError(
                f"{dockerfile}: {line}: only plain paths can be copied", remedy="name each file or folder"
            )
        found += paths
    return tuple(dict.fromkeys(found))


def files(
    dockerfile: Path, context: Path, given: Mapping[str, Path], arguments: Mapping[str, str] | None = None
) -> dict[str, Path]:
    """Files of a build context, by their path in it.

    Args:
        dockerfile: path of the Dockerfile.
        context: folder that its COPY sources are relative to; caches, build artefacts and tests are left out.
        given: files from elsewhere, by their path in the context.
        arguments: build arguments.

    Raises:
        CommandError: a source is missing.
    """
    found: dict[str, Path] = {}
    for source in sources(dockerfile, arguments):
        if source in given:
            found[source] = given[source]
            continue
        top = context / source
        if not top.exists():
            raise CommandError(f"{dockerfile}: copies {source}, which is not in {context}", remedy="restore the file")
        found |= {str(path.relative_to(context)): path for path in _walk(top, context)}
    return found


def _walk(top: Path, context: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
        return
    for folder, names, leaves in os.walk(top):
        names[:] = sorted(name for name in names if not _JUNK.search(name))
        for leaf in sorted(leaves):
            path = top.__class__(folder) / leaf
            if not _JUNK.search(str(path.relative_to(context))):
                yield path


def tag(
    dockerfile: Path,
    content: Mapping[str, Path],
    known: Mapping[str, str],
    base: str,
    arguments: Mapping[str, str] | None = None,
) -> str:
    """Image tag that changes with everything that goes into the image.

    Args:
        dockerfile: path of the Dockerfile.
        content: files of the build context.
        known: identities of files that need not be read, by their path in the context.
        base: identity of the base image.
        arguments: build arguments.
    """
    parts = {
        "recipe": dockerfile.read_text(),
        "base": base,
        "arguments": dict(arguments or {}),
        "files": {
            name: known.get(name) or [os.access(path, os.X_OK), hashlib.sha256(path.read_bytes()).hexdigest()]
            for name, path in sorted(content.items())
        },
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:_TAG_LENGTH]


def stage(folder: Path, dockerfile: Path, content: Mapping[str, Path]) -> None:
    """Copy a build context into a new folder, with fixed modes and times: layers depend on the content only."""
    folder.mkdir(parents=True)
    shutil.copyfile(dockerfile, folder / "Dockerfile")
    for name, path in content.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
        os.utime(path, (0, 0))
