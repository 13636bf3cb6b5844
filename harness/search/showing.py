"""Judged searches as sentences, a table and figures."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.cells import write_ends
from harness.report.figure import Figure, Series, make_series
from harness.report.markup import Block, Document
from harness.search.judging import Judged, Row

NOTE = (
    "An evaluation is of a network that the search has not evaluated before: architectures that "
    "are one network are evaluated once, by whichever comes first, though their truths may differ. "
    "Epochs count by their share of a longest training. Found is the best by the "
    "objective among the longest trainings. [..]: 95% interval of the mean over seeds; differences "
    "to random search are paired by seed. Cost: what the evaluations took, without the scores of "
    "--start-from."
)
SHOWN_POINTS = 5
"""Numbers of evaluations in the table; the last has an interval."""

MOST_POINTS = 200
"""Points of a curve that are drawn."""


def search_document(judged: Judged, objective: str) -> Document:
    """Write what searches found.

    Args:
        judged: The searches.
        objective: What they saw, in words.

    Returns:
        Sentences, the table and a note; the best method first.
    """
    judge, end = judged.judge, judged.budget
    rows = in_order(judged)
    points = judged.checkpoints[-SHOWN_POINTS:]
    what = "regret" if judge.is_regret else "share"
    cells = [
        (
            row.label,
            str(len(row.seeds)),
            *(_write(row, spent, spent == end) for spent in points),
            _write_gap(row, judged),
            _write_seconds(row.seconds(end)),
        )
        for row in rows
    ]
    title = (
        f"{what.capitalize()} ({judge.unit}) of what was found, against {judge.best}; objective: "
        f"{objective}"
    )
    headings = ("method", "seeds", *(f"@{n:,}" for n in points), "minus random", "cost, s")
    return Document([*_say(judged, rows), *judged.notes], [Block(title, headings, cells)], [NOTE])


def in_order(judged: Judged) -> list[Row]:
    """Return the methods, the best at the end of the budget first."""
    sign = 1.0 if judged.judge.is_regret else -1.0

    def place(row: Row) -> float:
        mean = row.mean(judged.budget)
        return float("inf") if mean is None else sign * mean

    return sorted(judged.rows, key=place)


def _say(judged: Judged, rows: Sequence[Row]) -> list[str]:
    judge, end = judged.judge, judged.budget
    words = []
    told = ", ".join(f"{row.label} {_write(row, end, with_interval=True)}" for row in rows)
    n_seeds = len(rows[0].seeds)
    seeds = f"mean over {n_seeds} seeds" if n_seeds > 1 else "one seed"
    evaluations = f"{end:,} evaluation{'s' if end > 1 else ''}"
    if judge.is_regret:
        words.append(
            f"Regret after {evaluations} ({judge.unit} {judge.side} {judge.best}; {seeds}): {told}."
        )
    else:
        words.append(
            f"Share of the hypervolume of {judge.best} after {evaluations} ({seeds}): {told}."
        )
    for row in rows:
        gap = None if row is judged.chance else row.beside(judged.chance, end)
        if gap is None or gap[1] is None:
            continue
        verdict = "no significant difference"
        if gap[1].low > 0.0 or gap[1].high < 0.0:
            verdict = "better" if (gap[0] < 0.0) == judge.is_regret else "worse"
        words.append(f"{row.label} minus random search: {_write_gap(row, judged)}: {verdict}.")
    if judged.ranking is not None:
        value, n = judged.ranking
        words.append(
            f"Scoring all {n:,} candidates and taking the best by the objective has {value:.3f}."
        )
    return words


def _write(row: Row, spent: float, with_interval: bool) -> str:
    mean = row.mean(spent)
    if mean is None:
        return "-"
    ends = write_ends(row.interval(spent)) if with_interval else ""
    return f"{mean:.3f}{ends}"


def _write_gap(row: Row, judged: Judged) -> str:
    gap = None if row is judged.chance else row.beside(judged.chance, judged.budget)
    return "-" if gap is None else f"{gap[0]:+.3f}{write_ends(gap[1], signed=True)}"


def _write_seconds(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:,.0f}"


def search_figures(judged: Judged, objective: str) -> list[Figure]:
    """Make the figures: what was found against evaluations, and against seconds if all are known.

    Args:
        judged: The searches.
        objective: What they saw, in words.
    """
    judge, end = judged.judge, judged.budget
    what = "regret" if judge.is_regret else "share of the hypervolume"
    step = -(-end // MOST_POINTS)
    places = [*range(1, end, step), end]
    y_label = f"{what}, {judge.unit}" if judge.is_regret else what
    caption = (
        f"{what.capitalize()} of what was found, against {judge.best}; objective: {objective}. "
        "Lines: mean over seeds; bands: its 95% interval."
    )
    figures = [
        Figure(
            "regret-against-evaluations",
            f"{what.capitalize()} against evaluations",
            caption,
            "evaluations",
            y_label,
            tuple(_curve(row, [(spent, float(spent)) for spent in places]) for row in judged.rows),
            is_x_log=True,
        )
    ]
    timed = [[(spent, row.seconds(spent)) for spent in places] for row in judged.rows]
    points = [[(n, s) for n, s in each if s is not None and s > 0.0] for each in timed]
    if all(points):
        pairs = zip(judged.rows, points, strict=True)
        figures.append(
            Figure(
                "regret-against-seconds",
                f"{what.capitalize()} against seconds",
                f"{caption} Seconds: what the evaluations took, as recorded, mean over seeds.",
                "seconds of evaluations",
                y_label,
                tuple(_curve(row, own) for row, own in pairs),
                is_x_log=True,
            )
        )
    return figures


def _curve(row: Row, points: Sequence[tuple[float, float]]) -> Series:
    """Draw a method at evaluations, each with its place on the x axis."""
    known = [(spent, x) for spent, x in points if row.mean(spent) is not None]
    return make_series(
        row.label,
        [x for _, x in known],
        [row.mean(spent) for spent, _ in known],
        [row.interval(spent) for spent, _ in known],
    )
