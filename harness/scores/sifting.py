"""Which rows of somebody's scores can be used: architectures, scores, seeds, methods, repeats.

Axis letter: row, the rows of the table.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import DataError
from harness.scores.cells import FloatArray, Sieve, read_numbers, read_texts
from harness.scores.own import STATUS_FAILED, STATUS_OK
from harness.spaces import Space, load_space
from harness.spaces.lookup import (
    INDEX_COLUMN,
    SPACE_COLUMN,
    arch_columns,
    keys_of_numbers,
    keys_of_strings,
)

IntArray = npt.NDArray[np.int64]

STRING_COLUMNS = ("arch_str", "arch")
INDEX_COLUMNS = tuple(filter(None, (arch_columns(load_space()).index, INDEX_COLUMN, "index")))
"""Places in a published order: of `DEFAULT`, of other spaces, of either."""

SEED, METHOD, STATUS = "seed", "method", "status"
MOST_METHODS = 1_000
MOST_SEEDS = 10_000

_LARGEST_SEED = 2**53 - 1


class Rows(NamedTuple):
    """What the rows say; a row that the sieve holds back says nothing.

    Attributes:
        keys: Architectures, [row].
        score: As the table has them, [row].
        seed: Training seeds, [row]; 0 without a column of them.
        method: Positions in `methods`, [row].
        methods: Names in order of appearance; None without a column of them.
    """

    keys: IntArray
    score: FloatArray
    seed: IntArray
    method: IntArray
    methods: list[str | None]


def sift_rows(
    frame: pd.DataFrame, score_column: str, sieve: Sieve, source: str, space: Space
) -> Rows:
    """Hold back every row that cannot be used.

    Args:
        frame: The table: the columns of architectures, scores, and what there is of seeds,
            methods and status.
        score_column: The column of the scores.
        sieve: Refuses such rows, or holds them back.
        source: What to call the table in an error.
        space: The space of the architectures.

    Returns:
        What the rows say.

    Raises:
        DataError: If the sieve refuses a row, or there are too many methods or seeds.
    """
    if STATUS in frame:
        _sift_status(frame, sieve)
    keys, named_in = _sift_archs(frame, sieve, source, space)
    score = _sift_scores(frame, score_column, sieve)
    seed = _sift_seeds(frame, sieve)
    method, methods = _sift_methods(frame, sieve)
    seeds, seed_code = np.unique(seed, return_inverse=True)
    for column, count, most in (
        (METHOD, len(methods), MOST_METHODS),
        (SEED, len(seeds), MOST_SEEDS),
    ):
        if count > most:  # before memory is asked for it
            raise DataError(
                f"{source}: column '{column}' has {count:,} different values, and this version "
                f"takes up to {most:,}. Rename the column if it is something else than the "
                f"{column} of an estimator, or split the file."
            )
    estimator = method * len(seeds) + seed_code
    _, place = np.unique(keys, return_inverse=True)
    _sift_repeats(frame, named_in, estimator * (place.max() + 1) + place, score, sieve)
    _sift_constants(estimator, score, score_column, sieve)
    return Rows(keys, score, seed, method, methods)


def _sift_status(frame: pd.DataFrame, sieve: Sieve) -> None:
    status = read_texts(frame[STATUS]).astype(object)
    known = status.isin((STATUS_OK, STATUS_FAILED)).to_numpy(dtype=bool)
    sieve.sift(STATUS, ~known, "unknown status", f"is neither {STATUS_OK} nor {STATUS_FAILED}")
    sieve.set_aside((status == STATUS_FAILED).to_numpy(dtype=bool), "failed")


def _sift_archs(
    frame: pd.DataFrame, sieve: Sieve, source: str, space: Space
) -> tuple[IntArray, str]:
    """Find the architectures, [row], and the first column that names them; all must agree."""
    first, found = "", np.zeros(0, dtype=np.int64)
    index = arch_columns(space).index
    indices = () if index is None else (index, "index")
    for name in frame.columns:
        if name in STRING_COLUMNS:
            named = keys_of_strings(read_texts(frame[name]), space)
            problem = f"names no architecture of the space '{space.name}'"
            if indices and read_texts(frame[name][named < 0]).str.isdecimal().any():
                problem += f" (places in the published order go into '{indices[0]}')"
            elif (named < 0).all() and SPACE_COLUMN not in frame:
                problem += " (scores of another space need --space, in Python space=...)"
        elif name in indices:
            named = keys_of_numbers(read_numbers(frame[name]).values, space)
            problem = f"is not an integer from 0 to {(space.size or 0) - 1}"
        else:
            continue
        sieve.sift(name, named < 0, "unknown architecture", problem)
        if not first:
            found, first = named, name
        problem = (
            f"names another architecture than '{first}' says (an index is the place in the "
            "published order; a column that only numbers the rows needs another name)"
        )
        sieve.sift(name, named != found, "string and index disagree", problem)
    if not first:
        raise DataError(
            f"{source}: no column names architectures of the space '{space.name}'. Add "
            f"{' or '.join((*STRING_COLUMNS, *indices))}."
        )
    return found, first


def _sift_scores(frame: pd.DataFrame, score_column: str, sieve: Sieve) -> FloatArray:
    values, missing, invalid = read_numbers(frame[score_column])
    sieve.sift(score_column, missing, "no score", "is missing or NaN")
    sieve.sift(score_column, invalid, "score not a number", "is not a number")
    sieve.sift(score_column, np.isinf(values), "infinite score", "is infinite")
    return values


def _sift_seeds(frame: pd.DataFrame, sieve: Sieve) -> IntArray:
    if SEED not in frame:
        return np.zeros(len(frame), dtype=np.int64)
    values = read_numbers(frame[SEED]).values
    known = (values >= 0) & (values <= _LARGEST_SEED) & (values == np.floor(values))
    sieve.sift(SEED, ~known, "bad seed", f"is not an integer from 0 to {_LARGEST_SEED}")
    return np.where(known, values, -1).astype(np.int64)


def _sift_methods(frame: pd.DataFrame, sieve: Sieve) -> tuple[IntArray, list[str | None]]:
    """Number the methods in order of appearance, [row]."""
    if METHOD not in frame:
        return np.zeros(len(frame), dtype=np.int64), [None]
    texts = read_texts(frame[METHOD]).astype(object)
    sieve.sift(METHOD, (texts == "").to_numpy(dtype=bool), "no method", "is empty")
    codes, names = pd.factorize(texts)
    return codes.astype(np.int64), [str(name) for name in names]


def _sift_repeats(
    frame: pd.DataFrame, name: str, key: IntArray, score: FloatArray, sieve: Sieve
) -> None:
    """Sift out repeated keys: copies of a row, and rows that contradict each other."""
    rows = np.flatnonzero(sieve.keep)
    if len(rows) == 0:
        return
    rows = rows[np.argsort(key[rows], kind="stable")]
    is_first = np.append(True, np.diff(key[rows]) != 0)
    group = np.cumsum(is_first) - 1
    first_score = score[rows[is_first]][group]
    contradicts = np.bincount(group, weights=score[rows] != first_score)[group] > 0
    differs, copies = np.zeros((2, len(frame)), dtype=np.bool_)
    # Which of two different scores is right is not known, so neither is kept.
    differs[rows[contradicts]] = True
    copies[rows[~is_first & ~contradicts]] = True
    of = " and ".join(column for column in (SEED, METHOD) if column in frame)
    problem = f"repeats an architecture{f' of the same {of}' if of else ''}"
    sieve.sift(name, differs, "repeated with different scores", f"{problem}, with other scores,")
    sieve.sift(name, copies, "repeated with the same score", problem)


def _sift_constants(
    estimator: IntArray, score: FloatArray, score_column: str, sieve: Sieve
) -> None:
    """Sift out what is constant, method by method and seed by seed: it ranks nothing."""
    rows = np.flatnonzero(sieve.keep)
    _, group, sizes = np.unique(estimator[rows], return_inverse=True, return_counts=True)
    low, high = np.full(len(sizes), np.inf), np.full(len(sizes), -np.inf)
    np.minimum.at(low, group, score[rows])
    np.maximum.at(high, group, score[rows])
    constant = np.zeros(len(score), dtype=np.bool_)
    constant[rows] = ((low == high) & (sizes > 1))[group]
    problem = "has one and the same score for all architectures of an estimator, so ranks nothing,"
    sieve.sift(score_column, constant, "constant scores", problem)
