"""Estimators from what the user gives: run folders, score files, or scores in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import StoreError, UsageError
from harness.estimators.callables import Scorer, from_callable
from harness.estimators.matrix import FILE, Loaded, ScoreMatrix
from harness.estimators.runs import load_runs
from harness.runs.folder import find_runs
from harness.scores import ScoreSets, make_score_sets, read_score_sets, show
from harness.scores.sets import SCORE
from harness.spaces import Architecture, Space, load_space
from harness.spaces.lookup import arch_columns, name_archs

ScoresLike = (
    str
    | Path
    | pd.DataFrame
    | pd.Series
    | Mapping[Architecture | str | int, float]
    | Scorer
    | ScoreMatrix
)
"""Forms in which scores can be given in Python."""


def load_estimators(
    paths: Iterable[str | Path],
    *,
    score_column: str = SCORE,
    lower_is_better: bool = False,
    lower_in: Sequence[str | Path] = (),
    exclude_bad: bool = False,
    readout: str | None = None,
    space: Space | None = None,
    labels: Sequence[str] = (),
) -> Loaded:
    """Read any mixture of run folders, folders of run folders, and score files.

    Runs that differ only in the seed are one estimator; a score file is one estimator, or one for
    each value of its column `method`.

    Args:
        paths: At least one.
        score_column: The column of the scores in score files.
        lower_is_better: Whether a lower number is better in score files; run folders know.
        lower_in: Those score files of `paths` in which a lower number is better.
        exclude_bad: Whether bad rows of score files are left out and counted instead of refused.
        readout: "shared" or "refitted": the scores of runs by this readout (`rank_readout`); None:
            by each run's own.
        space: The space of score files; that of the runs, else whichever the file names, unless
            given. Run folders know theirs.
        labels: A name for each path, in their order, such as the machine of its runs; the runs of
            each path are then estimators of their own. By default made from what is known.

    Returns:
        The estimators, each with a label of its own, and what was left out.

    Raises:
        UsageError: If there is no path, a file is named twice, or an option of score files is
            given without one.
        StoreError: If there is no finished run where runs were named, or a run is damaged.
        DataError: If a score file is refused.
    """
    named = [Path(path) for path in paths]
    # A missing path without an extension was meant to be a folder: its error says more.
    folders = [path for path in named if path.is_dir() or not (path.suffix or path.exists())]
    files = [path for path in named if path not in folders]
    _check_paths(named, files, score_column != SCORE or lower_is_better or bool(lower_in))
    lower = _resolve_lower(files, lower_in)
    names = _match_labels(named, labels)
    estimators: list[ScoreMatrix] = []
    unfinished: list[str] = []
    for group in [[folder] for folder in folders] if labels else filter(None, [folders]):
        runs = load_runs(find_runs(group), readout)
        estimators += _name_by(runs.estimators, names.get(group[0]))
        unfinished += runs.unfinished
    if folders and not estimators:
        raise StoreError(
            f"None of the runs is finished: {', '.join(unfinished)}. Give the command that "
            "started them again to resume."
        )
    if space is None and estimators:
        space = estimators[0].space
    for path in files:
        sets = read_score_sets(
            path,
            score_column=score_column,
            lower_is_better=lower_is_better or path.resolve() in lower,
            exclude=exclude_bad,
            space=space,
        )
        found = _from_sets(sets, _name_file(path), (path,))
        estimators += _name_by(found, names.get(path))
    return Loaded(tuple(_tell_apart(estimators)), tuple(unfinished))


def _match_labels(paths: Sequence[Path], labels: Sequence[str]) -> dict[Path, str]:
    if labels and (len(labels) != len(paths) or len({*labels, *paths}) != 2 * len(paths)):
        raise UsageError(
            f"{len(labels)} labels ({', '.join(map(show, labels))}) were given for {len(paths)} "
            "paths. Give --label once for each path, in their order, each with another name."
        )
    return dict(zip(paths, labels, strict=False))


def _name_by(estimators: Sequence[ScoreMatrix], label: str | None) -> list[ScoreMatrix]:
    """Give the estimators of one path the user's label, beside their own if they are several."""
    if label is None:
        return list(estimators)
    if len(estimators) == 1:
        return [replace(estimators[0], label=show(label))]
    return [replace(each, label=f"{each.label} ({show(label)})") for each in estimators]


