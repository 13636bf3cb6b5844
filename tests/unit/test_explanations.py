"""Every figure of the manual's explanations is in a page that they link to, such as a study's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ("disturbance.md", "findings.md", "populations.md", "tau.md")
_FIGURE = re.compile(r"(?<![\w.:])[-+]?\d+\.\d+(?!\w|\.\d)")
_LINK = re.compile(r"\]\(([^)#:]+\.md)")


def read_figures(text: str) -> set[str]:
    """Return numbers with decimals, without a plus sign: a gain may be told without it."""
    return {found.lstrip("+") for found in _FIGURE.findall(re.sub(r"https?://\S+", "", text))}


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_in_a_linked_page(name: str) -> None:
    page = DOCS / "explanation" / name
    text = page.read_text(encoding="utf-8")
    sources = {(page.parent / link).resolve() for link in _LINK.findall(text)}
    known: set[str] = set()
    for source in sources:
        if source.name not in PAGES:
            known |= read_figures(source.read_text(encoding="utf-8"))
    figures = read_figures(text) - {"0.05"}  # the level of every test
    assert len(figures) >= 2
    assert sorted(figures - known - {figure.lstrip("-") for figure in known}) == []
