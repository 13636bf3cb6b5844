"""The tables of a report: cells are text, and every figure stands by its population and n."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.evaluation.blocks import Block, write_figure, write_share, write_value
from harness.report.disturbance import TrainingDifference
from harness.report.estimates import Estimate
from harness.report.measures import FIGURES
from harness.report.report import Report, Section, TrainingPair, TrainingResult
from harness.stats import METRICS, Components

SIDE_BY_SIDE = 3
"""Estimators in one table of populations; more get tables of their own."""

RANKING = ("weighted_tau", "spearman", "precision_at_10", "regret_at_10")
"""Metrics of the first table, beside tau; the others are in `harness evaluate` and the page."""

RANKING_NOTES = (
    "tau: Kendall's tau-b of the score against the truth in the title, on the architectures that "
    "all estimators of the table have scored. [95%]: over training seeds and architectures; with "
    "one set of scores over architectures only; 's': over seeds only; +-: spread over seeds. No "
    "interval where all of a population was scored, once.",
    "one-seed ref: how well one stand-alone training ranks what the others rank, on those of the "
    "architectures that have the most trials. ceiling: expected tau of a noiseless estimator "
    "against this truth (modelled), and the share of it that is reached. params, FLOPs, random: "
    "tau of the size of the networks, and of random scores.",
)
TRAINING_NOTE = (
    "PD: change of recent other paths' loss by one training step, nats (positive: harm); PD+: mean "
    "of its positive part; progress: what the step gained on its own path. A smaller step also "
    "lowers PD, so read it beside progress, and at equal training loss. plasticity: share of the "
    "input space that OGD's projectors leave free. Intervals of training are over seeds."
)
CONTROLS_NOTE = (
    "A difference between ogd and spos is not yet one between constraint and no constraint: the "
    "projector also changes the size and the direction of steps, and none of these runs is a "
    "control for that."
)
CONTROLS = ("random-projector", "spos-norm-matched", "spos-trace-matched")
"""Strategies beside which a difference between `ogd` and `spos` can be read."""


def make_notes(report: Report) -> list[str]:
    """Say what has to be known to read the tables of a report."""
    notes = list(RANKING_NOTES)
    if report.trainings:
        notes.append(TRAINING_NOTE)
    strategies = {run.config.strategy for t in report.trainings for run in t.training.runs}
    if "ogd" in strategies and strategies.isdisjoint(CONTROLS):
        notes.append(CONTROLS_NOTE)
    return notes


def make_report_blocks(report: Report) -> list[Block]:
    """Make the tables of a report.

    Args:
        report: The report.

    Returns:
        For each truth: the ranking, tau by population with its yardsticks, paired differences, and
        the causes of their uncertainty; then disturbance, cost and their differences.
    """
    blocks: list[Block] = []
    for section in report.sections:
        blocks += section_blocks(section)
    return blocks + training_blocks(report)


def section_blocks(section: Section) -> list[Block]:
    """Make the tables of one truth."""
    blocks = [ranking_block(section), *population_blocks(section)]
    if section.pairs:
        blocks.append(difference_block(section))
    return [*blocks, uncertainty_block(section)]


def training_blocks(report: Report) -> list[Block]:
    """Make the tables of the runs; none where there are no runs."""
    if not report.trainings:
        return []
    blocks = [*_training(report.trainings)]
    if any(training.by_shared for training in report.trainings):
        blocks.append(_by_shared(report.trainings))
    if report.training_pairs:
        blocks.append(_training_differences(report.training_pairs))
    return blocks


def ranking_block(section: Section) -> Block:
    """Make the first table: who ranks how well."""
    headings = (
        *("estimator", "seeds", "n", "tau [95%]", "ceiling (reached)", "top half", "top 10%"),
        *(METRICS[name].title for name in RANKING),
    )
    rows = []
    for result in section.evaluations:
        everything = result.populations["all"]
        ceiling = "-"
        if everything.ceiling is not None:
            share = everything.share_of_ceiling
            reached = "" if share is None else f" ({share:.0%})"
            ceiling = f"{everything.ceiling.tau:.3f}{reached}"
        rows.append(
            (
                result.estimator.label,
                write_seeds(result.estimator.seeds),
                f"{result.figures.n:,}",
                write_figure(everything.metrics["tau"], with_spread=True),
                ceiling,
                *(write_value(everything.metrics[f"tau_top_{k}"]) for k in (50, 10)),
                *(write_value(everything.metrics[name]) for name in RANKING),
            )
        )
    return Block(f"Ranking, against {section.title}", headings, rows)


def population_blocks(section: Section) -> Iterator[Block]:
    """Make the tables of tau by population, of at most three estimators each."""
    for start in range(0, len(section.evaluations), SIDE_BY_SIDE):
        shown = section.evaluations[start : start + SIDE_BY_SIDE]
        headings = (
            *("population", "n"),
            *(result.estimator.label for result in shown),
            *("params", "FLOPs", "random", "one-seed ref", "ceiling"),
        )
        rows = []
        for name, part in shown[0].populations.items():
            taus = [write_figure(result.populations[name].metrics["tau"]) for result in shown]
            besides = [write_value(beside) for beside in part.baselines.values()]
            reference = ceiling = "-"
            if part.reference is not None:
                reference = f"{part.reference.tau:.3f} (n={part.reference.n_archs:,})"
            if part.ceiling is not None:
                ceiling = f"{part.ceiling.tau:.3f}"
            rows.append((name, f"{part.population.n:,}", *taus, *besides, reference, ceiling))
        yield Block(f"Tau by population [95%], against {section.title}", headings, rows)


def difference_block(section: Section) -> Block:
    """Make the table of paired differences of tau."""
    headings = ("difference of tau", "population", "n", "mean [95%]", "speaks of")
    rows = []
    for result in section.pairs:
        for place, metrics in result.comparison.differences.items():
            tau = metrics["tau"]
            text = write_figure(tau, with_spread=True, signed=True)
            rows.append((result.pair.name, place, f"{tau.n:,}", text, result.pair.claim))
    return Block(f"Paired differences, against {section.title}", headings, rows, texts=2)


def uncertainty_block(section: Section) -> Block:
    """Make the table of what the uncertainty of tau comes from."""
    headings = (
        *("tau of", "n", "seeds", "architectures", "truth", "total SE", "[95%], all causes"),
        "against true",
    )
    rows = []
    for result in section.evaluations:
        part = result.populations["all"]
        against = "-" if part.attenuation is None else f"{part.attenuation.tau:.3f}"
        causes = _causes(result.estimator.label, result.figures.n, part.components)
        rows.append((*causes, against))
    rows += [
        (*_causes(result.pair.name, result.comparison.n, result.comparison.components["all"]), "-")
        for result in section.pairs
    ]
    title = f"Uncertainty of tau by cause: SE (share of variance), against {section.title}"
    return Block(title, headings, rows)


def _causes(name: str, n: int, found: Components | None) -> tuple[str, ...]:
    if found is None:
        return (name, f"{n:,}", *["-"] * 5)
    parts = {
        "seeds": found.seeds_se,
        "architectures": found.architectures_se,
        "truth": found.truth_beyond_se,
    }
    interval = "-"
    if found.interval is not None:
        interval = f"[{found.interval.low:.3f}, {found.interval.high:.3f}]"
    shares = (write_share(se, found.shares.get(cause)) for cause, se in parts.items())
    return (name, f"{n:,}", *shares, f"{found.total_se:.4f}", interval)


def _training(trainings: Sequence[TrainingResult]) -> Iterator[Block]:
    for start in range(0, len(trainings), SIDE_BY_SIDE):
        shown = trainings[start : start + SIDE_BY_SIDE]
        seeds = [write_seeds([run.config.seed for run in r.training.runs]) for r in shown]
        rows = [("seeds", *seeds)]
        for name, figure in FIGURES.items():
            cells = [write_estimate(result.figures[name], figure.digits) for result in shown]
            if any(cell != "-" for cell in cells):
                rows.append((figure.title, *cells))
        headings = ("figure", *(result.label for result in shown))
        yield Block("Disturbance and cost, means over seeds [95%]", headings, rows)


def _by_shared(trainings: Sequence[TrainingResult]) -> Block:
    headings = ("estimator", "shared convolutions", "measurements", "mean PD", "PD+", "PD > 0")
    rows = [
        (
            result.label,
            str(part.shared_convs),
            f"{part.n:,}",
            write_estimate(part.mean_pd, 4),
            write_estimate(part.positive_pd, 4),
            write_estimate(part.positive_frac, 3),
        )
        for result in trainings
        for part in result.by_shared
    ]
    return Block("Disturbance by shared weights, means over seeds", headings, rows)


def _training_differences(pairs: Iterable[TrainingPair]) -> Block:
    headings = ("difference", "of", "mean [95%]", "speaks of")
    rows = [
        (result.pair.name, *_difference_cells(difference), result.pair.claim)
        for result in pairs
        for difference in result.differences
    ]
    return Block("Paired differences of training", headings, rows, texts=2)


def _difference_cells(difference: TrainingDifference) -> tuple[str, str]:
    figure = FIGURES[difference.figure]
    of = f"{figure.title} {difference.condition}".strip()
    if difference.condition and difference.difference.mean is None:
        return of, "too few"
    return of, write_estimate(difference.difference, figure.digits, signed=True)


def write_estimate(estimate: Estimate, digits: int, signed: bool = False) -> str:
    """Write a mean over seeds, with its interval where it has one."""
    if estimate.mean is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{estimate.mean:{sign}.{digits}f}"
    if estimate.interval is not None:
        low, high = estimate.interval
        text += f" [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"
    return text


def write_seeds(seeds: Sequence[int | None]) -> str:
    """Write seeds; a dash where they are not known."""
    return ", ".join("-" if seed is None else str(seed) for seed in seeds)
