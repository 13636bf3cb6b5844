"""What predictors know of an architecture: a row of numbers.

Features are those of the representative of its class (`Space.canonical`), so that members of a
class tie. Scores are log ranks: ln(rank), 1 is the worst, ties share their mean rank.

Axes: pool, the architectures of a run; f, features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from harness.errors import UsageError
from harness.estimators.baselines import make_baselines
from harness.estimators.classes import class_key
from harness.estimators.matrix import CHANCE, FloatArray, IntArray
from harness.estimators.methods import find_method
from harness.estimators.naming import read_sum, split_sum
from harness.seeding import make_rng
from harness.spaces import Space
from harness.stats.correlation import dense_ranks, mean_ranks

FREE_FEATURES = "free"
"""Log ranks of all free scores of a space but chance."""

Columns = Mapping[str, FloatArray]
"""Numbers by name, [pool] each."""


class Table(NamedTuple):
    """Features of architectures.

    Attributes:
        names: Of the features, [f].
        values: Finite, [pool, f].
        imputed: Architectures without a number, by the score that lacks it.
    """

    names: tuple[str, ...]
    values: FloatArray
    imputed: Mapping[str, int]


def read_features(text: str, space: Space, *, nests: bool = False) -> list[str]:
    """Return the features that a setting names, with plus signs between them, each once.

    Args:
        text: Names of `Space.features`, of free scores, `free` for all free scores, or estimators.
        space: The space.
        nests: Whether estimators can be named too.

    Raises:
        UsageError: If a name is unknown.
    """
    own = [*space.features, FREE_FEATURES, *space.baselines]
    return _read_names(text, own, space, f"feature of space '{space.name}'", nests)


def read_prior(text: str | None, space: Space, *, nests: bool = False) -> list[str]:
    """Return the scores that a setting names as a prior, with plus signs between them.

    Args:
        text: Names of free scores or estimators; None for no prior.
        space: The space.
        nests: Whether estimators can be named too.

    Raises:
        UsageError: If a name is unknown.
    """
    if text is None:
        return []
    what = f"score for a prior on '{space.name}'"
    return _read_names(text, list(space.baselines), space, what, nests)


def estimators_among(names: Iterable[str], space: Space) -> list[str]:
    """Return the features and scores that are those of estimators, not of the space."""
    own = {*space.features, FREE_FEATURES, *space.baselines}
    return [name for name in names if name not in own]


def _read_names(text: str, own: Sequence[str], space: Space, what: str, nests: bool) -> list[str]:
    if not nests:
        return read_sum(text, own, what)
    names = split_sum(text)
    return [name if name in own else str(find_method(name, space, own, what)) for name in names]


def make_table(
    names: Sequence[str], keys: IntArray, space: Space, score: Callable[[str], FloatArray]
) -> Table:
    """Compute features of all architectures of a run.

    Args:
        names: From `read_features`.
        keys: The architectures, [pool].
        space: Their space.
        score: Returns the scores of an estimator, [pool]; NaN where there is none.

    Returns:
        The features. A missing score has the mean log rank of the others.
    """
    columns: dict[str, FloatArray] = {}
    imputed = {}
    for name in names:
        if name in space.features:
            columns |= _describe(space, name, keys.tobytes())
        elif name == FREE_FEATURES or name in space.baselines:
            columns |= _rank_free(space, name, keys.tobytes())
        else:
            columns[name], n_missing = log_ranks(score(name))
            if n_missing:
                imputed[name] = n_missing
    return Table(tuple(columns), np.stack(list(columns.values()), axis=1), imputed)


def make_prior(
    names: Sequence[str], keys: IntArray, space: Space, score: Callable[[str], FloatArray]
) -> FloatArray:
    """Compute what is known of architectures without labels: the sum of the log ranks of scores.

    Args:
        names: From `read_prior`.
        keys: The architectures, [pool].
        space: Their space.
        score: As in `make_table`.

    Returns:
        The sum, [pool]; a missing score counts as in `make_table`.
    """
    summed: FloatArray = make_table(names, keys, space, score).values.sum(axis=1)
    return summed


def check_encodings(names: Sequence[str], space: Space, n_encodings: int) -> None:
    """Refuse several encodings of an architecture where no feature tells them apart.

    Args:
        names: From `read_features`.
        space: The space.
        n_encodings: Of each labelled architecture.

    Raises:
        UsageError: If there are several and each feature is the same for all.
    """
    varied = [name for name, features in space.features.items() if features.redraw is not None]
    if n_encodings > 1 and not set(varied) & set(names):
        raise UsageError(
            f"predictor.encodings = {n_encodings} was given, and {'+'.join(names)} is the same for "
            f"all isomorphic encodings of an architecture. Of space '{space.name}', these features "
            f"are not: {', '.join(varied) or 'none'}. Name one, or leave the setting out."
        )


def draw_encodings(
    names: Sequence[str], table: Table, places: IntArray, keys: IntArray, space: Space, n: int
) -> FloatArray:
    """Compute features of several isomorphic encodings of some architectures.

    Reference: Liu et al., Homogeneous Architecture Augmentation for Neural Predictor, ICCV 2021,
    arXiv 2107.13153 (HAAP), section 3.2. Deviation: of the up to 720 encodings some are drawn, with
    repetitions, where theirs are all there; the generator's seed is fixed.

    Args:
        names: From `read_features`.
        table: The features of all.
        places: The architectures, rows of the table, [label].
        keys: Of all architectures, [pool].
        space: Their space.
        n: Encodings of each, the table's own among them.

    Returns:
        Features, [label, n, f]. Those that are the same for all encodings are the table's.

    Raises:
        UsageError: As `check_encodings`.
    """
    check_encodings(names, space, n)
    archs = [space.canonical(space.at(key)) for key in keys[places].tolist()]
    redraws = [space.features[name].redraw for name in names if name in space.features]
    rng = make_rng(0, "isomorphic encodings")
    found = [table.values[places]]
    for _ in range(1, n):
        columns = dict(zip(table.names, table.values[places].T, strict=True))
        for redraw in filter(None, redraws):
            columns |= redraw(archs, rng)
        found.append(np.stack(list(columns.values()), axis=1))
    return np.stack(found, axis=1)


@lru_cache(maxsize=16)
def _describe(space: Space, name: str, keys: bytes) -> Columns:
    """Compute features once for all predictors of the same architectures."""
    archs = [space.canonical(space.at(key)) for key in _read(keys)]
    return space.features[name].of(archs)


@lru_cache(maxsize=16)
def _rank_free(space: Space, name: str, keys: bytes) -> Columns:
    classes = [class_key(space, key) for key in _read(keys)]
    free = make_baselines(np.array(classes, dtype=np.int64), space)
    wanted = [own for own in free if own != CHANCE] if name == FREE_FEATURES else [name]
    return {f"rank of {own}": log_ranks(free[own])[0] for own in wanted}


def _read(keys: bytes) -> list[int]:
    found: list[int] = np.frombuffer(keys, dtype=np.int64).tolist()
    return found


def log_ranks(scores: FloatArray) -> tuple[FloatArray, int]:
    """Return ln(rank) of scores, 1 is the worst, and how many are missing.

    Args:
        scores: Higher is better, [pool]; NaN where there is none: these get the mean of the others.
    """
    known = np.isfinite(scores)
    found = np.zeros(len(scores))
    if known.any():
        found[known] = np.log(mean_ranks(dense_ranks(scores[known])))
        found[~known] = found[known].mean()
    return found, int((~known).sum())
