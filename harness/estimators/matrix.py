"""The scores of one estimator over its seeds, wherever they came from.

Axes: seed, training seeds; n, architectures ascending by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.runs.record import Record
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

RUN: Final = "run"
FILE: Final = "file"
CALLABLE: Final = "callable"


@dataclass(frozen=True, eq=False)
class ScoreMatrix:
    """The scores of one estimator: a row for each training seed.

    Attributes:
        label: What reports call it: printable, and its own among those that were loaded together.
        method: The training strategy, or the name that a score file gives; printable.
        source: "run", "file" or "callable".
        seeds: Training seeds, ascending; (None,) where they are not known.
        keys: Architectures (`Space.key`) with a score of any seed, ascending, [n].
        score: Higher is better, [seed, n]; NaN where a seed lacks one.
        score_kind: What the score is, such as "minus mean validation loss".
        dataset: Image data set that it was trained on; None where that is not known.
        bn_mode: Batch norm when ranking; None where that is not known.
        truth_sha256: The truth table that a run was ranked against, by its hash; None for others.
        settings_sha256: Hash of all settings but the seed; None for others than runs.
        paths: The run folders, one a seed, or the file; none for a callable.
        exclusions: Scores that are not there or were left out, by reason.
        fitted_on: Architectures whose truth each seed was fitted to, ascending, [seed] arrays;
            these are never in its evaluation. Empty for estimators that saw no truth.
        space: The space of the architectures; NAS-Bench-201 unless given.
        records: The runs' records, one a seed; none for others.
    """

    label: str
    method: str
    source: Literal["run", "file", "callable"]
    seeds: tuple[int | None, ...]
    keys: IntArray
    score: FloatArray
    score_kind: str
    dataset: str | None = None
    bn_mode: str | None = None
    truth_sha256: str | None = None
    settings_sha256: str | None = None
    paths: tuple[Path, ...] = ()
    exclusions: dict[str, int] = field(default_factory=dict)
    records: tuple[Record, ...] = ()
    fitted_on: tuple[IntArray, ...] = ()
    space: Space = field(default_factory=load_space)

    def __post_init__(self) -> None:
        """Check the shapes and the order of architectures."""
        keys, score, size = self.keys, self.score, self.space.size
        fits = keys.ndim == 1 and score.shape == (len(self.seeds), len(keys))
        ascends = fits and bool((np.diff(keys) > 0).all())
        in_range = len(keys) == 0 or (ascends and keys[0] >= 0)
        if size is not None:
            in_range = in_range and (len(keys) == 0 or bool(keys[-1] < size))
        if not (fits and ascends and in_range) or not self.seeds or np.isinf(score).any():
            most = "" if size is None else f" to {size - 1} at most"
            raise UsageError(
                f"An estimator of {len(self.seeds)} seeds got indices of shape {keys.shape} and "
                f"scores of shape {score.shape}; indices [n] ascend from 0{most}, and scores are "
                "[seed, n], finite or NaN. Sort by index, and leave out architectures without a "
                "score."
            )

    @cached_property
    def config(self) -> RunConfig | None:
        """The settings of a run, with the first seed; None for others."""
        return RunConfig(**self.records[0].config) if self.records else None

    @property
    def complete_archs(self) -> IntArray:
        """The architectures that every seed has a score for, or was fitted to, ascending."""
        judged = self.judged_on(self.keys)
        has_score = np.isfinite(self.score)
        if judged is not None:
            has_score = (has_score | ~judged) & judged.any(axis=0)
        return self.keys[has_score.all(axis=0)]

    def judged_on(self, keys: IntArray) -> BoolArray | None:
        """Tell which of some architectures each seed may be judged on, [seed, k]; None for all."""
        if not self.fitted_on:
            return None
        return np.stack([~np.isin(keys, seen) for seen in self.fitted_on])

    def scores_of(self, keys: IntArray) -> FloatArray:
        """Return the scores of some architectures.

        Args:
            keys: The architectures, in any order, [k].

        Returns:
            Their scores, [seed, k]; NaN where there is none.
        """
        if len(self.keys) == 0:
            return np.full((len(self.seeds), len(keys)), np.nan)
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.score[:, place], np.nan)


@dataclass(frozen=True)
class Loaded:
    """What was found where the user pointed.

    Attributes:
        estimators: Those of run folders come first, else as they were named.
        unfinished: Runs that were left out, with their status.
    """

    estimators: tuple[ScoreMatrix, ...]
    unfinished: tuple[str, ...] = ()


def common_archs(estimators: Sequence[ScoreMatrix]) -> IntArray:
    """Return the architectures that every seed of every estimator has a score for.

    Args:
        estimators: At least one.

    Returns:
        keys, ascending; empty where they share none.

    Raises:
        UsageError: If there is no estimator.
    """
    if not estimators:
        raise UsageError("No estimator was given; common architectures need at least one.")
    complete = (estimator.complete_archs for estimator in estimators)
    return reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), complete)
