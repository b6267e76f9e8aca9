"""The report as a comment: which one it replaces, and what of it fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_mesh_cli.core.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

_MARK: Final = re.compile(r"<!-- otel-mesh [a-z]+: [a-z0-9-]+ -->")
_BLOCKS: Final = re.compile(r"(?<=</details>)\n\n")
_ROOM: Final = 400
"""Characters kept free for the sentence about what was left out, and for closing tags."""
_FENCE: Final = re.compile(r"^`{3,}", re.MULTILINE)


def mark(text: str) -> str:
    """The first line, which tells a report on one stack from everything else; empty if it is none.

    Args:
        text: Text of a report or of a comment.
    """
    first = text.split("\n", 1)[0].strip()
    return first if _MARK.fullmatch(first) else ""


def read(file: Path) -> str:
    """The text of a report.

    Raises:
        CommandError: The file is no report of `otel-mesh review`.
    """
    text = file.read_text(encoding="utf-8")
    if not mark(text):
        raise CommandError(f"{file}: not a report", remedy="name a file that `otel-mesh review` wrote as Markdown")
    return text


def noted(text: str, note: str) -> str:
    """A report with a note for its reader below the first line.

    Args:
        text: The report.
        note: One sentence.
    """
    first, rest = text.split("\n", 1)
    return f"{first}\n\n> [!NOTE]\n> {note}\n{rest}"


def fitted(text: str, longest: int, whole: str) -> str:
    """A report within a host's limit: objects are left out from the end, and the text says how many.

    Args:
        text: The report.
        longest: Number of characters that a comment may have.
        whole: Where the whole report is, as the end of a sentence.
    """
    if len(text) <= longest:
        return text
    *blocks, tail = _BLOCKS.split(text)
    if len(tail) > longest // 2:  # a report without folds has no footer of its own
        blocks, tail = [*blocks, tail], ""
    left = longest - len(tail) - _ROOM
    kept: list[str] = []
    for block in blocks:
        if len(block) + 2 > left:
            break
        kept.append(block)
        left -= len(block) + 2
    number = len(blocks) - len(kept)
    if not kept:
        kept = [_lines(blocks[0], left)]
    parts = "part of the report does not fit" if number == 1 else f"{number} parts of the report do not fit"
    kept.append(f"**{parts} into a comment**: {whole}.")
    return "\n\n".join([*kept, tail] if tail else kept)


def _lines(block: str, left: int) -> str:
    """The first lines of a block, with what they open closed."""
    text = block[:left].rpartition("\n")[0]
    fences = _FENCE.findall(text)
    if len(fences) % 2:
        text += f"\n{fences[-1]}"
    return text + "\n\n</details>" * (text.count("<details") - text.count("</details>"))
