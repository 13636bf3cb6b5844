"""Anybody's scores: a table of architectures and scores becomes one matrix an estimator.

Axes: row, of the table; seed, training seeds; n, architectures ascending by key (`Space.key`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from harness.errors import DataError
from harness.scores.archs import Archs, find_archs
from harness.scores.cells import FloatArray, Sieve, check_names
from harness.scores.columns import choose_score_columns, mean_seconds, name_of, select_rows
from harness.scores.files import read_table
from harness.scores.options import ReadOptions
from harness.scores.sifting import METHOD, SEED, STATUS, IntArray, Rows, sift_rows, sift_scores
from harness.scores.source import read_source
from harness.spaces import Space
from harness.spaces.lookup import SPACE_COLUMN, arch_columns, settle_space, space_of_rows


@dataclass(frozen=True, eq=False)
class ScoreSet:
    """The scores of one estimator.

    Attributes:
        column: The column that the scores came from.
        lower_is_better: Whether they were negated, since a lower number is better there.
        method: The estimator's name in the column `method`; None without such a column.
        seeds: Training seeds, ascending, or (None,) without a column `seed`.
        keys: Architectures with a score of any seed, ascending, [n].
        score: Higher is better, [seed, n]; NaN where a seed lacks one.
        ranked_last: Architectures without a finite score that rank last, as ties, ascending.
        arch_s: Mean time that a score took, seconds; None where the table does not say.
        exclusions: Rows of this method that were left out, by reason.
    """

    column: str
    lower_is_better: bool
    method: str | None
    seeds: tuple[int | None, ...]
    keys: IntArray
    score: FloatArray
    ranked_last: IntArray
    arch_s: float | None
    exclusions: dict[str, int]

    @property
    def name(self) -> str | None:
        """What the estimator is called by its column, where a table has several."""
        column = name_of(self.column)
        return column if self.method is None else f"{self.method} {column}"


@dataclass(frozen=True, eq=False)
class ScoreSets:
    """What a table of scores holds.

    Attributes:
        source: What the table is called.
        space: The space of its architectures.
        n_rows: Rows of the table.
        sets: One an estimator, in order of columns and of appearance; at least one.
        notes: What was decided in reading that may surprise, in sentences.
    """

    source: str
    space: Space
    n_rows: int
    sets: tuple[ScoreSet, ...]
    notes: tuple[str, ...]


def read_score_sets(path: Path, options: ReadOptions | None = None) -> ScoreSets:
    """Read anybody's scores, the harness's own among them.

    The table has a column of architectures, in any form of their space, whose name does not matter
    (`harness.scores.archs`), and columns of scores, and may have `space`, `seed` and `method`. All
    others are ignored.

    Args:
        path: A file, as `read_source` takes it.
        options: What is meant by it.

    Returns:
        The scores.

    Raises:
        DataError: If the file cannot be read, a column is missing, nothing is left, or (unless
            bad rows are excluded) an architecture is unknown or its string and index disagree, a
            score is missing, not a number or infinite, a seed is not an integer, an architecture
            is there twice with the same seed and method, or all scores of an estimator are equal.
        UsageError: If the form of architectures that was asked for is unknown.
    """
    options = options or ReadOptions()
    source = read_source(path)
    frame = read_table(source, options.space)
    return _arrange(frame, source.name, options)


def make_score_sets(
    frame: pd.DataFrame, source: str, options: ReadOptions | None = None
) -> ScoreSets:
    """Check and arrange scores that are in memory, as `read_score_sets` does a file.

    Args:
        frame: The table; an index that is named or of texts stands for a column.
        source: What to call it in an error.
        options: What is meant by it.

    Returns:
        The scores.

    Raises:
        DataError: As `read_score_sets` does.
        UsageError: As `read_score_sets` does.
    """
    names = [str(name) for name in frame.index.names if name is not None]
    has_index = bool(names) or frame.index.nlevels > 1 or frame.index.dtype.kind not in "iu"
    is_new = not set(names) & set(frame.columns)
    frame = frame.reset_index(drop=not (has_index and is_new)).rename(columns=str)
    return _arrange(frame, source, options or ReadOptions())


class _Table(NamedTuple):
    """A table of which all is known but the scores."""

    frame: pd.DataFrame
    rows: Rows
    archs: Archs
    sieve: Sieve
    options: ReadOptions


def _arrange(frame: pd.DataFrame, source: str, options: ReadOptions) -> ScoreSets:
    about, asked = [SPACE_COLUMN, SEED, METHOD, STATUS], options.score_columns
    check_names(list(frame.columns), [*about, *asked], source)
    if frame.empty:
        raise DataError(f"{source}: there are no rows. A scores file has one per score.")
    frame = select_rows(frame, options.rows, source)
    named = space_of_rows(frame, source, DataError)
    space = settle_space(named, options.space, source, DataError)
    archs = find_archs(
        frame,
        space,
        source,
        column=options.arch_column,
        form=options.arch_form,
        skip={*about, *asked},
    )
    others = {*about, *archs.columns, *options.rows}
    columns, notes = choose_score_columns(frame, asked, others, source)
    about = [*(check.column for check in archs.checks), *arch_columns(space).names, SEED, METHOD]
    shown = [name for name in dict.fromkeys(about) if name in frame]
    sieve = Sieve(frame[shown], source, options.exclude_bad)
    rows = sift_rows(frame, archs, sieve, source)
    table = _Table(frame, rows, archs, sieve, options)
    sets = [each for column in columns for each in _sets_of(table, column, shown, source)]
    return ScoreSets(source, space, len(frame), tuple(sets), (*archs.notes, *notes))


def _sets_of(table: _Table, column: str, shown: Sequence[str], source: str) -> list[ScoreSet]:
    """Arrange the scores of one column: one set for each method."""
    frame, rows, options = table.frame, table.rows, table.options
    lower = options.lower_is_better or bool({column, name_of(column)} & set(options.lower_in))
    sieve = table.sieve.copy(frame[list(dict.fromkeys([*shown, column]))])
    score, last = sift_scores(
        frame,
        column,
        rows,
        table.archs,
        sieve,
        lower_is_better=lower,
        worst_if_bad=options.worst_if_bad,
    )
    if not sieve.keep.any():
        raise DataError(
            f"{source}: nothing is left of {len(frame):,} rows. Left out: "
            f"{describe_exclusions(sieve.exclusions)}."
        )
    present = [
        code for code in range(len(rows.methods)) if (sieve.keep & (rows.method == code)).any()
    ]
    sets = []
    for code in present:
        of_method = rows.method == code
        kept = sieve.keep & of_method
        archs, seeds, matrix = _pivot(rows, score, np.flatnonzero(kept))
        sets.append(
            ScoreSet(
                column=column,
                lower_is_better=lower,
                method=rows.methods[code],
                seeds=tuple(seeds.tolist()) if SEED in frame else (None,),
                keys=archs,
                score=matrix,
                ranked_last=np.unique(rows.keys[kept & last]),
                arch_s=mean_seconds(frame, column, kept),
                # A single method has all rows, also those that name none.
                exclusions=sieve.exclusions if len(present) == 1 else sieve.count(of_method),
            )
        )
    return sets


def _pivot(rows: Rows, score: FloatArray, kept: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    seeds, place = np.unique(rows.seed[kept], return_inverse=True)
    archs, column = np.unique(rows.keys[kept], return_inverse=True)
    matrix = np.full((len(seeds), len(archs)), np.nan)
    matrix[place, column] = score[kept]
    return archs, seeds, matrix


def describe_exclusions(exclusions: dict[str, int]) -> str:
    """Say what was left out, such as "3 no score, 1 unknown architecture"."""
    return ", ".join(f"{count:,} {reason}" for reason, count in exclusions.items()) or "nothing"