def make_estimators(
    scores: ScoresLike,
    label: str | None = None,
    *,
    score_column: str = SCORE,
    lower_is_better: bool = False,
    exclude_bad: bool = False,
    archs: Iterable[Architecture | str | int] | None = None,
    space: Space | None = None,
) -> Loaded:
    """Make estimators of scores in any form.

    Args:
        scores: A path, as `load_estimators` takes it; a frame, with the columns of a score file;
            a series or a mapping from architectures (`Arch`, string or `nb201_index`) to scores;
            a function of an `Arch`; or an estimator, returned as it is.
        label: Its name in reports; by default made from what is known.
        score_column: The column of the scores in files and frames.
        lower_is_better: Whether a lower number is better.
        exclude_bad: Whether bad rows are left out and counted instead of refused.
        archs: Architectures to call a function for; by default all of the space.
        space: The space; by default that which a file, a frame or a run names, otherwise
            NAS-Bench-201.

    Returns:
        The estimators: one, except for files and frames with several methods, and folders of runs.

    Raises:
        UsageError: If the form of the scores is unknown; and as `load_estimators`.
        StoreError: As `load_estimators`.
        DataError: If scores are refused.
    """
    if isinstance(scores, ScoreMatrix):
        if lower_is_better:
            raise UsageError(
                "lower_is_better was given with an estimator, whose scores are already "
                "higher-is-better. Give it where the estimator is made."
            )
        return Loaded((scores if label is None else replace(scores, label=show(label)),))
    options: dict[str, Any] = {"lower_is_better": lower_is_better, "space": space}
    if isinstance(scores, (str, Path)):
        loaded = load_estimators(
            [scores], score_column=score_column, exclude_bad=exclude_bad, **options
        )
        if label is None or len(loaded.estimators) > 1:
            return loaded
        named = replace(loaded.estimators[0], label=show(label))
        return Loaded((named,), loaded.unfinished)
    if isinstance(scores, (pd.DataFrame, pd.Series, Mapping)):
        frame = (
            scores if isinstance(scores, pd.DataFrame) else to_frame(scores, score_column, space)
        )
        sets = make_score_sets(
            frame, "the scores", score_column=score_column, exclude=exclude_bad, **options
        )
        return Loaded(tuple(_tell_apart(_from_sets(sets, label or "scores", ()))))
    if callable(scores):
        made = from_callable(scores, archs, label, exclude_bad=exclude_bad, **options)
        return Loaded((made,))
    raise UsageError(
        f"Scores were given as {type(scores).__name__}; allowed are a path, a pandas DataFrame or "
        "Series, a mapping from architectures to scores, and a function of an architecture. Make "
        "one of these, such as dict(zip(arch_strs, scores))."
    )


def _check_paths(named: Sequence[Path], files: Sequence[Path], says_of_files: bool) -> None:
    if not named:
        raise UsageError("No scores were given. Name run folders or score files.")
    count = Counter(path.resolve() for path in files)
    twice = [path for path in files if count[path.resolve()] > 1]
    if twice:
        raise UsageError(f"{twice[0]} is named more than once. Name it once.")
    if says_of_files and not files:
        raise UsageError(
            "--score-column, --lower-is-better or --lower-in was given, but only run folders were "
            "named, which know both. Leave it out, or name a score file, such as scores.parquet of "
            "a run."
        )


def _resolve_lower(files: Sequence[Path], lower_in: Sequence[str | Path]) -> set[Path]:
    """Return the files in which lower is better; refuse those that were not named."""
    known = {path.resolve() for path in files}
    for path in map(Path, lower_in):
        if path.resolve() not in known:
            raise UsageError(
                f"{path} was given with --lower-in, but it is not among the score files that were "
                f"named ({', '.join(map(str, files))}). Name it there too."
            )
    return {Path(path).resolve() for path in lower_in}


def _name_file(path: Path) -> str:
    """Name a file by its stem, and a run folder's own scores by the folder."""
    return path.resolve().parent.name if path.stem == "scores" else path.stem


def _from_sets(sets: ScoreSets, name: str, paths: tuple[Path, ...]) -> list[ScoreMatrix]:
    kind = f"column '{show(sets.score_column)}'"
    return [
        ScoreMatrix(
            label=show(only.method or name),
            method=show(only.method or name),
            source=FILE,
            seeds=only.seeds,
            keys=only.keys,
            score=only.score,
            score_kind=f"minus {kind}" if sets.lower_is_better else kind,
            paths=paths,
            # A single method has all rows, also those that name none.
            exclusions=sets.exclusions if len(sets.sets) == 1 else only.exclusions,
            space=sets.space,
        )
        for only in sets.sets
    ]


def _tell_apart(estimators: Sequence[ScoreMatrix]) -> list[ScoreMatrix]:
    """Give every estimator a label of its own."""
    labels = Counter(estimator.label for estimator in estimators)
    taken: Counter[str] = Counter()
    told = []
    for estimator in estimators:
        label = estimator.label
        if labels[label] > 1 and estimator.source == FILE and estimator.paths:
            label = f"{label} ({show(estimator.paths[0], keep_end=True)})"
        elif labels[label] > 1 and estimator.dataset is not None:
            label = f"{label} ({estimator.dataset})"
        taken[label] += 1
        if taken[label] > 1:
            label = f"{label} #{taken[label]}"
        told.append(replace(estimator, label=label))
    return told


def to_frame(
    scores: Mapping[Any, Any] | pd.Series[Any], score_column: str, space: Space | None = None
) -> pd.DataFrame:
    """Make a table of scores by architecture; a series may repeat an architecture.

    Args:
        scores: Numbers by architecture, its string or its key (`nb201_index`).
        score_column: Name of the column of scores.
        space: The space; NAS-Bench-201 unless given.

    Returns:
        The columns that name the architectures, and that of the scores.
    """
    space = space or load_space()
    keys = list(scores.keys())
    cells = [scores[key] for key in keys] if isinstance(scores, Mapping) else scores.tolist()
    column = {score_column: pd.Series(cells, dtype=object)}
    if all(isinstance(key, Integral) and not isinstance(key, bool) for key in keys):
        index = space.index_column
        # Bad indices are refused with the rest of the table.
        return pd.DataFrame(({index: keys} if index else name_archs(keys, space)) | column)
    columns = arch_columns(space)
    texts = [
        space.format(space.at(int(key))) if isinstance(key, Integral) else str(key) for key in keys
    ]
    named = {} if columns.space is None else {columns.space: space.name}
    return pd.DataFrame({columns.text: texts} | named | column)
