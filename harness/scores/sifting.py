"""Which rows of somebody's scores can be used: architectures, scores, seeds, methods, repeats.

Axis letter: row, the rows of the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import DataError
from harness.scores.archs import Archs
from harness.scores.cells import BoolArray, FloatArray, Sieve, read_numbers, read_texts
from harness.scores.columns import list_values
from harness.scores.own import STATUS_DEAD, STATUS_FAILED, STATUS_LABEL, STATUSES, is_own
from harness.scores.text import show

IntArray = npt.NDArray[np.int64]

SEED, METHOD, STATUS = "seed", "method", "status"
MOST_METHODS = 1_000
MOST_SEEDS = 10_000

_LARGEST_SEED = 2**53 - 1


class Rows(NamedTuple):
    """What the rows are about; a row that the sieve holds back says nothing.

    Attributes:
        keys: Architectures, [row].
        seed: Training seeds, [row]; 0 without a column of them.
        method: Positions in `methods`, [row].
        methods: Names in order of appearance; None without a column of them.
        estimator: A number for each method and seed, [row].
    """

    keys: IntArray
    seed: IntArray
    method: IntArray
    methods: list[str | None]
    estimator: IntArray


def sift_rows(frame: pd.DataFrame, archs: Archs, sieve: Sieve, source: str) -> Rows:
    """Hold back every row of which it is not clear what it is about.

    Args:
        frame: The table.
        archs: What it says of architectures.
        sieve: Refuses such rows, or holds them back.
        source: What to call the table in an error.

    Returns:
        What the rows are about.

    Raises:
        DataError: If the sieve refuses a row, or there are too many methods or seeds.
    """
    if _has_status(frame):
        _sift_status(frame, sieve)
    sift_archs(archs, sieve)
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
    return Rows(archs.keys, seed, method, methods, method * len(seeds) + seed_code)


def sift_scores(
    frame: pd.DataFrame,
    column: str,
    rows: Rows,
    archs: Archs,
    sieve: Sieve,
    *,
    lower_is_better: bool,
    worst_if_bad: bool,
) -> tuple[FloatArray, BoolArray]:
    """Hold back every row whose score cannot be used.

    Args:
        frame: The table.
        column: The column of the scores.
        rows: What the rows are about.
        archs: What the table says of architectures.
        sieve: Refuses such rows, or holds them back.
        lower_is_better: Whether to negate the scores.
        worst_if_bad: Whether infinite scores rank last, as ties, instead of being bad.

    Returns:
        Scores, higher is better, [row]; and whether a row was ranked last for that, [row].

    Raises:
        DataError: If the sieve refuses a row.
    """
    values, missing, invalid = read_numbers(frame[column])
    dead = np.zeros(len(frame), dtype=np.bool_)
    if _has_status(frame):
        dead = _read_status(frame) == STATUS_DEAD
    sieve.sift(column, missing & ~dead, "no score", "is missing or NaN")
    commas = "Write numbers with a decimal point." if _have_commas(frame[column][invalid]) else ""
    sieve.sift(column, invalid, "score not a number", "is not a number", commas)
    last = (np.isinf(values) & worst_if_bad) | dead
    remedy = (
        "Give --worst-if-bad (in Python worst_if_bad=True) to rank such architectures last, as "
        "ties."
    )
    sieve.sift(column, np.isinf(values) & ~last, "infinite score", "is infinite", remedy)
    with np.errstate(invalid="ignore"):  # a damaged number can be a NaN that signals
        score = (-values if lower_is_better else values) + 0.0  # -0.0 becomes 0.0
    score[last] = -np.inf
    _sift_repeats(frame, column, rows, archs, score, sieve)
    _sift_constants(rows.estimator, score, column, sieve)
    last &= sieve.keep
    _put_last(rows.estimator, score, last, sieve.keep)
    return score, last


def _have_commas(column: pd.Series[Any]) -> bool:
    return bool(read_texts(column).str.fullmatch(r"[+-]?\d+,\d+").any())


def _put_last(estimator: IntArray, score: FloatArray, last: BoolArray, keep: BoolArray) -> None:
    """Give rows the number next below the finite scores of their method and seed."""
    for number in np.unique(estimator[last]).tolist():
        own = keep & (estimator == number)
        score[own & last] = next_below(score[own & ~last])


def next_below(scores: FloatArray) -> float:
    """Return the number next below finite scores, for what ranks last."""
    lowest = scores.min() if len(scores) else 0.0
    with np.errstate(all="ignore"):  # at the ends of the range
        below = np.nextafter(lowest, -np.inf)
    return float(max(below, np.finfo(np.float64).min))


def _has_status(frame: pd.DataFrame) -> bool:
    return STATUS in frame and is_own(frame.columns)


def _read_status(frame: pd.DataFrame) -> npt.NDArray[np.object_]:
    return read_texts(frame[STATUS]).to_numpy(dtype=object)


def _sift_status(frame: pd.DataFrame, sieve: Sieve) -> None:
    status = _read_status(frame)
    known = np.isin(status, STATUSES)
    sieve.sift(STATUS, ~known, "unknown status", f"is not one of {', '.join(STATUSES)}")
    sieve.set_aside(status == STATUS_FAILED, "failed")
    sieve.set_aside(status == STATUS_LABEL, "fitted to its truth")


def sift_archs(archs: Archs, sieve: Sieve) -> None:
    """Sift out unknown architectures, and rows whose columns name different ones."""
    first = archs.checks[0]
    problem = (
        f"names another architecture than '{first.column}' says (an index is the place in the "
        "published order; a column that only numbers the rows needs another name)"
    )
    for check in archs.checks:
        sieve.sift(check.column, check.keys < 0, "unknown architecture", check.problem)
        differs = check.keys != first.keys
        sieve.sift(check.column, differs, "string and index disagree", problem)


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
    frame: pd.DataFrame, column: str, rows: Rows, archs: Archs, score: FloatArray, sieve: Sieve
) -> None:
    """Sift out repeated architectures: copies of a row, and rows that contradict each other."""
    kept = np.flatnonzero(sieve.keep)
    if len(kept) == 0:
        return
    _, place = np.unique(rows.keys, return_inverse=True)
    key = rows.estimator * (place.max() + 1) + place
    kept = kept[np.argsort(key[kept], kind="stable")]
    is_first = np.append(True, np.diff(key[kept]) != 0)
    if is_first.all():
        return
    group = np.cumsum(is_first) - 1
    first_score = score[kept[is_first]][group]
    contradicts = np.bincount(group, weights=score[kept] != first_score)[group] > 0
    differs, copies = np.zeros((2, len(frame)), dtype=np.bool_)
    # Which of two different scores is right is not known, so neither is kept.
    differs[kept[contradicts]] = True
    copies[kept[~is_first & ~contradicts]] = True
    of = " and ".join(name for name in (SEED, METHOD) if name in frame)
    problem = f"repeats an architecture{f' of the same {of}' if of else ''}"
    used = {column, SEED, METHOD, *(check.column for check in archs.checks)}
    repeated = np.isin(key, key[differs | copies])
    remedy = _tell_repeats_apart(frame[repeated], used, key[repeated])
    name, reason = archs.checks[0].column, "repeated with different scores"
    sieve.sift(name, differs, reason, f"{problem}, with other scores,", remedy)
    sieve.sift(name, copies, "repeated with the same score", problem, remedy)


def _tell_repeats_apart(frame: pd.DataFrame, used: Collection[str], key: IntArray) -> str:
    """Say how to select rows by the columns of few values in which repeats of a key differ."""
    most = 2 * int(np.bincount(np.unique(key, return_inverse=True)[1]).max())
    keys, texts = pd.Series(key), {}
    for name, count in Counter(frame.columns).items():
        if count == 1 and name not in used:
            column = read_texts(frame[name]).astype(object).reset_index(drop=True)
            if column.nunique() <= most and (column.groupby(keys).nunique() > 1).any():
                texts[name] = column
    alone = [name for name in texts if not _repeats([keys, texts[name]])]
    names = alone[:1] or list(texts)
    if not names or _repeats([keys, *(texts[name] for name in names)]):
        return ""
    listed = " and ".join(f"'{show(name)}' ({list_values(texts[name])})" for name in names)
    rows = " ".join(f"--rows '{show(name)}={show(texts[name].iloc[0], 40)}'" for name in names)
    several = "s" if len(names) > 1 else ""
    return (
        f"The repeats differ in column{several} {listed}: select rows such as {rows} (in Python "
        f"rows={{...}}), or call a column that numbers trainings '{SEED}'."
    )


def _repeats(columns: Sequence[pd.Series[Any]]) -> bool:
    return bool(pd.concat(columns, axis=1, keys=range(len(columns))).duplicated().any())


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
