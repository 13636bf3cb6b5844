"""The figures of a run's training, one row each: disturbance, progress, loss, plasticity, cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.report.seed_means import SeedMean, mean_over_seeds
from harness.report.training import RunTraining
from harness.stats.intervals import Limits

POSITIVE: Limits = (0.0, math.inf)
SHARE: Limits = (0.0, 1.0)


class TrainingFigure(NamedTuple):
    """A figure of a run's training.

    Attributes:
        title: What a table calls it.
        definition: What it is, in a sentence.
        digits: Decimal places of a table.
        limits: Smallest and largest possible value; None where it has none.
        get: Reads it from a run; None where the run lacks it.
    """

    title: str
    definition: str
    digits: int
    get: Callable[[RunTraining], float | None]
    limits: Limits | None = None


def _recent(name: str) -> Callable[[RunTraining], float | None]:
    def get(run: RunTraining) -> float | None:
        value: float | None = run.disturbance.get("recent", {}).get(name)
        return value

    return get


def _progress(run: RunTraining) -> float | None:
    value: float | None = run.disturbance.get("progress")
    return value


def _harm_per_progress(run: RunTraining) -> float | None:
    harm, progress = _recent("positive_pd")(run), _progress(run)
    return harm / progress if harm is not None and progress is not None and progress > 0 else None


FIGURES: dict[str, TrainingFigure] = {
    "mean_pd": TrainingFigure(
        "mean PD",
        "mean change in the loss of other recent paths caused by one step, nats; positive is harm",
        4,
        _recent("mean_pd"),
    ),
    "positive_pd": TrainingFigure(
        "PD+",
        "mean of the positive part of PD, which is the harm, nats",
        4,
        _recent("positive_pd"),
        POSITIVE,
    ),
    "positive_frac": TrainingFigure(
        "PD > 0", "share of measurements with PD above 0, 0-1", 3, _recent("positive_frac"), SHARE
    ),
    "progress": TrainingFigure(
        "progress",
        "decrease in the loss of the step's own path, on the same images, nats",
        4,
        _progress,
    ),
    "harm_per_progress": TrainingFigure(
        "PD+ / progress", "harm per nat of progress", 3, _harm_per_progress, POSITIVE
    ),
    "train_loss": TrainingFigure(
        "train loss",
        "mean final loss over fixed architectures and training images, nats",
        3,
        lambda run: run.train_loss,
        POSITIVE,
    ),
    "plasticity": TrainingFigure(
        "plasticity",
        "share of the input space that the projectors leave free after training, 0-1",
        2,
        lambda run: run.plasticity,
        SHARE,
    ),
    "cost_s": TrainingFigure("cost s/run", "seconds per run", 0, lambda run: run.cost_s, POSITIVE),
}
"""What a table of training shows, in one row each."""

COMPARED = (
    *("mean_pd", "positive_pd", "positive_frac", "progress", "harm_per_progress", "train_loss"),
    "cost_s",
)
"""Those that are compared between runs."""


def estimate_figures(runs: Sequence[RunTraining]) -> dict[str, SeedMean]:
    """Average every figure of training over seeds, by name."""
    return {
        name: mean_over_seeds([figure.get(run) for run in runs], figure.limits)
        for name, figure in FIGURES.items()
    }
