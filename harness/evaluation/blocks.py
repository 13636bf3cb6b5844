"""The tables of an evaluation: cells are text, and every figure stands by its population and n."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.scores import on_one_line
from harness.stats import METRICS, MIN_ARCHS, Interval, MetricResult

if TYPE_CHECKING:
    from harness.evaluation.result import EvaluationResult

NOTES = (
    "[95%]: over training seeds and architectures; with one set of scores over architectures only, "
    "so it speaks of these scores and not of the method; 's': over seeds only, there is none over "
    "architectures; +-: spread over seeds. No interval where all of a population was scored, once. "
    f"Figures on fewer than {MIN_ARCHS} architectures are 'too few'.",
    "one-seed ref: how well one training ranks what the others rank, over those of the "
    "architectures with the most trials. ceiling: expected tau of a noiseless estimator against "
    "this truth (modelled), and the share of it that is reached. params, FLOPs, random: tau of "
    "the size of the networks, and of random scores, on the same architectures.",
    "Uncertainty of tau: standard errors, and each known cause's share of the variance. truth: "
    "from the noise of the truth's own trainings, in so far as the draw of architectures does not "
    "hold it. against true: estimated tau against noiseless truth.",
)

_WHOLE = ("best_rank_at_1", "best_rank_at_10", "best_rank_at_100")
_BY_SEED_ONLY = "s"


class Block(NamedTuple):
    """A table.

    Attributes:
        title: Its title.
        headings: One a column.
        rows: Cells, one a column.
        texts: How many columns, from the left, hold text; the others hold figures.
    """

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    texts: int = 1


def make_blocks(result: EvaluationResult) -> list[Block]:
    """Make the tables of a result; every figure stands by its population and n."""
    return [
        _population_block(result),
        *_metric_blocks(result),
        _uncertainty_block(result),
        _gap_block(result),
    ]


def make_overview(results: Sequence[EvaluationResult]) -> Block:
    """Make the table of several results: tau by population, one row an estimator."""
    names = list(results[0].populations)
    rows = [
        (
            result.estimator.label,
            str(result.figures.n_seeds),
            f"{result.figures.n:,}",
            *(write_figure(result.populations[name].metrics["tau"]) for name in names),
        )
        for result in results
    ]
    return Block("Tau by population", ("estimator", "sets", "n", *names), rows)


def _population_block(result: EvaluationResult) -> Block:
    headings = (
        *("population", "n", "tau [95%]", "one-seed ref", "ceiling"),
        *("params", "FLOPs", "random"),
    )
    rows = []
    for name, part in result.populations.items():
        reference = ceiling = "-"
        if part.reference is not None:
            reference = f"{part.reference.tau:.3f} (n={part.reference.n_archs:,})"
        if part.ceiling is not None:
            ceiling = f"{part.ceiling.tau:.3f}"
            if part.share_of_ceiling is not None:
                ceiling += f" ({part.share_of_ceiling:.0%})"
        besides = (write_value(beside) for beside in part.baselines.values())
        tau = write_figure(part.metrics["tau"], with_spread=True)
        rows.append((name, f"{part.population.n:,}", tau, reference, ceiling, *besides))
    return Block(on_one_line(f"Ranking: {result.truth.query}"), headings, rows)


def _metric_blocks(result: EvaluationResult) -> list[Block]:
    """Make one table of the parts of the space, and one of those that truth selects."""
    blocks = []
    selected = [name for name, p in result.populations.items() if p.population.share is not None]
    others = [name for name in result.populations if name not in selected]
    half = (len(others) + 1) // 2
    for names in (others[:half], others[half:], selected):
        parts = [result.populations[name] for name in names]
        # Top 10% of a top half would be read as the top 10%.
        shown = [m for m in METRICS if not (names == selected and METRICS[m].share is not None)]
        rows = [
            (METRICS[m].title, *(write_figure(part.metrics[m]) for part in parts)) for m in shown
        ]
        rows.insert(0, ("n", *(f"{part.population.n:,}" for part in parts)))
        blocks.append(Block("Metrics [95%]", ("metric", *names), rows))
    return blocks


def _uncertainty_block(result: EvaluationResult) -> Block:
    headings = (
        *("population", "n", "seeds", "architectures", "truth", "total SE", "tau [95%], all"),
        "against true",
    )
    rows = []
    for name, part in result.populations.items():
        cells = ["-"] * 6
        found = part.components
        if found is not None:
            known = {
                "seeds": found.seeds_se,
                "architectures": found.architectures_se,
                "truth": found.truth_beyond_se,
            }
            cells = [write_share(se, found.shares.get(cause)) for cause, se in known.items()]
            value = part.metrics["tau"].value
            interval = "-" if found.interval is None else f"{value:.3f}{write_ends(found.interval)}"
            against = "-" if part.attenuation is None else f"{part.attenuation.tau:.3f}"
            cells += [f"{found.total_se:.4f}", interval, against]
        rows.append((name, f"{part.population.n:,}", *cells))
    return Block("Uncertainty of tau, by cause", headings, rows)


def _gap_block(result: EvaluationResult) -> Block:
    curve = result.figures.gap_curve
    rows: list[tuple[str, ...]] = []
    for part in curve.bins:
        end = "more" if part.high is None else f"{part.high:g}"
        share = "-" if part.concordant is None else f"{part.concordant:.3f}"
        rows.append((f"{part.low:g} to {end}", f"{part.n_pairs:,}", share))
    title = f"Pairs in the right order, by true gap (n={result.figures.n:,})"
    return Block(title, ("gap in accuracy points", "pairs", "share"), rows)


def write_share(se: float | None, share: float | None) -> str:
    """Write a standard error and its share of the variance."""
    if se is None:
        return "unknown"
    if se == 0.0:
        return "0"
    return f"{se:.4f}" if share is None else f"{se:.4f} ({share:.0%})"


def write_figure(result: MetricResult, with_spread: bool = False, signed: bool = False) -> str:
    """Write a metric with its interval, or why it has no value.

    Args:
        result: The metric.
        with_spread: Whether its spread over seeds is written too.
        signed: Whether it is a difference, with its sign.

    Returns:
        Such as "0.597 +- 0.033 [0.505, 0.690]"; an "s" at the end marks an interval over seeds.
        Equal values of all seeds have a spread that is not known, and no interval is written.
    """
    text = write_value(result, signed)
    if result.value is None:
        return text
    interval = result.interval or result.over_seeds
    if (with_spread or interval is None) and len(result.per_seed) > 1:
        text += f" +- {np.std(result.per_seed, ddof=1):.3f}"
    if interval is not None and interval.low == interval.high:
        return f"{text} (the same for all seeds)"
    if result.interval is not None:
        return text + write_ends(result.interval, result.name, signed)
    if result.over_seeds is not None:
        return f"{text}{write_ends(result.over_seeds, result.name, signed)} {_BY_SEED_ONLY}"
    return text


def write_value(result: MetricResult, signed: bool = False) -> str:
    """Write a metric's value, or why it has none."""
    return result.status if result.value is None else _number(result.value, result.name, signed)


def _number(value: float, name: str, signed: bool = False) -> str:
    sign = "+" if signed else ""
    if name in _WHOLE:
        return f"{value:{sign},.0f}" if value == round(value) else f"{value:{sign},.1f}"
    return f"{value:{sign}.3f}"


def write_ends(interval: Interval | None, name: str = "tau", signed: bool = False) -> str:
    """Write the ends of an interval after their figure, or nothing where there is none."""
    if interval is None:
        return ""
    return f" [{_number(interval.low, name, signed)}, {_number(interval.high, name, signed)}]"
