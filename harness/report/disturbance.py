"""The disturbance report: over training, by shared weights, and at equal training loss.

A smaller step also disturbs less, and a slower learner would win by standing still. Disturbance is
therefore shown beside what the steps gained (progress), and compared at equal training loss.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.report.measures import COMPARED, FIGURES, POSITIVE
from harness.report.seed_means import SeedMean, mean_over_seeds, subtract_means
from harness.report.training import RunTraining
from harness.stats.intervals import Limits

FloatArray = npt.NDArray[np.float64]

N_STEP_BINS = 20
N_LOSS_BINS = 5
MIN_STEPS_PER_BIN = 2
"""Fewest measured steps of each run in a bin of training loss for it to count."""

EQUAL_LOSS = "at equal training loss"


@dataclass(frozen=True)
class Bin:
    """A part of training.

    Attributes:
        step: The step in its middle.
        train_loss: Training loss there, mean over seeds, nats; None where it is not known.
        mean_pd: Mean disturbance of recent paths, one value for each seed, nats.
        positive_pd: Mean of its positive part, nats.
        progress: What steps gained on their own paths, nats.
    """

    step: float
    train_loss: float | None
    mean_pd: SeedMean
    positive_pd: SeedMean
    progress: SeedMean


@dataclass(frozen=True)
class SharedBin:
    """Measurements on paths that share as many convolutions with the trained one.

    Attributes:
        shared_convs: Live convolution edges in common; with 0 the stem, the reduction blocks and
            the classifier are still shared.
        n: Number of measurements, over all seeds.
        mean_pd: As in `Bin`.
        positive_pd: As in `Bin`.
        positive_frac: Share of measurements with PD > 0, 0-1.
    """

    shared_convs: int
    n: int
    mean_pd: SeedMean
    positive_pd: SeedMean
    positive_frac: SeedMean


@dataclass(frozen=True)
class TrainingDifference:
    """A difference of a figure of training, first minus second.

    Attributes:
        figure: Key of `FIGURES`.
        condition: Empty for the whole of training; otherwise where it was compared, in words.
        difference: The difference; its interval is over seeds, and where these are paired it has
            one value for each pair.
    """

    figure: str
    condition: str
    difference: SeedMean


def bin_over_steps(runs: Sequence[RunTraining]) -> list[Bin]:
    """Average the disturbance of recent paths in equal parts of training.

    Args:
        runs: The runs; all of the same number of steps.

    Returns:
        The parts in which any run was measured, in order: at most 20, and no more than there were
        measured steps.
    """
    measured = [run.probes_of("recent") for run in runs]
    own = [run.probes_of("trained") for run in runs]
    n_steps = runs[0].config.steps
    n_bins = min(N_STEP_BINS, max((frame["step"].nunique() for frame in measured), default=0))
    edges = np.linspace(0, n_steps, n_bins + 1) if n_bins else np.zeros(0)
    bins = []
    for low, high in itertools.pairwise(edges):
        victims = [_within(frame, low, high) for frame in measured]
        trained = [_within(frame, low, high) for frame in own]
        if all(part.empty for part in victims):
            continue
        middle = (low + high) / 2
        losses = [_loss_at(run, np.array([middle]))[0] for run in runs]
        bins.append(
            Bin(
                middle,
                None if np.isnan(losses).any() else float(np.mean(losses)),
                _estimate(victims, _mean_pd),
                _estimate(victims, _positive_pd, POSITIVE),
                _estimate(trained, _progress),
            )
        )
    return bins


def split_by_shared(runs: Sequence[RunTraining]) -> list[SharedBin]:
    """Split disturbance by how many live convolutions the trained and the other path share.

    Args:
        runs: The runs.

    Returns:
        One part for each number of shared convolutions that was measured, ascending.
    """
    split = [_by_shared(run) for run in runs]
    found = []
    for shared in sorted(set().union(*split)):
        parts = [run.get(shared, {"n": 0}) for run in split]
        means = (
            mean_over_seeds([part.get(name) for part in parts], FIGURES[name].limits)
            for name in ("mean_pd", "positive_pd", "positive_frac")
        )
        found.append(SharedBin(shared, sum(part["n"] for part in parts), *means))
    return found


def _by_shared(run: RunTraining) -> dict[int, dict[str, Any]]:
    found = run.disturbance.get("recent", {}).get("by_shared_convs", {})
    return {int(float(shared)): part for shared, part in found.items() if part["n"]}


def compare_training(
    first: Sequence[RunTraining], second: Sequence[RunTraining], *, is_paired: bool
) -> list[TrainingDifference]:
    """Compare the training of two estimators.

    Args:
        first: The runs of the one.
        second: Those of the one that is subtracted.
        is_paired: Whether both have the same seeds, in the same order; otherwise the seeds of
            either side are independent of the other's.

    Returns:
        The differences over the whole of training, at equal training loss, and by number of
        shared convolutions.
    """
    found = []
    for name in COMPARED:
        values = ([FIGURES[name].get(run) for run in side] for side in (first, second))
        found.append(TrainingDifference(name, "", subtract_means(*values, is_paired=is_paired)))
    for name, probe_set, measure in (
        ("mean_pd", "recent", _mean_pd),
        ("positive_pd", "recent", _positive_pd),
        ("progress", "trained", _progress),
    ):
        groups = zip(first, second, strict=True) if is_paired else [(*first, *second)]
        parts = [_at_equal_loss(group, probe_set, measure) for group in groups]
        estimate = _subtract_parts(parts, None if is_paired else len(first))
        found.append(TrainingDifference(name, EQUAL_LOSS, estimate))
    shared = [[_by_shared(run) for run in side] for side in (first, second)]
    for count in sorted(set().union(*shared[0]) & set().union(*shared[1])):
        harm = ([run.get(count, {}).get("positive_pd") for run in side] for side in shared)
        estimate = subtract_means(*harm, is_paired=is_paired)
        if estimate.mean is not None:
            condition = f"with {count} shared convolutions"
            found.append(TrainingDifference("positive_pd", condition, estimate))
    return found


def _subtract_parts(parts: Sequence[FloatArray | None], n_first: int | None) -> SeedMean:
    """Subtract bins of pairs of runs; of all runs together if `n_first` of them are the first's."""
    if n_first is None:
        pairs = [None if part is None else float(np.mean(part[0] - part[1])) for part in parts]
        return mean_over_seeds(pairs)
    means = [] if parts[0] is None else parts[0].mean(axis=1).tolist()
    return subtract_means(means[:n_first], means[n_first:], is_paired=False)


