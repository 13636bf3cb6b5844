"""Tables and sentences as text, Markdown, HTML and LaTeX.

Labels may come from a user's file: every format escapes what would be markup in it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import NamedTuple

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


class Block(NamedTuple):
    """A table.

    Attributes:
        title: Its title.
        headings: One for each column.
        rows: Cells, one for each column.
        texts: Number of columns, from the left, that contain text; the others contain figures.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1


class Document(NamedTuple):
    """The printed form of an evaluation or a report.

    Attributes:
        words: Sentences, one line each.
        blocks: Tables.
        notes: Explanations of the tables.
    """

    words: Sequence[str]
    blocks: Sequence[Block]
    notes: Sequence[str]


def to_markdown(document: Document) -> str:
    """Return a document as Markdown: sentences, then tables."""
    lines = [f"- {escape_markdown(line)}" for line in document.words] + [""]
    for block in document.blocks:
        lines += block_to_markdown(block)
    return "\n".join([*lines, *(f"- {escape_markdown(note)}" for note in document.notes)]) + "\n"


def to_html(document: Document) -> str:
    """Return a document as a fragment of HTML, for a notebook."""
    parts = ["<div>", *(f"<p>{html.escape(line)}</p>" for line in document.words)]
    parts += map(block_to_html, document.blocks)
    parts += [f"<p><small>{html.escape(note)}</small></p>" for note in document.notes]
    return "\n".join([*parts, "</div>"])


def to_latex(document: Document) -> str:
    """Return the tables of a document as LaTeX, the rest as comments."""
    parts = [r"% Needs \usepackage[T1]{fontenc} and \usepackage{booktabs}."]
    parts += [f"% {line}" for line in document.words]
    parts += map(block_to_latex, document.blocks)
    return "\n".join([*parts, *(f"% {note}" for note in document.notes)]) + "\n"


def block_to_text(block: Block) -> list[str]:
    """Return the lines of a table as plain text, the title first."""
    columns = list(zip(block.headings, *block.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            cell.ljust(width) if place < block.texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (block.headings, *block.rows)
    ]
    return [block.title, *lines]


def escape_markdown(text: str) -> str:
    """Escape markup: Markdown may contain HTML and links, and cells end at a bar."""
    escaped = re.sub(r"([\\|`])", r"\\\1", html.escape(text, quote=False))
    return escaped.replace("](", r"\](")


def block_to_markdown(block: Block) -> list[str]:
    """Return the lines of a table in Markdown, with an empty one at the end."""

    def pipe(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(escape_markdown, cells))} |"

    rows = [pipe(row) for row in block.rows]
    rules = ["---"] * block.texts + ["---:"] * (len(block.headings) - block.texts)
    title = f"**{escape_markdown(block.title)}**"
    return [title, "", pipe(block.headings), pipe(rules), *rows, ""]


def block_to_html(block: Block) -> str:
    """Return a table in HTML, with a caption and scopes for screen readers."""
    head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in block.headings)
    rows = []
    for first, *cells in block.rows:
        figures = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{html.escape(first)}</th>{figures}</tr>')
    body = "\n".join(rows)
    return (
        f"<table><caption>{html.escape(block.title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table>"
    )


def escape_latex(text: str) -> str:
    """Escape what LaTeX would read as a command."""
    return "".join(_LATEX.get(char, char) for char in text).replace("+-", r"$\pm$")


def block_to_latex(block: Block) -> str:
    """Return a table in LaTeX; it needs the package booktabs, and T1 fonts for quotes."""

    def line(cells: Sequence[str]) -> str:
        # A bracket after the end of a row would be read as the argument of \\.
        return " & ".join(f"{{}}{c}" if c.startswith("[") else c for c in map(escape_latex, cells))

    columns = "l" * block.texts + "r" * (len(block.headings) - block.texts)
    return "\n".join(
        (
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape_latex(block.title)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            rf"{line(block.headings)} \\",
            r"\midrule",
            *(rf"{line(row)} \\" for row in block.rows),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        )
    )
