"""The documentation's pages as tests read them: README and docs/, and the code blocks in them."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import typer
from markdown_it import MarkdownIt

from otel_mesh_cli.application import application
from otel_mesh_cli.core.paths import repo_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES: Final = (repo_dir() / "README.md", *sorted((repo_dir() / "docs").glob("*.md")))
TEXT: Final = "\n".join(page.read_text() for page in PAGES)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced code block.

    Attributes:
        page: Page that contains it.
        line: Line of its opening fence.
        language: Its info string; empty for shell commands and their output.
        text: Its content.
    """

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(language: str) -> Iterator[Block]:
    """All blocks of a language."""
    for page in PAGES:
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text()):
            if token.type == "fence" and token.map and token.info.strip() == language:
                yield Block(page=page, line=token.map[0] + 1, language=language, text=textwrap.dedent(token.content))


def shell_lines() -> set[str]:
    """Commands that the pages name: in blocks without a language, and in code within the text."""
    inline = re.findall(r"`([^`\n]+)`", TEXT)
    return {line.strip() for block in blocks("") for line in block.text.splitlines()} | set(inline)


def commands() -> dict[str, set[str]]:
    """Commands of `otel-mesh`, itself among them, with their options, and an empty one for the command alone."""
    return dict(_commands(typer.main.get_command(application()), ""))


def _commands(command: object, name: str) -> Iterator[tuple[str, set[str]]]:
    yield name, {"", *(option for one in getattr(command, "params", ()) for option in one.opts)}
    for word, one in getattr(command, "commands", {}).items():
        yield from _commands(one, f"{name} {word}".strip())
