"""Evaluations and reports as documents and JSON; `rows.py` has their CSV.

Labels may come from a user's file: they are printable by then, and every format escapes what
would be markup or a formula in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from harness.evaluation import Evaluated
from harness.report.answer import answer_report
from harness.report.contents import Contents, Section
from harness.report.grids import find_grids
from harness.report.leaderboard import make_leaderboard
from harness.report.markup import Block, Document, to_latex, to_markdown
from harness.report.parts import (
    CAVEATS,
    DIFFERENCES,
    DISTURBANCE,
    LEADERBOARD,
    PARTS,
    POPULATIONS,
    TRADE_OFF,
    UNCERTAINTY,
    check_content,
    pick,
)
from harness.report.rows import (
    EVALUATION_COLUMNS,
    REPORT_COLUMNS,
    evaluation_rows,
    report_rows,
    to_csv,
)
from harness.report.sample_efficiency import find_curves
from harness.report.side_by_side import NOTE as SIDE_BY_SIDE_NOTE
from harness.report.side_by_side import put_side_by_side, side_by_side_blocks
from harness.report.tables import (
    LABELS_NOTE,
    NOTES,
    evaluation_blocks,
    overview_block,
    section_blocks,
)
from harness.report.trade_offs import NOTE as TRADE_OFF_NOTE
from harness.report.training_tables import training_blocks, training_notes
from harness.report.words import describe_evaluation, describe_report, describe_together


def evaluation_document(results: Sequence[Evaluated]) -> Document:
    """Return what is printed of estimators, each judged on its own architectures."""
    several = len(results) > 1
    words = describe_together(results) if several else []
    blocks = [overview_block(results)] if several else []
    for result in results:
        words += describe_evaluation(result)
        blocks += evaluation_blocks(result)
    return Document(list(dict.fromkeys(words)), blocks, list(NOTES))


def report_document(report: Contents, parts: Collection[str] = ()) -> Document:
    """Return what is printed of a report.

    Args:
        report: The report.
        parts: Names of `PARTS` to keep to; all by default.

    Raises:
        UsageError: If the report has nothing of one.
    """
    check_content(parts, list_parts(report))
    words, blocks = describe_report(report, parts), list(pick(_tag_blocks(report), parts))
    return Document(words, blocks, _pick_notes(report, parts))


def report_csv(report: Contents, parts: Collection[str] = ()) -> str:
    """Return the figures of a report, or of parts of it, as CSV.

    Raises:
        UsageError: As `report_document`.
    """
    check_content(parts, list_parts(report))
    return to_csv(REPORT_COLUMNS, report_rows(report, parts))


def whole_document(report: Contents) -> Document:
    """Return all that is known of estimators that are each judged on their own architectures.

    Besides leaderboards and differences, that is every metric on every population.
    """
    shown = [part for part in (LEADERBOARD, DIFFERENCES) if part in list_parts(report)]
    first = report_document(report, shown)
    each = evaluation_document([r for section in report.sections for r in section.evaluations])
    return Document(
        list(dict.fromkeys((*first.words, *each.words))),
        [*first.blocks, *each.blocks],
        list(dict.fromkeys((*first.notes, *each.notes))),
    )


def list_parts(report: Contents) -> list[str]:
    """Name the parts of which a report has something."""
    there = {CAVEATS, *(part for part, _ in _tag_blocks(report))}
    return [name for name in PARTS if name in there]


def _tag_blocks(report: Contents) -> Iterator[tuple[str, Block]]:
    for block in side_by_side_blocks(report.sections):
        yield LEADERBOARD, block
    for section in report.sections:
        yield from section_blocks(section)
    for block in training_blocks(report):
        yield DISTURBANCE, block


def _pick_notes(report: Contents, parts: Collection[str]) -> list[str]:
    """Return the explanations of the tables of some parts; of all if none are named."""
    first, *others = NOTES.items()
    results = [result for section in report.sections for result in section.evaluations]
    notes = [
        *([(SIDE_BY_SIDE_NOTE, (LEADERBOARD,))] if side_by_side_blocks(report.sections) else []),
        first,
        *((note, (LEADERBOARD,)) for note in _label_notes(results)),
        *others,
        *((note, (DISTURBANCE,)) for note in training_notes(report)),
    ]
    if any(section.trade_off for section in report.sections):
        notes.append((TRADE_OFF_NOTE, (TRADE_OFF,)))
    return [note for note, of in notes if not parts or not {*parts}.isdisjoint(of)]


def _label_notes(results: Sequence[Evaluated]) -> list[str]:
    return [LABELS_NOTE] if any(result.estimator.fitted_on for result in results) else []


def evaluation_to_dict(result: Evaluated) -> dict[str, Any]:
    """Return everything of one estimator except its scores, ready for JSON."""
    return {**result.to_dict(), "words": list(describe_evaluation(result))}


def report_to_dict(report: Contents, parts: Collection[str] = ()) -> dict[str, Any]:
    """Return everything of a report, or of parts of it, except scores, ready for JSON."""

    def has(*names: str) -> bool:
        return not parts or not {*parts}.isdisjoint(names)

    made: dict[str, Any] = {
        "answer": list(answer_report(report)),
        "words": list(describe_report(report, parts)),
        "sections": [_section_to_dict(section, has) for section in report.sections],
    }
    if has(LEADERBOARD):
        made["side_by_side"] = [row.to_dict() for row in put_side_by_side(report.sections)]
    if has(DISTURBANCE):
        made["trainings"] = [training.to_dict() for training in report.trainings]
        made["training_pairs"] = [pair.to_dict() for pair in report.training_pairs]
    if has(CAVEATS):
        made["unfinished"] = list(report.unfinished)
    return made


def _section_to_dict(section: Section, has: Callable[..., bool]) -> dict[str, Any]:
    made: dict[str, Any] = {"truth": section.truth.to_dict(), "n": len(section.keys)}
    if has(LEADERBOARD):
        made["leaderboard"] = [place.to_dict() for place in make_leaderboard(section)]
    if has(POPULATIONS, UNCERTAINTY):
        made["evaluations"] = list(map(evaluation_to_dict, section.evaluations))
    if has(DIFFERENCES):
        made["margins"] = [margin.to_dict() for margin in section.margins]
        made["pairs"] = [pair.to_dict() for pair in section.pairs]
    if has(LEADERBOARD):
        made["grids"] = [grid.to_dict() for grid in find_grids(section.evaluations)]
        curves = find_curves(section.evaluations)
        made["sample_efficiency"] = [curve.to_dict() for curve in curves]
    if has(TRADE_OFF):
        made["trade_off"] = section.trade_off and section.trade_off.to_dict()
    if has(DISTURBANCE):
        made["tau_over_training"] = {label: list(taus) for label, taus in section.taus.items()}
    return made


def to_json(content: Mapping[str, Any]) -> str:
    """Return plain values as JSON."""
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


EVALUATION_WRITERS: dict[str, Callable[[Sequence[Evaluated]], str]] = {
    "csv": lambda results: to_csv(EVALUATION_COLUMNS, evaluation_rows(results)),
    "json": lambda results: to_json({"evaluations": list(map(evaluation_to_dict, results))}),
    "latex": lambda results: to_latex(evaluation_document(results)),
    "markdown": lambda results: to_markdown(evaluation_document(results)),
}
"""Formats other than the terminal's tables, by name."""

REPORT_WRITERS: dict[str, Callable[..., str]] = {
    "csv": report_csv,
    "json": lambda report, parts=(): to_json(report_to_dict(report, parts)),
    "latex": lambda report, parts=(): to_latex(report_document(report, parts)),
    "markdown": lambda report, parts=(): to_markdown(report_document(report, parts)),
}
"""Likewise for reports, of which only some parts may be asked for."""
