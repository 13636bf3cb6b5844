"""The page: a whole report in one file that loads nothing and sends nothing.

Labels, paths and settings may come from a user's file. The template escapes all of them, and a
policy in the page forbids whatever is not its own script and style, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from harness import provenance
from harness.files.atomic import check_replaceable, make_folder, write_atomically
from harness.report.answer import MOST_DOUBTS, answer_report
from harness.report.contents import Contents
from harness.report.figure import Figure
from harness.report.figures import make_figures
from harness.report.grids import grid_blocks
from harness.report.leaderboard import leaderboard_block, make_leaderboard
from harness.report.markup import Block, Document
from harness.report.measures import FIGURES
from harness.report.page import charts
from harness.report.page.explorer import explorer_data, to_script_json
from harness.report.page.provenance import origins, truths_block
from harness.report.page.tables import figure_block, lead_with_tau, metric_tables
from harness.report.page.theme import make_theme_css
from harness.report.rendering import report_document
from harness.report.side_by_side import side_by_side_blocks
from harness.report.tables import (
    difference_block,
    population_blocks,
    uncertainty_block,
)
from harness.report.trade_offs import trade_off_blocks
from harness.report.training_tables import training_blocks
from harness.report.words import find_doubts
from harness.stats import METRICS

TEMPLATE, SMALL, STYLE = "page.html.jinja", "small.html.jinja", "page.css"
SCRIPTS = ("tip.js", "numbers.js", "explorer.js", "estimators.js", "page.js")
MANY_LABELS = 3
"""With more estimators the title gives their number, not their names."""
MANY = 6
"""With more estimators the reader chooses which are in the figures; at first the best of them."""
ON_REQUEST = "trade-off"
"""A topic that no data lack where it is absent."""


class Topic(NamedTuple):
    """A part of the page.

    Attributes:
        name: Its anchor.
        title: Its heading.
        figures: Its figures, each with a heading; None where the topic's heading is enough.
        blocks: Its tables.
    """

    name: str
    title: str
    figures: list[tuple[str | None, Figure]]
    blocks: list[Block]


def save_page(report: Contents, file: Path) -> None:
    """Write a report as one page.

    Args:
        report: The report.
        file: Where it goes; its folder is created if missing.

    Raises:
        UsageError: If the file exists and is not a page.
        StoreError: If it cannot be written.
    """
    check_replaceable(file, b"<!doctype html>", "page")
    make_folder(file.parent, "--html")
    write_atomically(file, render_page(report))


def render_page(report: Contents, date: str | None = None) -> str:
    """Return a report as one page.

    Args:
        report: The report.
        date: Date of creation, ISO 8601; now unless given.

    Returns:
        HTML that refers to no other file.
    """
    script = "\n".join(map(_read, SCRIPTS))
    content = {
        **_describe(report),
        "script": Markup(script),
        "script_hash": _hash(script),
        "data": Markup(to_script_json(explorer_data(report))),
    }
    return _render(TEMPLATE, content, date or provenance.now())


def save_small_page(
    title: str,
    document: Document,
    figures: Sequence[Figure],
    places: dict[str, int],
    file: Path,
) -> None:
    """Write sentences, tables and figures as a page without a script.

    Args:
        title: Its title.
        document: Sentences, tables and notes.
        figures: The figures.
        places: Of each label, its place among all, which decides its colour.
        file: As for `save_page`.

    Raises:
        UsageError: If the file exists and is not a page.
        StoreError: If it cannot be written.
    """
    check_replaceable(file, b"<!doctype html>", "page")
    make_folder(file.parent, "--html")
    content = {"title": title, "document": document, "figures": figures, **_drawing(places)}
    write_atomically(file, _render(SMALL, content, provenance.now()))


def _render(template: str, content: dict[str, Any], date: str) -> str:
    """Fill a template; every page has the style, a date and the version."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = make_theme_css() + _read(STYLE)
    return environment.get_template(template).render(
        content,
        # Style and script are the only text that is not escaped: this package's own.
        style=Markup(style),
        style_hash=_hash(style),
        date=date,
        version=provenance.own_version() or "unknown",
    )


def _drawing(places: dict[str, int]) -> dict[str, Any]:
    """Return what the parts of a template draw figures with."""
    return {
        "places": places,
        "draw": partial(charts.draw_chart, places=places),
        "key": partial(charts.draw_key, places=places),
        "figure_table": figure_block,
        "widths": (charts.WIDE, charts.NARROW),
    }


