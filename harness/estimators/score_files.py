"""Estimators from score files: which file and columns are meant, and what each is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from harness.errors import UsageError
from harness.estimators.matrix import FILE, ScoreMatrix
from harness.scores import ReadOptions, ScoreSets, make_score_sets, show
from harness.scores.columns import name_of
from harness.scores.files import read_table
from harness.scores.source import STANDARD_INPUT, read_source

COLUMN_SIGN = "::"


class ScorePath(NamedTuple):
    """A path of scores as it was given, such as `scores.csv::jacov`.

    Attributes:
        path: The run folder, the folder of these, or the score file.
        columns: What follows `::`, the columns of scores; None without it.
    """

    path: Path
    columns: str | None = None

    @property
    def is_folder(self) -> bool:
        """Whether a folder is meant: of a missing one without an extension, the error says more."""
        if self.path == STANDARD_INPUT:
            return False
        return self.path.is_dir() or not (self.path.suffix or self.path.exists())

    def __str__(self) -> str:
        """Return the text that was given."""
        return f"{self.path}" if self.columns is None else f"{self.path}{COLUMN_SIGN}{self.columns}"


def parse_path(given: str | Path) -> ScorePath:
    """Split `FILE::COLUMN`, unless there is a file of that name."""
    file, sign, columns = str(given).partition(COLUMN_SIGN)
    if not sign or Path(given).exists():
        return ScorePath(Path(given))
    return ScorePath(Path(file), columns)


def load_files(
    files: Sequence[ScorePath], lower_in: Sequence[str | Path], options: ReadOptions
) -> list[list[ScoreMatrix]]:
    """Read score files, each once.

    Args:
        files: The files.
        lower_in: Those of them in which a lower number is better, or `FILE::COLUMN`.
        options: What is meant by all of them.

    Returns:
        The estimators of each, in their order.

    Raises:
        UsageError: If a file is named twice with the same columns, or one of `lower_in` is not
            among the files.
        DataError: If a file is refused.
    """
    twice = [file for file, count in Counter(map(_resolve, files)).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]} is named more than once. Name it once.")
    lower = list(map(parse_path, lower_in))
    tables: dict[Path, tuple[pd.DataFrame, str]] = {}
    read: set[ScorePath] = set()
    found = []
    for file in files:
        path = file.path.resolve()
        own = [each.columns for each in lower if each.path.resolve() == path]
        asked = replace(
            options,
            score_column=options.score_column if file.columns is None else file.columns,
            lower_is_better=options.lower_is_better or None in own,
            lower_in=[columns for columns in own if columns is not None],
        )
        if path not in tables:
            source = read_source(file.path)
            tables[path] = (read_table(source, options.space), source.name)
        sets = make_score_sets(*tables[path], asked)
        names = {name for only in sets.sets for name in (only.column, name_of(only.column))}
        read |= {ScorePath(path, name) for name in (None, *names)}
        by_column = file.columns is not None
        found.append(make_matrices(sets, name_file(file.path), (file.path,), by_column))
    for each in lower:
        if _resolve(each) not in read:
            raise UsageError(
                f"{each} was given with --lower-in, but it is not among the score files that were "
                f"named ({', '.join(map(str, files))}). Name it there too."
            )
    return found


def _resolve(file: ScorePath) -> ScorePath:
    return ScorePath(file.path.resolve(), file.columns)


def name_file(path: Path) -> str:
    """Name a file by its stem, and a run folder's own scores by the folder."""
    if path == STANDARD_INPUT:
        return "standard input"
    stem = Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem
    return path.resolve().parent.name if stem == "scores" else stem


def make_matrices(
    sets: ScoreSets, name: str, paths: tuple[Path, ...], by_column: bool = False
) -> list[ScoreMatrix]:
    """Make the estimators of a table of scores.

    Args:
        sets: The scores.
        name: What the estimator of a single column without a method is called.
        paths: The file, if any.
        by_column: Whether estimators are called after their columns, as those of several are.

    Returns:
        The estimators; labels may repeat.
    """
    by_column = by_column or len({each.column for each in sets.sets}) > 1
    matrices = []
    for each in sets.sets:
        label = show((each.name if by_column else each.method) or name)
        kind = f"column '{show(each.column)}'"
        matrices.append(
            ScoreMatrix(
                label=label,
                method=label,
                source=FILE,
                seeds=each.seeds,
                keys=each.keys,
                score=each.score,
                score_kind=f"minus {kind}" if each.lower_is_better else kind,
                paths=paths,
                exclusions=each.exclusions,
                ranked_last=each.ranked_last,
                arch_s=each.arch_s,
                notes=sets.notes,
                space=sets.space,
            )
        )
    return matrices
