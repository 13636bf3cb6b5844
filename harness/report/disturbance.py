"""The disturbance report: over training, by shared weights, and at equal training loss.

A smaller step also disturbs less, and a slower learner wins by standing still. So disturbance is
shown beside what the steps gained (progress), and compared where both runs had the same training
loss.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.report.measures import COMPARED, FIGURES, POSITIVE, SHARE
from harness.report.seed_means import SeedMean, mean_over_seeds, subtract
from harness.report.training import RunTraining, Training
from harness.stats.intervals import Limits

FloatArray = npt.NDArray[np.float64]

N_STEP_BINS = 20
N_LOSS_BINS = 5
MIN_STEPS_PER_BIN = 2
"""Fewest measured steps of either run in a bin of training loss for it to count."""
MAX_SHARED = 6


EQUAL_LOSS = "at equal training loss"


class Bin(NamedTuple):
    """A part of training.

    Attributes:
        step: Its middle.
        train_loss: Training loss there, mean over seeds, nats; None where it is not known.
        mean_pd: Mean disturbance of recent paths in it, one value a seed, nats.
        positive_pd: Its positive part.
        progress: What steps gained on their own paths.
    """

    step: float
    train_loss: float | None
    mean_pd: SeedMean
    positive_pd: SeedMean
    progress: SeedMean


class SharedBin(NamedTuple):
    """Measurements on paths that share as many convolutions with the trained one.

    Attributes:
        shared_convs: Live convolution edges in common, 0-6; 0 still shares the stem, the reduction
            blocks and the classifier.
        n: Measurements, over all seeds.
        mean_pd: As in `Bin`.
        positive_pd: As in `Bin`.
        positive_frac: Share of harm, 0-1.
    """

    shared_convs: int
    n: int
    mean_pd: SeedMean
    positive_pd: SeedMean
    positive_frac: SeedMean


class TrainingDifference(NamedTuple):
    """A paired difference of a figure of training: same seeds, first minus second.

    Attributes:
        figure: Key of `FIGURES`.
        condition: Empty for the whole of training; else where it was compared, in words.
        difference: One value a pair of seeds; its interval is over seeds.
    """

    figure: str
    condition: str
    difference: SeedMean


def bin_over_steps(training: Training, probe_set: str = "recent") -> list[Bin]:
    """Average disturbance in equal parts of training.

    Args:
        training: The runs; all of one number of steps.
        probe_set: "recent" or "fixed".

    Returns:
        The parts in which any run was measured, in order; at most 20, and as many as there were
        measurements if these are fewer.
    """
    measured = [run.probes_of(probe_set) for run in training.runs]
    own = [run.probes_of("trained") for run in training.runs]
    n_steps = training.runs[0].config.steps
    n_bins = min(N_STEP_BINS, max((frame["step"].nunique() for frame in measured), default=0))
    edges = np.linspace(0, n_steps, n_bins + 1) if n_bins else np.zeros(0)
    bins = []
    for low, high in itertools.pairwise(edges):
        victims = [_within(frame, low, high) for frame in measured]
        trained = [_within(frame, low, high) for frame in own]
        if all(part.empty for part in victims):
            continue
        middle = (low + high) / 2
        losses = [_loss_at(run, np.array([middle]))[0] for run in training.runs]
        bins.append(
            Bin(
                middle,
                None if np.isnan(losses).any() else float(np.mean(losses)),
                _estimate(victims, _mean_pd),
                _estimate(victims, _positive_pd, POSITIVE),
                _estimate(trained, lambda part: -_mean_pd(part)),
            )
        )
    return bins


def split_by_shared(training: Training, probe_set: str = "recent") -> list[SharedBin]:
    """Split disturbance by how many live convolutions the trained and the other path share.

    Args:
        training: The runs.
        probe_set: "recent" or "fixed".

    Returns:
        One a number of shared convolutions that was met, ascending.
    """
    measured = [run.probes_of(probe_set) for run in training.runs]
    found = []
    for shared in range(MAX_SHARED + 1):
        parts = [frame[frame["shared_convs"] == shared] for frame in measured]
        n = sum(map(len, parts))
        if n:
            found.append(
                SharedBin(
                    shared,
                    n,
                    _estimate(parts, _mean_pd),
                    _estimate(parts, _positive_pd, POSITIVE),
                    _estimate(parts, lambda part: float((part["pd_loss"] > 0).mean()), SHARE),
                )
            )
    return found


def compare_training(
    pairs: Sequence[tuple[RunTraining, RunTraining]],
) -> list[TrainingDifference]:
    """Compare the training of two estimators, seed by seed.

    Args:
        pairs: First and second, of the same seed each.

    Returns:
        The differences over the whole of training, at equal training loss, and by number of
        shared convolutions.
    """
    found = [
        TrainingDifference(
            name,
            "",
            mean_over_seeds(
                [subtract(FIGURES[name].get(a), FIGURES[name].get(b)) for a, b in pairs]
            ),
        )
        for name in COMPARED
    ]
    for name, measure in (("mean_pd", _mean_pd), ("positive_pd", _positive_pd)):
        values = [_subtract_at_equal_loss(a, b, "recent", measure) for a, b in pairs]
        found.append(TrainingDifference(name, EQUAL_LOSS, mean_over_seeds(values)))
    values = [
        _subtract_at_equal_loss(a, b, "trained", lambda part: -_mean_pd(part)) for a, b in pairs
    ]
    found.append(TrainingDifference("progress", EQUAL_LOSS, mean_over_seeds(values)))
    for shared in range(MAX_SHARED + 1):
        values = [_subtract_shared(a, b, shared) for a, b in pairs]
        if any(value is not None for value in values):
            condition = f"with {shared} shared convolutions"
            estimate = mean_over_seeds(values)
            found.append(TrainingDifference("positive_pd", condition, estimate))
    return found


def _subtract_shared(first: RunTraining, second: RunTraining, shared: int) -> float | None:
    parts = [
        frame[frame["shared_convs"] == shared]
        for frame in (run.probes_of("recent") for run in (first, second))
    ]
    if any(part.empty for part in parts):
        return None
    return _positive_pd(parts[0]) - _positive_pd(parts[1])


def _subtract_at_equal_loss(
    first: RunTraining,
    second: RunTraining,
    probe_set: str,
    measure: Callable[[pd.DataFrame], float],
) -> float | None:
    """Subtract means over the range of training loss that both runs went through.

    The range is that of the measured training loss, so that steps before its first measurement
    play no part. It is cut into five equal parts, which weigh the same, so that a run that lingers
    at some loss does not weigh it more; a part with fewer than two measured steps of either run is
    left out. Returns None where no part is left.
    """
    frames = [run.probes_of(probe_set) for run in (first, second)]
    losses = [
        _loss_at(run, frame["step"].to_numpy(dtype=np.float64))
        for run, frame in zip((first, second), frames, strict=True)
    ]
    known = [loss[~np.isnan(loss)] for loss in losses]
    if any(len(loss) == 0 for loss in known):
        return None
    low = max(float(loss.min()) for loss in known)
    high = min(float(loss.max()) for loss in known)
    if low >= high:
        return None
    differences = []
    for left, right in itertools.pairwise(np.linspace(low, high, N_LOSS_BINS + 1)):
        parts = [
            frame[(loss >= left) & (loss <= right)]
            for frame, loss in zip(frames, losses, strict=True)
        ]
        if min(part["step"].nunique() for part in parts) >= MIN_STEPS_PER_BIN:
            differences.append(measure(parts[0]) - measure(parts[1]))
    return float(np.mean(differences)) if differences else None


def _loss_at(run: RunTraining, steps: FloatArray) -> FloatArray:
    """Read off the training loss at some steps, NaN outside of what was measured.

    Between measurements it is linear. The lowest loss so far is taken, as an equal loss has to be
    reached once only.
    """
    if run.curve is None or len(run.curve) < 2 or not np.isfinite(run.curve["train_loss"]).all():
        return np.full(len(steps), np.nan)
    best = np.minimum.accumulate(run.curve["train_loss"].to_numpy(dtype=np.float64))
    at = run.curve["step"].to_numpy(dtype=np.float64)
    return np.interp(steps, at, best, left=np.nan, right=np.nan)


def _within(frame: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    return frame[(frame["step"] >= low) & (frame["step"] < high)]


def _mean_pd(part: pd.DataFrame) -> float:
    return float(part["pd_loss"].mean())


def _positive_pd(part: pd.DataFrame) -> float:
    return float(part["pd_loss"].clip(lower=0).mean())


def _estimate(
    parts: Sequence[pd.DataFrame],
    measure: Callable[[pd.DataFrame], float],
    limits: Limits | None = None,
) -> SeedMean:
    return mean_over_seeds([None if part.empty else measure(part) for part in parts], limits)
