"""Evaluations as plain text, Markdown, HTML, LaTeX, JSON and CSV.

Labels may come from somebody's file: they are printable when they get here, and every form
escapes what would be markup, or a formula, in it.
"""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.evaluation.blocks import NOTES, make_blocks, make_overview
from harness.evaluation.markup import (
    block_to_html,
    block_to_latex,
    block_to_markdown,
    escape_markdown,
)
from harness.evaluation.sentences import describe_together
from harness.scores import guard_formula
from harness.stats import MetricResult, PopulationResult

if TYPE_CHECKING:
    from harness.evaluation.result import EvaluationResult

CSV_COLUMNS = (
    *("estimator", "seeds", "score", "truth", "split", "epochs", "policy", "truth_sha256"),
    *("population", "figure", "n", "value", "low", "high", "interval_over", "sd_over_seeds"),
    "status",
)


def to_text(result: EvaluationResult) -> str:
    """Return the sentences and the table of populations as plain text."""
    title, headings, rows, _ = make_blocks(result)[0]
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join([*result.words, "", title, *lines])


def to_markdown(results: Sequence[EvaluationResult]) -> str:
    """Return results as Markdown: sentences, then tables."""
    lines: list[str] = []
    if len(results) > 1:
        lines += block_to_markdown(make_overview(results))
        lines += [f"{escape_markdown(line)}\n" for line in describe_together(results)]
    for result in results:
        lines += [f"## {escape_markdown(result.estimator.label)}", ""]
        lines += [f"- {escape_markdown(line)}" for line in result.words]
        lines.append("")
        for block in make_blocks(result):
            lines += block_to_markdown(block)
    lines += [f"- {escape_markdown(note)}" for note in NOTES]
    return "\n".join(lines) + "\n"


def to_html(result: EvaluationResult) -> str:
    """Return a result as a fragment of HTML, for a notebook."""
    parts = ["<div>"]
    parts += [f"<p>{html.escape(line)}</p>" for line in result.words]
    parts += map(block_to_html, make_blocks(result))
    parts += [f"<p><small>{html.escape(note)}</small></p>" for note in NOTES]
    return "\n".join([*parts, "</div>"])


def to_latex(results: Sequence[EvaluationResult]) -> str:
    """Return the tables of results as LaTeX, the sentences as comments."""
    parts = ["% Needs \\usepackage[T1]{fontenc} and \\usepackage{booktabs}."]
    for result in results:
        parts += [f"% {line}" for line in result.words]
        parts += map(block_to_latex, make_blocks(result))
    return "\n".join([*parts, *(f"% {note}" for note in NOTES)]) + "\n"


def to_json(results: Sequence[EvaluationResult]) -> str:
    """Return everything of some results as JSON."""
    content = {"evaluations": [result.to_dict() for result in results]}
    return json.dumps(content, indent=2, allow_nan=False) + "\n"


def to_csv(results: Sequence[EvaluationResult]) -> str:
    """Return results as CSV, one figure a row in full precision; no cell runs as a formula."""
    file = io.StringIO()
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for result in results:
        query, estimator = result.truth.query, result.estimator
        who = {
            "estimator": guard_formula(estimator.label),
            "seeds": " ".join(str(seed) for seed in estimator.seeds if seed is not None),
            "score": guard_formula(estimator.score_kind),
            "truth": guard_formula(query.dataset),
            "split": guard_formula(query.split),
            "epochs": query.epochs,
            "policy": query.policy,
            "truth_sha256": result.truth.sha256,
        }
        writer.writerows(who | row for row in _count_rows(result))
        for name, part in result.populations.items():
            writer.writerows(who | {"population": name, **row} for row in figure_rows(part))
    return file.getvalue()


def _count_rows(result: EvaluationResult) -> list[dict[str, object]]:
    counts = {
        "n_scored": result.n_scored,
        "n_incomplete": result.n_incomplete,
        "n_without_truth": result.n_without_truth,
        "n_uncommon": result.n_uncommon,
        **{f"excluded: {why}": n for why, n in result.estimator.exclusions.items()},
    }
    return [{"figure": name, "value": value} for name, value in counts.items()]


def figure_rows(part: PopulationResult) -> list[dict[str, object]]:
    """Return the figures of one population as rows of CSV."""
    rows = [metric_row(name, result) for name, result in part.metrics.items()]
    rows += [metric_row(f"tau_of_{name}", result) for name, result in part.baselines.items()]
    reference, ceiling, found = part.reference, part.ceiling, part.components
    if reference is not None:
        n = reference.n_archs
        rows.append({"figure": "one_seed_reference", "n": n, "value": reference.tau})
    if ceiling is not None:
        rows.append({"figure": "ceiling", "n": ceiling.n_archs, "value": ceiling.tau})
    more: dict[str, float | None] = {"share_of_ceiling": part.share_of_ceiling}
    if part.attenuation is not None:
        more["tau_against_true"] = part.attenuation.tau
    if found is not None:
        more |= {
            "tau_se_seeds": found.seeds_se,
            "tau_se_architectures": found.architectures_se,
            "tau_se_truth": found.truth_beyond_se,
            "tau_se_total": found.total_se,
        }
    n = part.population.n
    return rows + [{"figure": f, "n": n, "value": v} for f, v in more.items() if v is not None]


def metric_row(name: str, result: MetricResult) -> dict[str, object]:
    """Return one metric as a row of CSV."""
    several = len(result.per_seed) > 1
    interval, over = result.interval, "seeds and architectures" if several else "architectures"
    if interval is None and result.over_seeds is not None:
        interval, over = result.over_seeds, "seeds"
    row: dict[str, object] = {"figure": name, "n": result.n, "value": result.value}
    row["status"] = result.status
    if several:
        row["sd_over_seeds"] = float(np.std(result.per_seed, ddof=1))
    if interval is not None:
        row |= {"low": interval.low, "high": interval.high, "interval_over": over}
    return row


FORMATS: dict[str, Callable[[Sequence[EvaluationResult]], str]] = {
    "csv": to_csv,
    "json": to_json,
    "latex": to_latex,
    "markdown": to_markdown,
}
"""Formats other than the terminal's table, by name."""
