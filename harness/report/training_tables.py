"""The tables of training: disturbance, cost, and their differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from harness.report.cells import write_estimate, write_seeds
from harness.report.contents import Contents, TrainingPair, TrainingResult
from harness.report.disturbance import TrainingDifference
from harness.report.markup import Block
from harness.report.measures import FIGURES

SIDE_BY_SIDE = 3
"""Most estimators in one table."""

NOTE = (
    "PD: change in the loss of other recent paths caused by one training step, nats (positive: "
    "harm); PD+: mean of its positive part; progress: decrease in the loss of the step's own path. "
    "A smaller step also lowers PD, so compare it at equal training loss, and read it beside "
    "progress. plasticity: share of the input space that OGD's projectors leave free."
)
CONTROLS_NOTE = (
    "A difference between ogd and spos is not necessarily due to the constraint: the projector "
    "also changes the size and direction of steps, and none of these runs controls for that."
)
CONTROLS = ("random-projector", "spos-norm-matched", "spos-trace-matched")
"""Strategies that control for what else the projector changes."""


def training_notes(report: Contents) -> list[str]:
    """Explain these tables; nothing where there are none."""
    notes = [NOTE] if report.trainings else []
    strategies = {run.config.strategy for t in report.trainings for run in t.runs}
    if "ogd" in strategies and strategies.isdisjoint(CONTROLS):
        notes.append(CONTROLS_NOTE)
    return notes


def training_blocks(report: Contents) -> list[Block]:
    """Make the tables of the runs; none where there are no runs."""
    if not report.trainings:
        return []
    blocks = [*_training(report.trainings)]
    if any(training.by_shared for training in report.trainings):
        blocks.append(_by_shared(report.trainings))
    if report.training_pairs:
        blocks.append(_training_differences(report.training_pairs))
    return blocks


def _training(trainings: Sequence[TrainingResult]) -> Iterator[Block]:
    for start in range(0, len(trainings), SIDE_BY_SIDE):
        shown = trainings[start : start + SIDE_BY_SIDE]
        seeds = [write_seeds([run.config.seed for run in r.runs]) for r in shown]
        rows = [("seeds", *seeds)]
        for name, figure in FIGURES.items():
            cells = [write_estimate(result.figures[name], figure.digits) for result in shown]
            if any(cell != "-" for cell in cells):
                rows.append((figure.title, *cells))
        headings = ("figure", *(result.label for result in shown))
        yield Block("Disturbance and cost: mean and [95%] over seeds", headings, rows)


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
    return Block("Disturbance by shared weights: mean and [95%] over seeds", headings, rows)


def _training_differences(pairs: Iterable[TrainingPair]) -> Block:
    headings = ("difference", "of", "mean and [95%] over seeds", "applies to")
    rows = [
        (result.pair.name, *_difference_cells(difference), result.pair.claim)
        for result in pairs
        for difference in result.differences
    ]
    return Block("Differences of training", headings, rows, texts=2)


def _difference_cells(difference: TrainingDifference) -> tuple[str, str]:
    figure = FIGURES[difference.figure]
    of = f"{figure.title} {difference.condition}".strip()
    if difference.condition and difference.difference.mean is None:
        return of, "too few"
    return of, write_estimate(difference.difference, figure.digits, signed=True)