def _at_equal_loss(
    runs: Sequence[RunTraining], probe_set: str, measure: Callable[[pd.DataFrame], float]
) -> FloatArray | None:
    """Measure over the range of training loss that all runs went through, [run, bin].

    The range is that of the measured training loss, so that steps before its first measurement
    play no part. It is cut into five equally weighted bins, so that a run that lingers at some
    loss does not give it more weight; a bin with fewer than two measured steps of any run is left
    out. Returns None where no bin is left.
    """
    frames = [run.probes_of(probe_set) for run in runs]
    losses = [
        _loss_at(run, frame["step"].to_numpy(dtype=np.float64))
        for run, frame in zip(runs, frames, strict=True)
    ]
    known = [loss[~np.isnan(loss)] for loss in losses]
    if any(len(loss) == 0 for loss in known):
        return None
    low = max(float(loss.min()) for loss in known)
    high = min(float(loss.max()) for loss in known)
    if low >= high:
        return None
    found = []
    for left, right in itertools.pairwise(np.linspace(low, high, N_LOSS_BINS + 1)):
        parts = [
            frame[(loss >= left) & (loss <= right)]
            for frame, loss in zip(frames, losses, strict=True)
        ]
        if min(part["step"].nunique() for part in parts) >= MIN_STEPS_PER_BIN:
            found.append([measure(part) for part in parts])
    return np.array(found).T if found else None


def _loss_at(run: RunTraining, steps: FloatArray) -> FloatArray:
    """Read off the training loss at some steps, NaN outside of what was measured.

    Linear between measurements, of the lowest loss so far: each loss is then reached only once.
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


def _progress(part: pd.DataFrame) -> float:
    return -_mean_pd(part)


def _estimate(
    parts: Sequence[pd.DataFrame],
    measure: Callable[[pd.DataFrame], float],
    limits: Limits | None = None,
) -> SeedMean:
    return mean_over_seeds([None if part.empty else measure(part) for part in parts], limits)
