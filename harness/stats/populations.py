"""Parts of the space that a ranking is evaluated on, side by side.

Published protocols differ in their population, and that alone can reverse the winner. The space
defines its populations and their sizes (`Space.traits`). Architectures are named by their key
(`Space.key`). Axis letter: n architectures that have both a score and a truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import UsageError, unknown_name
from harness.spaces import Space

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

MIN_ARCHS = 30
"""A metric on fewer architectures has the status "too few" and no value."""

TOP_HALF = 0.5
TOP_10 = 0.1

N_DECILES = 10
PER_DECILE = 100

_MOST_TABULATED = 100_000  # most architectures whose traits are kept in an array
_LARGEST_KEY = 2**63 - 1
_NAMED = 3
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # Knuth's multiplicative hash: one to one


def top_share(truth: npt.ArrayLike, share: float) -> BoolArray:
    """Select the truly best share of architectures, including those tied with the last one.

    Args:
        truth: Ground truth, higher is better, [arch].
        share: The share, above 0 and up to 1.

    Returns:
        Whether truth is at least its (1-share) quantile, [arch].

    Raises:
        UsageError: If the share is out of range or there are no architectures.
    """
    values = np.asarray(truth, dtype=np.float64)
    if not 0.0 < share <= 1.0 or values.ndim != 1 or len(values) == 0:
        raise UsageError(
            f"The top {share} of an array of shape {values.shape} was requested; a share is above "
            "0 and up to 1, and the array [arch] is not empty. Correct whichever is wrong."
        )
    return np.asarray(values >= np.quantile(values, 1.0 - share), dtype=np.bool_)


class Population(NamedTuple):
    """A subset of the given architectures.

    Attributes:
        name: Key of `populations_of`.
        description: What it contains, in words.
        mask: Whether each of the n architectures belongs to it, [n].
        size: Number of architectures it was drawn from: those of the whole space; its own count if
            it is not a sample; None if too large to count.
        share: The top share of truth that defines it; None if it is not defined that way.
        unrepresented: Keys, ascending, of the class representatives that were not scored although
            another member was; empty unless it holds one architecture per class.
        note: A caveat about it, in a sentence; empty if there is none.
    """

    name: str
    description: str
    mask: BoolArray
    size: int | None
    share: float | None = None
    unrepresented: tuple[int, ...] = ()
    note: str = ""

    @property
    def n(self) -> int:
        """Number of the given architectures that it contains."""
        return int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class Subset:
    """Architectures that a user chose by what is known of them.

    Attributes:
        name: The name of the population.
        description: What it contains, in words.
        keys: They, ascending, perhaps with others than those that are evaluated, [n].
        size: Number of architectures of the whole space that it contains; None if unknown.
        note: A caveat about it, in a sentence; empty if there is none.
    """

    name: str
    description: str
    keys: IntArray
    size: int | None
    note: str = ""

    def of(self, keys: IntArray) -> Population:
        """Return the population of given architectures, [n]."""
        mask = np.isin(keys, self.keys)
        return Population(self.name, self.description, mask, self.size, note=self.note)


class PopulationRule(NamedTuple):
    """How a population is chosen.

    Attributes:
        description: What it contains, in words.
        size: Number of architectures of the whole space that it contains; None if too large to
            count.
        choose: From keys and truth, [n] each, whether an architecture belongs to it, [n]; for a
            partition, the key of the representative of each one's class, [n].
        share: The top share of truth that defines it; None if it is not defined that way.
        is_partition: Whether it holds one architecture per class.
    """

    description: str
    size: int | None
    choose: Callable[[IntArray, FloatArray], BoolArray | IntArray]
    share: float | None = None
    is_partition: bool = False


@cache
def populations_of(space: Space) -> dict[str, PopulationRule]:
    """Return the populations of a space by name, in table order.

    Those defined by properties of architectures are the space's traits; the others are defined by
    truth.
    """
    return {
        "all": PopulationRule(
            _describe_all(space), space.n_judged, lambda keys, _: np.ones(len(keys), dtype=np.bool_)
        ),
        **{
            name: PopulationRule(
                trait.description,
                trait.size,
                partial(_find_trait, space, name),
                is_partition=trait.is_partition,
            )
            for name, trait in space.traits.items()
        },
        "truth_stratified": PopulationRule(
            "equally many architectures of each decile of truth, the first in the canonical "
            f"permutation, at most {PER_DECILE}",
            space.n_judged,
            partial(_stratify, space),
        ),
        "top_50": _top(TOP_HALF, space.n_judged),
        "top_10": _top(TOP_10, space.n_judged),
    }


def _describe_all(space: Space) -> str:
    if space.n_networks is None:
        return "all architectures"
    return "all networks, each by one of the architectures that name it"


def select_population(
    name: str, keys: npt.ArrayLike, truth: npt.ArrayLike, space: Space
) -> Population:
    """Select one population of the given architectures.

    Args:
        name: Key of `populations_of`.
        keys: Each architecture's key, no two equal, [n].
        truth: Its ground truth, finite numbers, [n].
        space: The space that the keys belong to.

    Returns:
        The population, which may be empty.

    Raises:
        UsageError: If the name is unknown, there are no architectures, the shapes differ, a key
            is out of range or occurs twice, or a truth is not finite.
    """
    rules = populations_of(space)
    if name not in rules:
        raise unknown_name("population", name, rules)
    known, values = check_archs(keys, truth, space)
    rule = rules[name]
    chosen = rule.choose(known, values)
    if rule.is_partition:
        return _select_one_each(name, rule, known, np.asarray(chosen, dtype=np.int64))
    return Population(name, rule.description, chosen.astype(np.bool_), rule.size, rule.share)


def check_archs(
    keys: npt.ArrayLike, truth: npt.ArrayLike, space: Space
) -> tuple[IntArray, FloatArray]:
    """Return the architectures and their truth, [n] each, or raise a UsageError."""
    given, values = np.asarray(keys), np.asarray(truth, dtype=np.float64)
    if given.ndim != 1 or given.shape != values.shape or len(given) == 0:
        raise UsageError(
            f"Indices of shape {given.shape} and a truth of shape {values.shape} were given; both "
            "must be [n], n at least 1. Pass one index and one truth per architecture."
        )
    most = _LARGEST_KEY if space.size is None else space.size - 1
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() > most:
        raise UsageError(
            f"Architecture indices from {min(given.tolist())} to {max(given.tolist())} of type "
            f"{given.dtype} were given; they are whole numbers from 0 to {most:,}. Pass the keys "
            f"of space '{space.name}'."
        )
    found, counts = np.unique(given, return_counts=True)
    repeated = found[counts > 1]
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


def _select_one_each(
    name: str, rule: PopulationRule, keys: IntArray, representatives: IntArray
) -> Population:
    """Choose the scored representatives, or all architectures if no class has two scored members.

    Choosing the first scored member would be biased: a sample is more likely to contain a member of
    a large class, so large classes would be overrepresented and intervals cover far too little (0.4
    to 0.9 by simulation). The same holds for the first in the canonical permutation, of which
    samples are prefixes. Whether the representative was scored does not depend on the size of its
    class. A file with at most one member per class is a list of classes, not a sample of
    architectures: it is used as it is, and does not describe the whole space.
    """
    mask = representatives == keys
    classes = np.unique(representatives)
    missing = np.setdiff1d(classes, keys[mask], assume_unique=True)
    size, note = rule.size, ""
    if len(missing):
        such = ", ".join(map(str, missing[:_NAMED]))
        note = f"{len(missing):,} classes were scored only on members other than the representative"
        if len(classes) == len(keys):
            mask, size = np.ones(len(keys), dtype=np.bool_), len(keys)
            note += f" (such as {such}); these are used, so results do not describe the space."
        else:
            note += f" (such as {such}) and are left out."
    return Population(name, rule.description, mask, size, None, tuple(missing.tolist()), note)


def _find_trait(space: Space, name: str, keys: IntArray, _: FloatArray) -> IntArray:
    """Return each architecture's trait, [n]."""
    if _is_small(space):
        return _all_traits(space, name)[keys]
    return np.array([_find_one_trait(space, name, key) for key in keys.tolist()], dtype=np.int64)


