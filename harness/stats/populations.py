"""Parts of the space that a ranking is judged on, side by side.

Published protocols differ in their population, and that alone can reverse who wins. Axis letter:
n architectures that have both a score and a truth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError, unknown_name
from harness.spaces.nb201.classes import isomorphism_string
from harness.spaces.nb201.encoding import (
    EDGES,
    N_ARCHS,
    NONE,
    OPS,
    canonical_permutation,
    enumerate_archs,
)

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MIN_ARCHS = 30
"""A metric on fewer architectures is "too few", not a number."""

TOP_HALF = 0.5
TOP_10 = 0.1

N_DECILES = 10
PER_DECILE = 100


def top_share(truth: npt.ArrayLike, share: float) -> BoolArray:
    """Select the truly best share of architectures, those tied with the last one included.

    Args:
        truth: Ground truth, higher is better, [arch].
        share: How much of them, above 0 and up to 1.

    Returns:
        Whether truth is at least its (1-share) quantile, [arch].

    Raises:
        UsageError: If the share is out of range or there are no architectures.
    """
    values = np.asarray(truth, dtype=np.float64)
    if not 0.0 < share <= 1.0 or values.ndim != 1 or len(values) == 0:
        raise UsageError(
            f"The top {share} of an array of shape {values.shape} was asked for; a share is above "
            "0 and up to 1, and the array [arch] is not empty. Correct either."
        )
    return np.asarray(values >= np.quantile(values, 1.0 - share), dtype=np.bool_)


class Population(NamedTuple):
    """Some of the architectures at hand.

    Attributes:
        name: Key of `POPULATIONS`.
        description: What it holds, in words.
        mask: Which of the n architectures, [n].
        size: How many of the whole space it would hold: what the sample was drawn from.
        share: The top share of truth that it is; None where truth does not select it so.
    """

    name: str
    description: str
    mask: BoolArray
    size: int
    share: float | None

    @property
    def n(self) -> int:
        """How many of the architectures at hand it holds."""
        return int(self.mask.sum())


class Rule(NamedTuple):
    """How a population is chosen; the attributes are those of `Population`."""

    description: str
    size: int
    choose: Callable[[IntArray, FloatArray], BoolArray]
    share: float | None = None


def select_population(name: str, nb201_index: npt.ArrayLike, truth: npt.ArrayLike) -> Population:
    """Select one population of the architectures at hand.

    Args:
        name: Key of `POPULATIONS`.
        nb201_index: Each architecture's index, no two equal, [n].
        truth: Its ground truth, finite numbers, [n].

    Returns:
        The population, which may be empty.

    Raises:
        UsageError: If the name is unknown, there are no architectures, the shapes differ, an
            index is out of range or occurs twice, or a truth is not finite.
    """
    if name not in POPULATIONS:
        raise unknown_name("population", name, POPULATIONS)
    index, values = check_archs(nb201_index, truth)
    rule = POPULATIONS[name]
    return Population(name, rule.description, rule.choose(index, values), rule.size, rule.share)


def check_archs(nb201_index: npt.ArrayLike, truth: npt.ArrayLike) -> tuple[IntArray, FloatArray]:
    """Return the architectures and their truth, [n] each, or refuse them with a UsageError."""
    given, values = np.asarray(nb201_index), np.asarray(truth, dtype=np.float64)
    if given.ndim != 1 or given.shape != values.shape or len(given) == 0:
        raise UsageError(
            f"Indices of shape {given.shape} and a truth of shape {values.shape} were given; both "
            "must be [n], n at least 1. Pass one index and one truth an architecture."
        )
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= N_ARCHS:
        raise UsageError(
            f"Architecture indices from {min(given.tolist())} to {max(given.tolist())} of type "
            f"{given.dtype} were given; they are whole numbers from 0 to {N_ARCHS - 1:,}. Pass "
            "nb201_index."
        )
    repeated = np.flatnonzero(np.bincount(given) > 1)
    if len(repeated):
        raise UsageError(
            f"{len(repeated)} architectures were given more than once, such as {repeated[0]}; each "
            "counts once. Average their scores, or keep one."
        )
    if not np.isfinite(values).all():
        raise UsageError(
            f"{int((~np.isfinite(values)).sum())} of {len(values)} truths are missing or infinite. "
            "Leave these architectures out."
        )
    return given.astype(np.int64), values


@cache
def _places() -> IntArray:
    """Return each architecture's position in the canonical permutation, [index]."""
    return np.argsort(np.asarray(canonical_permutation()))


@cache
def _traits() -> dict[str, IntArray]:
    """Tell, for every architecture of the space, what it is counted by, [index] each."""
    archs = enumerate_archs()
    strings = np.array([isomorphism_string(arch) for arch in archs])
    return {
        "class": np.array([arch.representative.nb201_index for arch in archs]),
        "string": np.unique(strings, return_inverse=True)[1].reshape(-1),
        "live": np.array([arch.is_live for arch in archs], dtype=np.int64),
        "nones": np.array([arch.count_op(NONE) for arch in archs]),
    }


def _one_per(trait: str) -> Callable[[IntArray, FloatArray], BoolArray]:
    """Choose the member of lowest index, where it is among those at hand.

    Not the first at hand: a large class is more likely to be at hand at all, so that a sample
    would hold too many of these, and its intervals cover far too little (0.4 to 0.9 by
    simulation). Nor the first in the canonical permutation, which samples are prefixes of, for
    the same reason. The published order has nothing to do with that permutation.
    """

    def choose(index: IntArray, _: FloatArray) -> BoolArray:
        firsts = np.unique(_traits()[trait], return_index=True)[1]
        return np.isin(index, firsts)

    return choose


def _stratify(index: IntArray, truth: FloatArray) -> BoolArray:
    places = _places()[index]
    deciles = np.array_split(np.lexsort((places, truth)), N_DECILES)
    each = min(PER_DECILE, *(len(decile) for decile in deciles))
    chosen = [decile[np.argsort(places[decile])[:each]] for decile in deciles]
    return np.isin(np.arange(len(index)), np.concatenate(chosen))


def _top(share: float) -> Rule:
    return Rule(
        f"the top {share:.0%} by truth, ties included",
        round(N_ARCHS * share),
        lambda _, truth: top_share(truth, share),
        share,
    )


POPULATIONS: dict[str, Rule] = {
    "all": Rule("all architectures", N_ARCHS, lambda index, _: np.ones(len(index), dtype=np.bool_)),
    "without_none": Rule(
        "architectures without the operation none",
        (len(OPS) - 1) ** len(EDGES),
        lambda index, _: _traits()["nones"][index] == 0,
    ),
    "live": Rule(
        "architectures with a path from input to output",
        15_284,
        lambda index, _: _traits()["live"][index] == 1,
    ),
    "one_per_class": Rule(
        "one architecture of each class under dead-edge removal, the one of lowest index",
        9_445,
        _one_per("class"),
    ),
    "one_per_string": Rule(
        "one architecture of each isomorphism string of the benchmark, the one of lowest index",
        6_466,
        _one_per("string"),
    ),
    "truth_stratified": Rule(
        f"equally many architectures of each decile of truth, the first in the canonical "
        f"permutation, at most {PER_DECILE}",
        N_ARCHS,
        _stratify,
    ),
    "top_50": _top(TOP_HALF),
    "top_10": _top(TOP_10),
}
"""What a ranking is judged on. A new population is one row, and a function if it needs one."""
