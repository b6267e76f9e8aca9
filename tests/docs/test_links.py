"""Links of the documentation: those in the checkout lead somewhere, and one that does not is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from docs import links

if TYPE_CHECKING:
    from pathlib import Path


def test_every_relative_link_of_the_checkout_leads_somewhere() -> None:
    pages = links.pages(links.ROOT)
    assert {"README.md", "CHANGELOG.md", "istio.md"} <= {page.name for page in pages}
    assert [line for page in pages for line in links.broken(page)] == []


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("other.md", None),
        ("other.md#a-heading-with-code", None),
        ("other.md#a-heading-with-code-1", None),
        ("#here", None),
        ("https://example.com/nowhere#x", None),
        ("folder/", None),
        ("gone.md", "page.md:3: gone.md: no such file"),
        ("other.md#another", "page.md:3: other.md#another: other.md has no heading '#another'"),
        ("#there", "page.md:3: #there: page.md has no heading '#there'"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, target: str, complaint: str | None) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.md").write_text("# A heading: with `code`\n\n# A heading: with `code`\n")
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n\nSee [this]({target}).\n")
    found = [line.removeprefix(f"{tmp_path}/") for line in links.broken(page)]
    assert found == ([] if complaint is None else [complaint])


def test_what_stands_in_a_code_block_is_no_link(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\n[this](gone.md)\n```\n")
    assert list(links.broken(page)) == []
