"""The tables of rankings: cells are text, and every figure is beside its population and n."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.evaluation import Evaluated
from harness.report.cells import (
    write_ceiling,
    write_ends,
    write_figure,
    write_reference,
    write_share,
    write_value,
)
from harness.report.contents import Section
from harness.report.grids import grid_blocks
from harness.report.leaderboard import leaderboard_block
from harness.report.markup import Block
from harness.report.parts import (
    DIFFERENCES,
    LEADERBOARD,
    POPULATIONS,
    TRADE_OFF,
    UNCERTAINTY,
)
from harness.report.trade_offs import trade_off_blocks
from harness.stats import METRICS, MIN_ARCHS, Components, MetricResult, PopulationResult
from harness.stats.combination import write_range

BESIDE = ("params", "random")
"""Baselines in the tables of populations, after the space's floor; a report's JSON has all."""

SIDE_BY_SIDE = 3
"""Most estimators in one table of populations; more get further tables."""

NOTES = {
    "Leaderboard: cost of one seed, its preparation plus that of each architecture; *: none ranks "
    "better for less (the Pareto front, within one unit of cost). adds: tau of the floor and the "
    "estimator combined, by the sum of ln(rank), minus that of the floor; 't': over the truth's "
    "noise. There, architectures without a path from input to output tie at the bottom, so the "
    "floor's tau may differ from that in its row. Other metrics: 'harness evaluate --full', "
    "and the page.": (LEADERBOARD,),
    "tau: Kendall's tau-b between the score and the truth in the title. [95%]: interval over "
    "training seeds and architectures; 'a': over architectures only, so about these scores and not "
    "about the method; 's': over seeds only, on these architectures; +-: standard deviation over "
    "seeds. There is no interval where one seed scored all of a population. Figures on fewer than "
    f"{MIN_ARCHS} architectures are shown as 'too few'.": (
        LEADERBOARD,
        POPULATIONS,
        DIFFERENCES,
        UNCERTAINTY,
    ),
    "one-seed ref: tau of one stand-alone training against the mean of the others, on the "
    "architectures with the most trials. ceiling: expected tau of a noiseless estimator against "
    "this truth (modelled), [the range of its tau], and (the share of the ceiling reached). "
    "live params, params, random: tau of network size, of the part that a signal passes (live) or "
    "of all of it, and of random scores, on the same architectures.": (POPULATIONS,),
    "Uncertainty of tau: standard errors, and each known cause's share of the variance. truth: "
    "noise of the truth's own trainings, beyond what the draw of architectures already accounts "
    "for. against true: estimated tau against a noiseless truth.": (UNCERTAINTY,),
}
"""Explanations of tables, and the parts of a report that they belong to."""

LABELS_NOTE = (
    "labels: architectures whose accuracy an estimator was fitted to, and the cost of their "
    "trainings: n x epochs, and seconds where somebody recorded them, on whatever machine. These "
    "are not added to the seconds of the cost, so an estimator with labels is on no Pareto front. "
    "Each seed is judged on the n architectures without a label. leak_free: tau without the twins "
    "of labels."
)
"""Where some estimator has labels."""


def section_blocks(section: Section) -> Iterator[tuple[str, Block]]:
    """Make the tables of one truth, each after the part of the report that it belongs to."""
    for block in (leaderboard_block(section), *grid_blocks(section)):
        yield LEADERBOARD, block
    for block in trade_off_blocks(section):
        yield TRADE_OFF, block
    for block in population_blocks(section.evaluations):
        yield POPULATIONS, block
    if section.pairs:
        yield DIFFERENCES, difference_block(section)
    yield UNCERTAINTY, uncertainty_block(section)


def evaluation_blocks(result: Evaluated) -> list[Block]:
    """Make the tables of one estimator: metrics and uncertainty by population, and order by gap."""
    return [
        *population_blocks([result]),
        *_metric_blocks(result),
        _uncertainty_by_population(result),
        _gap_block(result),
    ]


def overview_block(results: Sequence[Evaluated]) -> Block:
    """Make the table of estimators on their own architectures: tau by population."""
    names = list(results[0].populations)
    several = len({result.truth.title for result in results}) > 1
    rows = [
        (
            result.label,
            *((result.truth.title,) if several else ()),
            str(result.figures.n_seeds),
            write_range(result.figures.n_per_seed),
            *(write_figure(result.populations[name].metrics["tau"]) for name in names),
        )
        for result in results
    ]
    against = ("against",) if several else ()
    headings = ("estimator", *against, "seeds", "n", *names)
    return Block("Tau by population [95%]", headings, rows, texts=1 + several)


def population_blocks(evaluations: Sequence[Evaluated]) -> Iterator[Block]:
    """Make the tables of tau by population, of at most three estimators each.

    Args:
        evaluations: Estimators on the same architectures, by the same truth.

    Yields:
        The tables; that of a single estimator also has the share of the ceiling and the spread.
    """
    is_single = len(evaluations) == 1
    for start in range(0, len(evaluations), SIDE_BY_SIDE):
        shown = evaluations[start : start + SIDE_BY_SIDE]
        known = shown[0].populations["all"].baselines
        floor = shown[0].estimator.space.floor
        beside = [name for name in dict.fromkeys((floor, *BESIDE)) if name in known]
        headings = (
            *("population", "n"),
            *(result.label for result in shown),
            *(name.replace("_", " ") for name in beside),
            *("one-seed ref", "ceiling"),
        )
        rows = []
        for name, part in shown[0].populations.items():
            taus = (result.populations[name].metrics["tau"] for result in shown)
            rows.append(
                (
                    name,
                    f"{part.population.n:,}",
                    *(write_figure(tau, with_spread=is_single) for tau in taus),
                    *(write_value(part.baselines[name]) for name in beside),
                    write_reference(part),
                    write_ceiling(part, with_share=is_single),
                )
            )
        title = f"Tau by population [95%], against {evaluations[0].truth.title}"
        if any(result.estimator.fitted_on for result in shown):
            title += "; n: of which each seed leaves out its labels"
        yield Block(title, headings, rows)


def difference_block(section: Section) -> Block:
    """Make the table of paired differences of tau."""
    headings = ("difference of tau", "population", "n", "mean [95%]", "applies to")
    rows = []
    for result in section.pairs:
        for place, metrics in result.comparison.differences.items():
            tau = metrics["tau"]
            text = write_figure(tau, with_spread=True, signed=True)
            rows.append((result.pair.name, place, f"{tau.n:,}", text, result.pair.claim))
    return Block(f"Paired differences, against {section.truth.title}", headings, rows, texts=2)


_CAUSES = ("n", "seeds", "architectures", "truth", "total SE", "tau [95%], all causes")


def uncertainty_block(section: Section) -> Block:
    """Make the table of the uncertainty of each tau and difference, by cause."""
    rows = []
    for result in section.evaluations:
        part = result.populations["all"]
        rows.append((result.label, *_part_causes(part)))
    for pair in section.pairs:
        tau, found = pair.comparison.differences["all"]["tau"], pair.comparison.components["all"]
        rows.append((pair.pair.name, *_causes(tau, found), "-"))
    title = f"Uncertainty of tau by cause: SE (share of variance), against {section.truth.title}"
    return Block(title, ("tau of", *_CAUSES, "against true"), rows)


def _name(result: Evaluated) -> str:
    return f"{result.label}, against {result.truth.title}"


def _uncertainty_by_population(result: Evaluated) -> Block:
    rows = [(name, *_part_causes(part)) for name, part in result.populations.items()]
    title = f"Uncertainty of tau by cause: SE (share of variance), {_name(result)}"
    return Block(title, ("population", *_CAUSES, "against true"), rows)


def _part_causes(part: PopulationResult) -> tuple[str, ...]:
    against = "-" if part.attenuation is None else f"{part.attenuation.tau:.3f}"
    return (*_causes(part.metrics["tau"], part.components), against)


def _causes(tau: MetricResult, found: Components | None) -> tuple[str, ...]:
    if found is None:
        return (f"{tau.n:,}", *["-"] * 5)
    parts = {
        "seeds": found.seeds_se,
        "architectures": found.architectures_se,
        "truth": found.truth_beyond_se,
    }
    shares = (write_share(se, found.shares.get(cause)) for cause, se in parts.items())
    interval = "-" if found.interval is None else f"{tau.value:.3f}{write_ends(found.interval)}"
    return (f"{tau.n:,}", *shares, f"{found.total_se:.4f}", interval)


def metric_names(part: PopulationResult) -> list[str]:
    """Name the metrics that are shown on a population.

    The top 10% of a top half would be read as the top 10%.
    """
    is_top = part.population.share is not None
    return [name for name, metric in METRICS.items() if not (is_top and metric.share is not None)]


def _metric_blocks(result: Evaluated) -> Iterator[Block]:
    """Make two tables of populations of the space, and one of those that truth selects."""
    selected = [name for name, p in result.populations.items() if p.population.share is not None]
    others = [name for name in result.populations if name not in selected]
    half = (len(others) + 1) // 2
    for names in (others[:half], others[half:], selected):
        parts = [result.populations[name] for name in names]
        rows = [
            (METRICS[m].title, *(write_figure(part.metrics[m]) for part in parts))
            for m in (metric_names(parts[0]) if parts else ())
        ]
        rows.insert(0, ("n", *(f"{part.population.n:,}" for part in parts)))
        yield Block(f"Metrics [95%], {_name(result)}", ("metric", *names), rows)


def _gap_block(result: Evaluated) -> Block:
    rows: list[tuple[str, ...]] = []
    for part in result.figures.gap_curve.bins:
        end = "more" if part.high is None else f"{part.high:g}"
        share = "-" if part.concordant is None else f"{part.concordant:.3f}"
        rows.append((f"{part.low:g} to {end}", f"{part.n_pairs:,}", share))
    n, curve = result.figures.n, result.figures.gap_curve
    whole = f"n={curve.n_archs:,}, drawn from {n:,}" if curve.is_sample else f"n={n:,}"
    title = f"Pairs in the right order, by true gap ({whole}), {_name(result)}"
    return Block(title, (f"gap in {result.truth.metric.difference}", "pairs", "share"), rows)
