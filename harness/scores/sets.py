"""Anybody's scores: a table of architectures and scores becomes one matrix an estimator.

Axes: row, of the table; seed, training seeds; n, architectures ascending by key (`Space.key`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import DataError, unknown_name
from harness.scores.cells import FloatArray, Sieve, check_names
from harness.scores.files import read_frame
from harness.scores.own import check_hash, is_own
from harness.scores.sifting import (
    INDEX_COLUMNS,
    METHOD,
    SEED,
    STATUS,
    STRING_COLUMNS,
    IntArray,
    Rows,
    sift_rows,
)
from harness.scores.text import show
from harness.spaces import Space
from harness.spaces.lookup import SPACE_COLUMN, settle_space, space_of_rows

SCORE = "score"


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """The scores of one estimator.

    Attributes:
        method: Its name in the column `method`; None without such a column.
        seeds: Training seeds, ascending, or (None,) without a column `seed`.
        keys: Architectures with a score of any seed, ascending, [n].
        score: Higher is better, [seed, n]; NaN where a seed lacks one.
        exclusions: Rows of this method that were left out, by reason.
    """

    method: str | None
    seeds: tuple[int | None, ...]
    keys: IntArray
    score: FloatArray
    exclusions: dict[str, int]


@dataclass(frozen=True, eq=False)
class ScoreSets:
    """What a table of scores holds.

    Attributes:
        source: What the table is called.
        space: The space of its architectures.
        score_column: The column that the scores came from.
        lower_is_better: Whether they were negated, since a lower number is better there.
        n_rows: Rows of the table.
        exclusions: Rows that were left out, by reason; none unless that was asked for, but for
            architectures that the table itself marks as failed.
        sets: One an estimator, in order of appearance; at least one.
    """

    source: str
    space: Space
    score_column: str
    lower_is_better: bool
    n_rows: int
    exclusions: dict[str, int]
    sets: tuple[ScoreSet, ...]


def read_score_sets(
    path: Path,
    *,
    score_column: str = SCORE,
    lower_is_better: bool = False,
    exclude: bool = False,
    space: Space | None = None,
) -> ScoreSets:
    """Read anybody's scores, the harness's own among them.

    The table has a column of architecture strings (`arch_str` or `arch`) or of places in the
    published order (`nb201_index`, in other spaces `arch_index`; or `index`), a column of scores,
    and may have `space`, `seed` and `method`. All others are ignored.

    Args:
        path: A CSV, TSV, Parquet, JSON (list of records) or JSON lines file.
        score_column: The column of the scores.
        lower_is_better: Whether a lower number is better; the scores are negated once, here.
        exclude: Whether bad rows are left out and counted instead of refused.
        space: The space to read; whichever the file names unless given.

    Returns:
        The scores.

    Raises:
        DataError: If the file cannot be read, a column is missing, nothing is left, or (unless
            `exclude`) an architecture is unknown or its string and index disagree, a score is
            missing, not a number or infinite, a seed is not an integer, an architecture is there
            twice with the same seed and method, or all scores of an estimator are equal.
    """
    source = str(path)
    frame = read_frame(path, lambda names: _choose(names, score_column, source))
    if path.suffix.lower() == ".parquet":
        check_hash(path, space)
    return _arrange(frame, source, score_column, lower_is_better, exclude, space)


def make_score_sets(
    frame: pd.DataFrame,
    source: str,
    *,
    score_column: str = SCORE,
    lower_is_better: bool = False,
    exclude: bool = False,
    space: Space | None = None,
) -> ScoreSets:
    """Check and arrange scores that are in memory, as `read_score_sets` does a file.

    Args:
        frame: The table; a named index may stand for a column.
        source: What to call it in an error.
        score_column: The column of the scores.
        lower_is_better: Whether a lower number is better.
        exclude: Whether bad rows are left out and counted instead of refused.
        space: As `read_score_sets` takes it.

    Returns:
        The scores.

    Raises:
        DataError: As `read_score_sets` does.
    """
    if set(frame.index.names) & {*STRING_COLUMNS, *INDEX_COLUMNS} - set(frame.columns):
        frame = frame.reset_index()
    frame = frame.rename(columns=str)
    names = list(frame.columns)
    wanted = _choose(names, score_column, source)
    check_names(names, wanted, source)
    chosen = frame[wanted].reset_index(drop=True)
    return _arrange(chosen, source, score_column, lower_is_better, exclude, space)


def _choose(names: Sequence[str], score_column: str, source: str) -> list[str]:
    """Pick the columns that matter, in the order in which an error shows them."""
    given = show(", ".join(names), 300) or "none"
    archs = [name for name in (*STRING_COLUMNS, *INDEX_COLUMNS) if name in names]
    if not archs:
        raise DataError(
            f"{source}: there is no column of architectures. Name one "
            f"{' or '.join(STRING_COLUMNS)} (the space's strings) or {' or '.join(INDEX_COLUMNS)} "
            f"(places in its published order); there is {given}."
        )
    if score_column not in names:
        hint = unknown_name("column of scores", show(score_column), map(show, names[:20]))
        raise DataError(
            f"{source}: {hint} Name the column '{SCORE}', or say which one it is (--score-column, "
            "in Python score_column=...)."
        )
    more = [SPACE_COLUMN, SEED, METHOD, *([STATUS] if is_own(names) else [])]
    wanted = [*archs, score_column, *(name for name in more if name in names)]
    return list(dict.fromkeys(wanted))


def _arrange(
    frame: pd.DataFrame,
    source: str,
    score_column: str,
    lower_is_better: bool,
    exclude: bool,
    space: Space | None,
) -> ScoreSets:
    if frame.empty:
        raise DataError(f"{source}: there are no rows. A scores file has one per score.")
    space = settle_space(space_of_rows(frame, source, DataError), space, source, DataError)
    sieve = Sieve(frame, source, exclude)
    rows = sift_rows(frame, score_column, sieve, source, space)
    if not sieve.keep.any():
        raise DataError(
            f"{source}: nothing is left of {len(frame):,} rows. Left out: "
            f"{describe_exclusions(sieve.exclusions)}."
        )
    signed = (-rows.score if lower_is_better else rows.score) + 0.0  # -0.0 becomes 0.0
    rows = rows._replace(score=signed)
    sets = []
    for code, name in enumerate(rows.methods):
        of_method = rows.method == code
        kept = np.flatnonzero(of_method & sieve.keep)
        if len(kept):
            archs, seeds, matrix = _pivot(rows, kept)
            named = tuple(seeds.tolist()) if SEED in frame else (None,)
            sets.append(ScoreSet(name, named, archs, matrix, sieve.count(of_method)))
    return ScoreSets(
        source, space, score_column, lower_is_better, len(frame), sieve.exclusions, tuple(sets)
    )


def _pivot(rows: Rows, kept: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    seeds, place = np.unique(rows.seed[kept], return_inverse=True)
    archs, column = np.unique(rows.keys[kept], return_inverse=True)
    matrix = np.full((len(seeds), len(archs)), np.nan)
    matrix[place, column] = rows.score[kept]
    return archs, seeds, matrix


def describe_exclusions(exclusions: dict[str, int]) -> str:
    """Say what was left out, such as "3 no score, 1 unknown architecture"."""
    return ", ".join(f"{count:,} {reason}" for reason, count in exclusions.items()) or "nothing"
