"""Reports for people, in the terminal and as Markdown, and the list of all formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from rich.console import Console
from rich.table import Table

from harness.report.csv_format import to_csv
from harness.report.differences import Comparison
from harness.report.estimates import Estimate
from harness.report.tables import Report, StrategyRow, to_json
from harness.stats import MIN_ARCHS

UNLIMITED = 1_000
"""Columns; more than any table of a report has."""

TOO_FEW = "too few"
NOTES = (
    "tau: Kendall's tau-b of the score (minus validation loss on images of the data set) against "
    "the truth named in its row; [95%] over training seeds and architectures, for one seed over "
    "architectures only; +- is the spread over seeds. Figures on fewer than "
    f"{MIN_ARCHS} architectures are '{TOO_FEW}'.",
    "one-seed ref: how well one stand-alone training ranks what the others rank. ceiling: "
    "expected tau of a noiseless estimator against the row's truth (modelled). Ceiling and the "
    "baselines params and FLOPs are on the same architectures, the reference on those of them "
    "with the most trials. weighted: additive hyperbolic, by truth.",
    "PD: change of recent other paths' loss by one training step, nats (positive: harm); PD+: "
    "mean of its positive part; progress: what the step gained on its own path; all averaged "
    "over the whole training. A smaller step also lowers PD, so read it beside progress and "
    "training loss. plasticity: share of the input space that OGD's projectors leave free.",
    "A difference between ogd and spos is not yet one between constraint and no constraint: the "
    "projector also changes the size and the direction of steps, and no control for that is run.",
)


class Column(NamedTuple):
    """One column of the table of strategies.

    Attributes:
        heading: Its heading.
        cell: Makes its text from a row.
    """

    heading: str
    cell: Callable[[StrategyRow], str]


def _number(value: float | None, digits: int = 3, missing: str = "-") -> str:
    return missing if value is None else f"{value:.{digits}f}"


def _with_interval(estimate: Estimate, n: int) -> str:
    if estimate.mean is None:
        return TOO_FEW if n < MIN_ARCHS else "undefined"
    text = _number(estimate.mean)
    if estimate.sd is not None:
        text += f" +- {_number(estimate.sd)}"
    if estimate.interval is not None:
        text += f" [{_number(estimate.interval[0])}, {_number(estimate.interval[1])}]"
    return text


def _mean(estimate: Estimate, digits: int = 3, missing: str = "-") -> str:
    return _number(estimate.mean, digits, missing)


def _reference(row: StrategyRow) -> str:
    if row.reference is None:
        return "-"
    n_archs, n_trials = row.reference["n_archs"], row.reference["n_trials"]
    return f"{row.reference['tau']:.3f} (n={n_archs:,.0f}, {n_trials:.0f} trials)"


def _ceiling(row: StrategyRow) -> str:
    if row.ceiling is None:
        return "-"
    share = "" if row.ceiling_share is None else f" ({100 * row.ceiling_share:.0f}% reached)"
    return f"{row.ceiling:.3f}{share}"


WHO = (
    Column("dataset", lambda r: r.dataset),
    Column("strategy", lambda r: r.label),
)
TRUTH, NO_TRUTH = "truth", "-"
RANKING = (
    Column(TRUTH, lambda r: r.truth),
    Column("seeds", lambda r: ",".join(map(str, r.seeds))),
    Column("n", lambda r: f"{r.n:,}"),
    Column("tau [95%]", lambda r: _with_interval(r.tau, r.n)),
    Column("top half", lambda r: _mean(r.tau_top_half, missing=TOO_FEW)),
    Column("top 10%", lambda r: _mean(r.tau_top_10, missing=TOO_FEW)),
    Column("weighted", lambda r: _mean(r.weighted_tau, missing=TOO_FEW)),
    Column("Spearman", lambda r: _mean(r.spearman, missing=TOO_FEW)),
)
BEYOND = (
    Column(TRUTH, lambda r: r.truth),
    Column("n", lambda r: f"{r.n:,}"),
    Column("params", lambda r: _number(r.params_tau)),
    Column("FLOPs", lambda r: _number(r.flops_tau)),
    Column("one-seed ref", _reference),
    Column("ceiling", _ceiling),
)
DISTURBANCE = (
    Column("mean PD", lambda r: _mean(r.mean_pd, 4)),
    Column("PD+", lambda r: _mean(r.positive_pd, 4)),
    Column(
        "PD > 0",
        lambda r: "-" if r.positive_frac.mean is None else f"{100 * r.positive_frac.mean:.0f}%",
    ),
    Column("progress", lambda r: _mean(r.progress, 4)),
    Column("train loss", lambda r: _mean(r.train_loss)),
    Column("plasticity", lambda r: _mean(r.plasticity, 2)),
    Column("cost s/run", lambda r: _mean(r.cost_s, 0)),
)
COMPARISON_HEADINGS = ("dataset", "difference", TRUTH, "of", "n", "mean [95%]", "speaks of")


def describe_comparison(comparison: Comparison) -> tuple[str, ...]:
    """Return the cells of a comparison, in the order of `COMPARISON_HEADINGS`."""
    digits = 4 if comparison.metric in ("positive_pd", "progress") else 3
    estimate = comparison.difference
    text = "-" if estimate.mean is None else f"{estimate.mean:+.{digits}f}"
    if estimate.sd is not None:
        text += f" +- {estimate.sd:.{digits}f}"
    if estimate.interval is not None:
        low, high = estimate.interval
        text += f" [{low:+.{digits}f}, {high:+.{digits}f}]"
    metric = {"positive_pd": "PD+", "train_loss": "train loss"}.get(
        comparison.metric, comparison.metric
    )
    n, truth = f"{comparison.n:,}", comparison.truth or NO_TRUTH
    return comparison.dataset, comparison.name, truth, metric, n, text, comparison.claim


def conclude(comparison: Comparison) -> str:
    """Say in words what a difference of taus shows."""
    estimate, against = comparison.difference, f"against {comparison.truth}"
    first, _, second = comparison.name.partition(" minus ")
    if estimate.mean is None:
        why = TOO_FEW if comparison.n < MIN_ARCHS else "a tau is undefined"
        why = why if comparison.seeds else comparison.claim
        return f"{comparison.dataset}, {against}: {first} and {second} cannot be compared: {why}."
    who = f"{comparison.dataset}, {comparison.name}, {against}"
    if estimate.interval is None:
        return (
            f"{who}: tau {estimate.mean:+.3f} ({comparison.claim}), "
            "without an interval: all architectures were ranked, and there is one seed."
        )
    low, high = estimate.interval
    verdict = "the interval includes zero: no difference is shown"
    if low > 0:
        verdict = f"{first} ranks better"
    elif high < 0:
        verdict = f"{first} ranks worse"
    return (
        f"{who}: tau {estimate.mean:+.3f} [{low:+.3f}, {high:+.3f}] ({comparison.claim}): "
        f"{verdict}."
    )


def _words(report: Report) -> list[str]:
    lines = [conclude(c) for c in report.comparisons if c.metric == "tau"]
    truths = {f"{row.dataset} ({row.truth}; BN {row.bn_mode})": None for row in report.rows}
    lines.append(f"Truth: {'; '.join(truths)}.")
    lines += [
        f"{row.label}, {row.truth}: {row.n_ranked:,} ranked, of which {row.n:,} have a score and a "
        "truth."
        for row in report.rows
        if row.n < row.n_ranked
    ]
    if report.unfinished:
        lines.append(f"Left out, not finished: {', '.join(report.unfinished)}.")
    return lines


def _blocks(report: Report) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Return (title, headings, rows) of every table."""
    # what does not hang on the truth is told once, however many truths there are
    once = {(row.dataset, row.label): row for row in reversed(report.rows)}
    blocks = []
    for title, columns, shown in (
        ("Ranking", WHO + RANKING, report.rows),
        ("What it is measured against: tau on the same architectures", WHO + BEYOND, report.rows),
        ("Disturbance and cost, means over seeds", WHO + DISTURBANCE, list(once.values())[::-1]),
    ):
        headings = tuple(column.heading for column in columns)
        rows = [tuple(column.cell(row) for column in columns) for row in shown]
        blocks.append((title, headings, rows))
    if report.comparisons:
        cells = [describe_comparison(comparison) for comparison in report.comparisons]
        blocks.append(("Paired differences", COMPARISON_HEADINGS, cells))
    return blocks


