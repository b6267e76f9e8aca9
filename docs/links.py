"""Checks the relative links of every Markdown file: the file exists, and so does the heading. Needs no network.

python -m docs.links    exits with 1 and one line per broken link
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT: Final = Path(__file__).resolve().parent.parent
_EXTERNAL: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//")


def anchors(text: str) -> set[str]:
    """Anchors of a page's headings, as GitHub forms them: a heading that is there twice gets a number."""
    found: set[str] = set()
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    for opening, inline in itertools.pairwise(tokens):
        if opening.type != "heading_open":
            continue
        words = "".join(one.content for one in inline.children or () if one.type in {"text", "code_inline"})
        slug = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def links(text: str) -> Iterator[tuple[int, str]]:
    """Targets of a page's links and images, each with its line."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        line = token.map[0] + 1 if token.map else 0
        for one in token.children or ():
            target = _target(one)
            if target:
                yield line, target


def _target(token: Token) -> str:
    return str({"link_open": token.attrGet("href"), "image": token.attrGet("src")}.get(token.type) or "")


def broken(page: Path) -> Iterator[str]:
    """Complaints about a page's relative links: place, target and reason."""
    for line, target in links(page.read_text()):
        if _EXTERNAL.match(target):
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        place = f"{page}:{line}: {target}"
        if not file.exists():
            yield f"{place}: no such file"
        elif anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
            yield f"{place}: {name or page.name} has no heading '#{anchor}'"


def pages(root: Path) -> list[Path]:
    """All Markdown files of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],  # noqa: S607 - the one on PATH
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [root / name for name in listed.splitlines() if (root / name).exists()]


def main() -> int:
    """Checks all pages and prints what is broken."""
    complaints = [line for page in pages(ROOT) for line in broken(page)]
    for line in complaints:
        print(line.removeprefix(f"{ROOT}/"), file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
