"""Printing for people. Control characters in text from files never reach the terminal."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from harness.report.markup import Block, Document

ELSEWHERE = 100
"""Characters of a line where there is no terminal."""
UNLIMITED = 10_000
"""Characters; wider than any table."""


def print_line(text: str) -> None:
    """Print a line, which the terminal may wrap, without control characters."""
    click.echo(clean(text))


def print_document(document: Document) -> None:
    """Print tables, then notes, then the sentences, which a terminal shows last."""
    for block in document.blocks:
        print_grid(*block)
    for note in document.notes:
        print_line(note)
    print_line("")
    for line in document.words:
        print_line(line)


def print_short(document: Document, expendable: Sequence[str], more: Sequence[str]) -> None:
    """Print a document in the width that there is: sentences, tables, notes, then where more is.

    Args:
        document: The sentences, the tables and what explains them.
        expendable: Headings of columns that are left out where the tables are too wide, in the
            order in which they go; which did is said below. Of a heading with a unit, as in
            "cost, s", what stands before the comma.
        more: Lines that are not wrapped, such as commands.
    """
    from rich.console import Console

    console = Console(highlight=False)
    width = console.width if console.is_terminal or "COLUMNS" in os.environ else ELSEWHERE
    console.width = width
    _print_wrapped(document.words, width)
    left: dict[str, None] = {}
    for block in document.blocks:
        fitted, gone = _fit(console, block, expendable)
        left |= dict.fromkeys(gone)
        with console.capture() as captured:
            console.print(fitted)
        click.echo("\n".join(["", *map(str.rstrip, captured.get().splitlines()), ""]))
    notes = [*document.notes]
    if left:
        notes.append(
            f"Left out for a width of {width}: {'; '.join(left)}. A wider terminal or --section "
            "leaderboard shows them."
        )
    _print_wrapped([*notes, ""], width)
    for line in more:
        print_line(line)


def _print_wrapped(lines: Iterable[str], width: int) -> None:
    for line in lines:
        shown = textwrap.wrap(clean(line), width, break_long_words=False, break_on_hyphens=False)
        click.echo("\n".join(shown))


def _fit(console: Console, block: Block, expendable: Sequence[str]) -> tuple[Table, list[str]]:
    """Make a table that fits the console, and name the columns that it does without."""
    from rich import box

    gone: list[str] = []
    going = [name for key in expendable for name in block.headings if name.split(", ")[0] == key]
    while True:
        kept = [place for place, name in enumerate(block.headings) if name not in gone]
        grid = _make_grid(
            block.title,
            [block.headings[place] for place in kept],
            [[row[place] for place in kept] for row in block.rows],
            sum(place < block.texts for place in kept),
            stack=False,
        )
        grid.box, grid.padding, grid.show_edge = box.SIMPLE_HEAD, (0, 1, 0, 0), False
        if _measure(console, grid) <= console.width or not going:
            grid.columns[0].no_wrap, grid.columns[0].overflow = False, "fold"
            return grid, gone
        gone.append(going.pop(0))


def print_grid(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], texts: int = 1
) -> None:
    """Print a table as wide as its content, so that figures are never cut or broken.

    In a terminal that is too narrow, intervals go below their figures.

    Args:
        title: Its title.
        headings: One per column.
        rows: Cells, one per column.
        texts: How many columns from the left hold text; the others hold figures.
    """
    from rich.console import Console

    console = Console(highlight=False)
    grid = _make_grid(title, headings, rows, texts, stack=False)
    needed = _measure(console, grid)
    if console.is_terminal and needed > console.width:
        grid = _make_grid(title, headings, rows, texts, stack=True)
        needed = _measure(console, grid)
    console.width = max(console.width, needed)
    console.print(grid)


def _make_grid(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], texts: int, stack: bool
) -> Table:
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=Text(clean(title)), title_justify="left", title_style="bold")
    for position, heading in enumerate(headings):
        justify: Literal["left", "right"] = "left" if position < texts else "right"
        text = clean(heading).replace(" ", "\n" if stack else " ")
        grid.add_column(Text(text), justify=justify, no_wrap=True)
    for cells in rows:
        shown = [clean(cell) for cell in cells]
        if stack:
            shown = [re.sub(r" (?=\[|\(|\+ )", "\n", cell) for cell in shown]
        grid.add_row(*map(Text, shown))
    return grid


def _measure(console: Console, grid: Table) -> int:
    return console.measure(grid, options=console.options.update(width=UNLIMITED)).maximum


def clean(text: str) -> str:
    """Replace unprintable characters, such as control characters, by question marks."""
    return "".join(char if char.isprintable() else "?" for char in text)


def clean_lines(text: str) -> str:
    """Replace unprintable characters in each line of a message."""
    return "\n".join(map(clean, text.split("\n")))


def figure(value: float | None, digits: int = 3) -> str:
    """Format a figure; a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def write_bytes(n: float) -> str:
    """Format a number of bytes."""
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.1f} MB"


def write_duration(seconds: float) -> str:
    """Format a duration to about two digits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