def print_table(report: Report) -> None:
    """Print the report to the terminal, as wide as its content needs.

    Where that is too wide for the terminal, each truth has tables of its own, named in their
    titles, instead of a column.
    """
    console = Console(highlight=False)
    if not console.is_terminal:  # a pipe has no width: never cut figures short
        console.width = UNLIMITED
    for block in _blocks(report):
        table = _make_table(*block, stack=console.is_terminal)
        needed = console.measure(table, options=console.options.update(width=UNLIMITED)).maximum
        if needed > console.width:
            for part in _split_by_truth(*block):
                console.print(_make_table(*part, stack=True))
        else:
            console.print(table)
    for line in (*_words(report), *NOTES):
        console.print(line, soft_wrap=not console.is_terminal, markup=False)


def _make_table(
    title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], stack: bool
) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for position, heading in enumerate(headings):
        is_text = position < 2 or heading == TRUTH
        justify: Literal["left", "right"] = "left" if is_text else "right"
        table.add_column(heading, justify=justify, overflow="fold")
    for cells in rows:
        # an interval goes below its figure, so that narrow terminals need not break it
        table.add_row(*(cell.replace(" [", "\n[") if stack else cell for cell in cells))
    return table


def _split_by_truth(
    title: str, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """Make one block a truth of a block with a column of truths."""
    if TRUTH not in headings:
        yield title, headings, list(rows)
        return
    place = headings.index(TRUTH)
    for truth in dict.fromkeys(row[place] for row in rows):
        own = [row[:place] + row[place + 1 :] for row in rows if row[place] == truth]
        against = "" if truth == NO_TRUTH else f", against {truth}"
        yield title + against, headings[:place] + headings[place + 1 :], own


def to_markdown(report: Report) -> str:
    """Return the report as Markdown tables."""
    lines: list[str] = []
    for title, headings, rows in _blocks(report):
        lines += [f"**{title}**", "", _pipe(headings), _pipe(["---"] * len(headings))]
        lines += [_pipe(cells) for cells in rows]
        lines.append("")
    lines += [f"- {line}" for line in (*_words(report), *NOTES)]
    return "\n".join(lines)


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


FORMATS: dict[str, Callable[[Report], str]] = {
    "csv": to_csv,
    "json": to_json,
    "markdown": to_markdown,
}
"""Formats other than the terminal's table, by name."""


def render(report: Report, name: str) -> str:
    """Return the report in one of `FORMATS`."""
    return FORMATS[name](report)