def _read(name: str) -> str:
    return (files("harness.report.page") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _describe(report: Contents) -> dict[str, Any]:
    labels, places = report.labels, report.places
    names = ", ".join(labels) if len(labels) <= MANY_LABELS else f"{len(labels)} estimators"
    topics, document = _topics(report), report_document(report)
    return {
        "title": f"Ranking report: {names}",
        "answer": answer_report(report),
        "doubts": find_doubts(report),
        "most_doubts": MOST_DOUBTS,
        "words": document.words,
        "ranked": _rank(report),
        "floors": [places[section.floor.label] for section in report.sections],
        "n_estimators": len(labels),
        "many": MANY,
        "notes": document.notes,
        "rankings": [
            *side_by_side_blocks(report.sections),
            *(
                block
                for section in report.sections
                for block in (lead_with_tau(leaderboard_block(section)), *grid_blocks(section))
            ),
        ],
        "truths": [
            {"title": section.truth.title, "metrics": metric_tables(section)}
            for section in report.sections
        ],
        "topics": {topic.name: topic for topic in topics},
        "absent": [
            topic.title
            for topic in topics
            if not topic.figures and not topic.blocks and topic.name != ON_REQUEST
        ],
        "definitions": {
            "Metrics": [(metric.title, metric.definition) for metric in METRICS.values()],
            "Populations": list(_populations_of(report)),
            "Training": [(figure.title, figure.definition) for figure in FIGURES.values()],
        },
        "origins": origins(report),
        "truth_table": truths_block(report),
        **_drawing(places),
    }


def _rank(report: Contents) -> list[str]:
    """Return all labels with a place on a leaderboard, in the order of the first that has them."""
    boards = (make_leaderboard(section) for section in report.sections)
    return list(dict.fromkeys(place.result.label for board in boards for place in board))


def _populations_of(report: Contents) -> Iterable[tuple[str, str]]:
    """Return the populations of a report with what each contains, each name once."""
    found: dict[str, str] = {}
    for section in report.sections:
        parts = section.evaluations[0].populations
        found |= {name: part.population.description for name, part in parts.items()}
    return found.items()


def _topics(report: Contents) -> list[Topic]:
    """Make the parts that are figures and tables, in the order of the page."""
    sections, figures = report.sections, make_figures(report)

    def draw(*kinds: str) -> list[tuple[str | None, Figure]]:
        found = [f for kind in kinds for f in figures if re.sub(r"-\d+$", "", f.name) == kind]
        if len(kinds) > 1:
            return [(figure.title, figure) for figure in found]
        if len(sections) > 1 and len(found) > 1:
            # The number at the end of a name is that of its truth.
            numbers = [int(figure.name.rpartition("-")[2]) for figure in found]
            return [
                (f"Against {sections[number - 1].truth.title}", figure)
                for number, figure in zip(numbers, found, strict=True)
            ]
        return [(None, figure) for figure in found]

    disturbance = draw(
        *("positive-pd", "positive-pd-against-loss", "positive-pd-by-shared"),
        *("mean-pd", "progress"),
    )
    pairs = [difference_block(section) for section in sections if section.pairs]
    return [
        Topic(
            "populations",
            "Tau by population",
            draw("tau-by-population"),
            [block for section in sections for block in population_blocks(section.evaluations)],
        ),
        Topic("gaps", "Pairs in the right order, by true gap", draw("order-by-gap"), []),
        Topic("disturbance", "Disturbance", disturbance, training_blocks(report)),
        Topic("training", "Training", draw("training-loss"), []),
        Topic("over-training", "Tau over training", draw("tau-over-training"), []),
        Topic(
            "cost",
            "Tau against cost",
            draw("tau-against-cost", "tau-against-gpu-cost", "tau-against-given-cost"),
            [],
        ),
        Topic(
            "sample-efficiency",
            "Sample efficiency",
            draw(
                *("tau-against-labels", "tau-top-10-against-labels"),
                *("tau-against-label-epochs", "tau-top-10-against-label-epochs"),
            ),
            [],
        ),
        Topic(
            ON_REQUEST,
            "Trade-off",
            draw("trade-off"),
            [block for section in sections for block in trade_off_blocks(section)],
        ),
        Topic("differences", "Paired differences", [], pairs),
        Topic("uncertainty", "Uncertainty by cause", [], list(map(uncertainty_block, sections))),
    ]
