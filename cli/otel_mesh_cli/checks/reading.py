"""Objects from files: several documents, Lists, folders, standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from otel_mesh.check.objects import Object, unpacked
from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN: Final = "-"
_SUFFIXES: Final = (".yaml", ".yml", ".json")
_NO_OBJECTS: Final = ("Kustomization",)
"""Kinds of files beside manifests that describe no object of a cluster."""


def read(names: Sequence[str]) -> list[Object]:
    """The objects of files and folders, in their order.

    Args:
        names: Files, folders that are read with all below them, or ``-`` for standard input.

    Raises:
        CommandError: A file cannot be read, or is not YAML with Kubernetes objects.
    """
    found: list[Object] = []
    for name in names:
        if name == STDIN:
            found += _documents("standard input", sys.stdin.read())
            continue
        for path in _files(Path(name)):
            try:
                content = path.read_text(encoding="utf-8")
            except OSError as error:
                raise CommandError(f"{path}: {error.strerror}", remedy="name a file that can be read") from None
            except UnicodeDecodeError:
                raise CommandError(f"{path}: is not UTF-8 text", remedy="name a file of YAML or JSON") from None
            found += _documents(str(path), content)
    if not found:
        raise CommandError(
            f"{', '.join(names)}: no Kubernetes objects", remedy="name files of YAML or JSON with some, or --stack NAME"
        )
    return found


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.rglob("*") if one.suffix in _SUFFIXES and one.is_file())


def _documents(source: str, content: str) -> Iterator[Object]:
    loader = yaml.CSafeLoader(content)
    document = 0
    try:
        while loader.check_node():
            node = loader.get_node()
            line = node.start_mark.line + 1 if node else 0
            yield from _objects(source, loader.construct_document(node), line, document)
            document += 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        reason = " ".join(str(error.problem or error.context or "not YAML").split())
        raise CommandError(f"{place}: not YAML: {reason}", remedy="correct the file") from None
    except yaml.YAMLError as error:
        raise CommandError(f"{source}: not YAML: {' '.join(str(error).split())}", remedy="correct the file") from None
    except RecursionError:
        raise CommandError(f"{source}: nested too deep", remedy="correct the file") from None
    finally:
        loader.dispose()


def _objects(source: str, content: object, line: int, document: int) -> Iterator[Object]:
    if content is None:
        return
    remedy = "give every document apiVersion, kind and metadata.name"
    if not isinstance(content, dict):
        raise CommandError(f"{source}:{line}: the document is not a mapping", remedy=remedy)
    if content.get("kind") in _NO_OBJECTS:
        return
    for one in unpacked(Object(content, source, line, document)):
        if not one.kind or not isinstance(one.manifest.get("apiVersion"), str) or not one.name:
            missing = "kind" if not one.kind else "metadata.name" if "apiVersion" in one.manifest else "apiVersion"
            raise CommandError(f"{source}:{line}: no {missing}: not a Kubernetes object", remedy=remedy)
        yield one
