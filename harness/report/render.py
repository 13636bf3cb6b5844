"""Reports as Markdown, LaTeX, CSV, JSON, and as HTML for a notebook."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Iterable, Iterator

from harness.evaluation.markup import (
    block_to_html,
    block_to_latex,
    block_to_markdown,
    escape_markdown,
)
from harness.evaluation.rendering import figure_rows, metric_row
from harness.report.blocks import make_notes, make_report_blocks
from harness.report.estimates import Estimate
from harness.report.report import Report, Section
from harness.scores import guard_formula

CSV_COLUMNS = (
    *("kind", "name", "seeds", "truth", "truth_sha256", "population", "figure", "n", "value"),
    *("low", "high", "interval_over", "sd_over_seeds", "status", "speaks_of"),
)


def to_markdown(report: Report) -> str:
    """Return the report as Markdown: sentences, then tables."""
    lines = [f"- {escape_markdown(line)}" for line in report.words] + [""]
    for block in make_report_blocks(report):
        lines += block_to_markdown(block)
    return (
        "\n".join([*lines, *(f"- {escape_markdown(note)}" for note in make_notes(report))]) + "\n"
    )


def to_latex(report: Report) -> str:
    """Return the tables as LaTeX, the sentences as comments."""
    parts = [r"% Needs \usepackage[T1]{fontenc} and \usepackage{booktabs}."]
    parts += [f"% {line}" for line in report.words]
    parts += map(block_to_latex, make_report_blocks(report))
    return "\n".join([*parts, *(f"% {note}" for note in make_notes(report))]) + "\n"


def to_html(report: Report) -> str:
    """Return the report as a fragment of HTML, for a notebook."""
    parts = ["<div>", *(f"<p>{html.escape(line)}</p>" for line in report.words)]
    parts += map(block_to_html, make_report_blocks(report))
    parts += [f"<p><small>{html.escape(note)}</small></p>" for note in make_notes(report)]
    return "\n".join([*parts, "</div>"])


def to_json(report: Report) -> str:
    """Return everything but scores as JSON."""
    return json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n"


def to_csv(report: Report) -> str:
    """Return the report as CSV, one figure a row in full precision; no cell runs as a formula."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for section in report.sections:
        writer.writerows(_section_rows(section))
    writer.writerows(_training_rows(report))
    return file.getvalue()


def _section_rows(section: Section) -> Iterator[dict[str, object]]:
    against = {"truth": guard_formula(section.title), "truth_sha256": section.truth.sha256}
    for result in section.evaluations:
        who = {
            "kind": "estimator",
            "name": guard_formula(result.estimator.label),
            "seeds": _seeds(result.estimator.seeds),
            **against,
        }
        for population, part in result.populations.items():
            yield from (who | {"population": population} | row for row in figure_rows(part))
    for pair in section.pairs:
        who = {
            "kind": "difference",
            "name": guard_formula(pair.pair.name),
            "seeds": _seeds(pair.pair.seeds),
            "speaks_of": guard_formula(pair.pair.claim),
            **against,
        }
        for population, metrics in pair.comparison.differences.items():
            for name, metric in metrics.items():
                yield who | {"population": population} | metric_row(name, metric)


def _training_rows(report: Report) -> Iterator[dict[str, object]]:
    for result in report.trainings:
        runs = result.training.runs
        who = {
            "kind": "training",
            "name": guard_formula(result.label),
            "seeds": _seeds([run.config.seed for run in runs]),
        }
        for figure, estimate in result.figures.items():
            yield who | _estimate_row(figure, estimate)
    for pair in report.training_pairs:
        who = {
            "kind": "training difference",
            "name": guard_formula(pair.pair.name),
            "seeds": _seeds(pair.pair.seeds),
            "speaks_of": guard_formula(pair.pair.claim),
        }
        for difference in pair.differences:
            figure = f"{difference.figure} {difference.condition}".strip()
            yield who | _estimate_row(figure, difference.difference)


def _estimate_row(figure: str, estimate: Estimate) -> dict[str, object]:
    n_seeds = sum(value is not None for value in estimate.values)
    row: dict[str, object] = {"figure": figure, "n": n_seeds, "value": estimate.mean}
    row["status"] = "unknown" if estimate.mean is None else "ok"
    if estimate.sd is not None:
        row["sd_over_seeds"] = estimate.sd
    if estimate.interval is not None:
        low, high = estimate.interval
        row |= {"low": low, "high": high, "interval_over": "seeds"}
    return row


def _seeds(seeds: Iterable[object]) -> str:
    """Write known seeds, and pairs of seeds as 0/0."""
    pairs = (seed if isinstance(seed, tuple) else (seed,) for seed in seeds)
    texts = ("/".join("-" if s is None else str(s) for s in pair) for pair in pairs)
    return " ".join(text for text in texts if text != "-")


FORMATS: dict[str, Callable[[Report], str]] = {
    "csv": to_csv,
    "json": to_json,
    "latex": to_latex,
    "markdown": to_markdown,
}
"""Formats other than the terminal's table, by name."""