@cache
def _all_traits(space: Space, name: str) -> IntArray:
    fact = space.traits[name].of
    return np.array([int(fact(space.at(key))) for key in range(space.size or 0)])


@cache
def _find_one_trait(space: Space, name: str, key: int) -> int:
    return int(space.traits[name].of(space.at(key)))


def _is_small(space: Space) -> bool:
    return space.size is not None and space.size <= _MOST_TABULATED


def _find_places(space: Space, keys: IntArray) -> IntArray:
    """Order architectures by the canonical permutation, or by a hash if the space is large, [n]."""
    if _is_small(space):
        return _all_places(space)[keys]
    return np.asarray((keys.astype(np.uint64) * _GOLDEN) >> np.uint64(1), dtype=np.int64)


@cache
def _all_places(space: Space) -> IntArray:
    assert space.size is not None
    return np.argsort(np.asarray(space.prefix(space.size)))


def _stratify(space: Space, keys: IntArray, truth: FloatArray) -> BoolArray:
    places = _find_places(space, keys)
    deciles = np.array_split(np.lexsort((places, truth)), N_DECILES)
    each = min(PER_DECILE, *(len(decile) for decile in deciles))
    chosen = [decile[np.argsort(places[decile])[:each]] for decile in deciles]
    return np.isin(np.arange(len(keys)), np.concatenate(chosen))


def _top(share: float, size: int | None) -> PopulationRule:
    return PopulationRule(
        f"the top {share:.0%} by truth, ties included",
        None if size is None else round(size * share),
        lambda _, truth: top_share(truth, share),
        share,
    )
