"""The scores of one estimator over its seeds, whatever their source.

Axes: seed, training seeds; n, architectures ascending by key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError
from harness.estimators import PROXIES, SUPERNET, is_free
from harness.runs.record import Record
from harness.settings.dotted import flatten
from harness.settings.run import RunConfig
from harness.spaces import Space, load_space
from harness.stats.combination import write_sum

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

RUN: Final = "run"
FILE: Final = "file"
CALLABLE: Final = "callable"
BASELINE: Final = "baseline"
COMBINATION: Final = "combination"

SUPERNET_SEED, PROXY_SEED = "supernet_seed", "proxy_seed"
"""Settings of a predictor that hold the supernets, or the proxies, among its features."""

CHANCE = "random"
"""The free score that another draw would change."""

SUPERNETS, ZERO_COST, FREE_SCORE, GIVEN = "supernet", "zero-cost", "free", "given"
"""Families of estimators, beside combinations and classes of one's own."""


@dataclass(frozen=True, eq=False)
class ScoreMatrix:
    """The scores of one estimator: a row for each training seed.

    Attributes:
        label: Its name in reports: printable, and unique among those loaded together.
        method: The training strategy, or the name that a score file gives; printable.
        source: "run", "file", "callable", "baseline" or "combination".
        seeds: Training seeds, ascending; (None,) if unknown.
        keys: Architectures (`Space.key`) with a score of any seed, ascending, [n].
        score: Higher is better, [seed, n]; NaN where a seed lacks one.
        score_kind: What the score is, such as "minus mean validation loss".
        dataset: Image data set that it was trained on; None if unknown.
        bn_mode: Batch norm mode when ranking with a supernet; None without one, or if unknown.
        truth_sha256: Hash of the truth table that a run was ranked against; None for others.
        settings_sha256: Hash of all settings except the seed; None unless from runs.
        paths: The run folders, one for each seed, or the file; none for a callable.
        exclusions: Number of scores missing or left out, by reason.
        ranked_last: Architectures that rank last, as ties, for want of a finite score or, in runs,
            of a live path, ascending.
        arch_s: Mean time that the score of an architecture took, seconds; None where not known.
        notes: What was decided in reading that may surprise, in sentences.
        fitted_on: Architectures whose truth each seed was fitted to, ascending, [seed] arrays;
            these are never in its evaluation. Empty for estimators that saw no truth.
        space: The space of the architectures; NAS-Bench-201 unless given.
        records: The runs' records, one for each seed; none for others.
        is_deterministic: Whether it is known that another run would give the same scores.
        parts: The components of a combination.
        namesakes: The end of the label that tells it from others of the same name, such as
            " (cifar10)".
    """

    label: str
    method: str
    source: Literal["run", "file", "callable", "baseline", "combination"]
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
    ranked_last: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    arch_s: float | None = None
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    fitted_on: tuple[IntArray, ...] = ()
    space: Space = field(default_factory=load_space)
    is_deterministic: bool = False
    parts: tuple[Part, ...] = ()
    namesakes: str = ""

    def __post_init__(self) -> None:
        """Check shapes, and that architectures ascend."""
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

    @property
    def name(self) -> str:
        """Its label where nothing else has the same name: alike in every space and data set."""
        if self.parts:
            names = [part.estimator.name for part in self.parts]
            return write_sum(names, [part.weight for part in self.parts])
        return self.label.removesuffix(self.namesakes)

    @cached_property
    def config(self) -> RunConfig | None:
        """The settings of a run, with the first seed; None for others."""
        return RunConfig(**self.records[0].config) if self.records else None

    @property
    def trainings(self) -> tuple[str, ...]:
        """The trainings whose supernets were ranked, one for each seed; none for others."""
        return tuple(record.training for record in self.records)

    @property
    def family(self) -> str:
        """What kind of estimator it is, such as "supernet"; the class, if it is one's own."""
        if self.config is None:
            return {COMBINATION: COMBINATION, BASELINE: FREE_SCORE}.get(self.source, GIVEN)
        if is_free(self.config):
            return FREE_SCORE
        name = self.config.estimator
        return {SUPERNET: SUPERNETS, **dict.fromkeys(PROXIES, ZERO_COST)}.get(name, name)

    @property
    def held_supernets(self) -> tuple[int, ...]:
        """Seeds of the supernets that all its label seeds share, as features of a predictor."""
        return self._find_held(SUPERNET_SEED)

    def _find_held(self, setting: str) -> tuple[int, ...]:
        configs = (part.estimator.config for part in self.components)
        settings = (flatten(config.tables) for config in configs if config is not None)
        found = {v for own in settings for key, v in own.items() if key.endswith(setting)}
        return tuple(sorted(found))

    @property
    def seed_kind(self) -> str:
        """What its seeds are called: "label seeds" of what was fitted to labels."""
        return "label seeds" if self.fitted_on else "seeds"

    @property
    def held(self) -> str:
        """What its seeds share, to follow them, such as ", the supernet of seed 0 held"."""
        held = {"the supernet": self.held_supernets, "proxies": self._find_held(PROXY_SEED)}
        told = [
            f"{what} of seed {' and '.join(map(str, own))}" for what, own in held.items() if own
        ]
        return f", {' and '.join(told)} held" if told else ""

    @property
    def is_free(self) -> bool:
        """Whether its scores cost nothing."""
        return self.family == FREE_SCORE

    @property
    def components(self) -> tuple[Part, ...]:
        """The parts of a combination; of others, itself."""
        return self.parts or (Part(self),)

    @property
    def identity(self) -> frozenset[tuple[str, float]]:
        """What tells it from others: labels and weights, since the order of a sum is idle."""
        return frozenset((part.estimator.label, part.weight) for part in self.components)

    @property
    def complete_archs(self) -> IntArray:
        """The architectures that every seed scored or was fitted to, ascending."""
        keys = reduce(np.union1d, self.fitted_on, self.keys)
        judged, has_score = self.judged_on(keys), np.isfinite(self.scores_of(keys))
        if judged is not None:
            has_score |= ~judged
        return keys[has_score.all(axis=0)]

    def judged_on(self, keys: IntArray) -> BoolArray | None:
        """Tell which architectures each seed may be judged on, [seed, k]; None for all."""
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


class Part(NamedTuple):
    """A component of a combination.

    Attributes:
        estimator: The component, which is no combination.
        weight: Its stated weight.
    """

    estimator: ScoreMatrix
    weight: float = 1.0


@dataclass(frozen=True)
class Loaded:
    """The estimators that were loaded.

    Attributes:
        estimators: Those of run folders first, otherwise in the order given.
        unfinished: Runs that were left out, with their status.
    """

    estimators: tuple[ScoreMatrix, ...]
    unfinished: tuple[str, ...] = ()


def common_archs(estimators: Sequence[ScoreMatrix]) -> IntArray:
    """Return the architectures that every seed of every estimator scored or was fitted to.

    Args:
        estimators: At least one.

    Returns:
        Their keys, ascending; empty if they share none.

    Raises:
        UsageError: If there is no estimator.
    """
    if not estimators:
        raise UsageError("No estimator was given; common architectures need at least one.")
    complete = (estimator.complete_archs for estimator in estimators)
    return reduce(lambda a, b: np.intersect1d(a, b, assume_unique=True), complete)
