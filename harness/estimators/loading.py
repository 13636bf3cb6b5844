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
from harness.estimators.score_files import ScorePath, load_files, make_matrices, parse_path
from harness.runs.folder import find_runs
from harness.scores import ReadOptions, ScoreSets, make_score_sets, show
from harness.scores.archs import ROW_NUMBERS
from harness.scores.options import SCORE
from harness.spaces import Architecture, load_space
from harness.spaces.lookup import arch_columns, name_archs
from harness.spaces.reading import read_forms

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
    lower_in: Sequence[str | Path] = (),
    readout: str | None = None,
    labels: Sequence[str] = (),
    **reading: Any,
) -> Loaded:
    """Read any mixture of run folders, folders of run folders, and score files.

    Runs that differ only in the seed are one estimator; a score file is one estimator, or one for
    each column of scores and each value of its column `method`.

    Args:
        paths: At least one. `FILE::COLUMN` is one column of a score file, or several separated by
            commas; `-` is standard input.
        lower_in: Those score files of `paths`, or `FILE::COLUMN`, in which a lower number is
            better.
        readout: "shared" or "refitted": the scores of runs by this readout (`rank_readout`); None:
            by each run's own.
        labels: A name for each path, in their order, such as the machine of its runs; the runs of
            each path are then estimators of their own. By default made from what is known.
        reading: How score files are read: attributes of `harness.scores.ReadOptions`, such as
            `score_column` and `lower_is_better`. Run folders know all that.

    Returns:
        The estimators, each with a label of its own, and what was left out.

    Raises:
        UsageError: If there is no path, a file is named twice, or an option of score files is
            given without one.
        StoreError: If there is no finished run where runs were named, or a run is damaged.
        DataError: If a score file is refused.
    """
    options = ReadOptions(**reading)
    named = list(map(parse_path, paths))
    folders = [each.path for each in named if each.is_folder]
    files = [each for each in named if not each.is_folder]
    _check_paths(named, files, lower_in, options)
    names = _match_labels(named, labels)
    estimators: list[ScoreMatrix] = []
    unfinished: list[str] = []
    for group in [[folder] for folder in folders] if labels else filter(None, [folders]):
        runs = load_runs(find_runs(group), readout)
        estimators += _name_by(runs.estimators, names.get(ScorePath(group[0])))
        unfinished += runs.unfinished
    if folders and not estimators:
        raise StoreError(
            f"None of the runs is finished: {', '.join(unfinished)}. Give the command that "
            "started them again to resume."
        )
    if options.space is None and estimators:
        options = replace(options, space=estimators[0].space)
    for file, found in zip(files, load_files(files, lower_in, options), strict=True):
        estimators += _name_by(found, names.get(file))
    return Loaded(tuple(tell_apart(estimators)), tuple(unfinished))


def _match_labels(paths: Sequence[ScorePath], labels: Sequence[str]) -> dict[ScorePath, str]:
    if labels and (len(labels) != len(paths) or len({*labels}) + len({*paths}) < 2 * len(paths)):
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
    archs: Iterable[Architecture | str | int] | None = None,
    **reading: Any,
) -> Loaded:
    """Make estimators of scores in any form.

    Args:
        scores: A path, as `load_estimators` takes it; a frame, with the columns of a score file;
            a series or a mapping from architectures (`Arch`, string or `nb201_index`) to scores;
            a function of an `Arch`; or an estimator, returned as it is.
        label: Its name in reports; by default made from what is known.
        archs: Architectures to call a function for; by default all of the space.
        reading: How scores are read: attributes of `harness.scores.ReadOptions`. Without a space,
            it is that which a file, a frame or a run names, otherwise NAS-Bench-201.

    Returns:
        The estimators: one, except for files and frames with several methods or columns of scores,
        and folders of runs.

    Raises:
        UsageError: If the form of the scores is unknown; and as `load_estimators`.
        StoreError: As `load_estimators`.
        DataError: If scores are refused.
    """
    options = ReadOptions(**reading)
    if isinstance(scores, ScoreMatrix):
        if options.lower_is_better:
            raise UsageError(
                "lower_is_better was given with an estimator, whose scores are already "
                "higher-is-better. Give it where the estimator is made."
            )
        loaded = Loaded((scores,))
    elif isinstance(scores, (str, Path)):
        loaded = load_estimators([scores], **reading)
    elif isinstance(scores, (pd.DataFrame, pd.Series, Mapping)):
        if isinstance(scores, pd.DataFrame):
            sets = make_score_sets(scores, "the scores", options)
        else:
            sets = read_mapping(scores, "the scores", options)
        loaded = Loaded(tuple(make_matrices(sets, label or "scores", ())))
    elif callable(scores):
        made = from_callable(
            scores,
            archs,
            label,
            lower_is_better=options.lower_is_better,
            exclude_bad=options.exclude_bad,
            worst_if_bad=options.worst_if_bad,
            space=options.space,
        )
        loaded = Loaded((made,))
    else:
        raise UsageError(
            f"Scores were given as {type(scores).__name__}; allowed are a path, a pandas DataFrame "
            "or Series, a mapping from architectures to scores, and a function of an architecture. "
            "Make one of these, such as dict(zip(arch_strs, scores))."
        )
    estimators = loaded.estimators
    if label is not None and len(estimators) == 1:
        estimators = (replace(estimators[0], label=show(label)),)
    return Loaded(tuple(tell_apart(estimators)), loaded.unfinished)


def _check_paths(
    named: Sequence[ScorePath],
    files: Sequence[ScorePath],
    lower_in: Sequence[str | Path],
    options: ReadOptions,
) -> None:
    if not named:
        raise UsageError("No scores were given. Name run folders or score files.")
    for each in named:
        if each.columns is not None and each.path.is_dir():
            raise UsageError(
                f"{each} names a column of '{each.path}', which is a folder. Columns are of score "
                "files, such as scores.parquet of a run."
            )
    said = replace(options, space=None, score_column=options.score_columns)
    if not files and (lower_in or said != ReadOptions(score_column=(SCORE,))):
        raise UsageError(
            "An option of score files, such as --score-column or --lower-is-better, was given, but "
            "only run folders were named, which know what it says. Leave it out, or name a score "
            "file, such as scores.parquet of a run."
        )


def tell_apart(estimators: Sequence[ScoreMatrix]) -> list[ScoreMatrix]:
    """Give every estimator a unique label that is not the name of a baseline.

    Args:
        estimators: The estimators, of one space.

    Returns:
        The same estimators, relabelled where needed; a note says where a baseline's name was given.
    """
    labels = Counter(estimator.label for estimator in estimators)
    taken: Counter[str] = Counter()
    told = []
    for estimator in estimators:
        label, notes = estimator.label, estimator.notes
        if labels[label] > 1 and estimator.source == FILE and estimator.paths:
            label = f"{label} ({show(estimator.paths[0], keep_end=True)})"
        elif labels[label] > 1 and estimator.dataset is not None:
            label = f"{label} ({estimator.dataset})"
        elif label in estimator.space.baselines and not estimator.is_free:
            label = f"{label} ({_origin(estimator)})"
            note = f"'{estimator.label}' is the name of a baseline, so the scores that were given "
            notes = (*notes, f"{note}under that name are called '{label}'.")
        taken[label] += 1
        if taken[label] > 1:
            label = f"{label} #{taken[label]}"
        told.append(replace(estimator, label=label, notes=notes))
    return told


def _origin(estimator: ScoreMatrix) -> str:
    """Say in a word or two where scores come from."""
    return (
        show(estimator.paths[0].name) if estimator.source == FILE and estimator.paths else "given"
    )


def read_mapping(
    numbers: Mapping[Any, Any] | pd.Series[Any], source: str, options: ReadOptions
) -> ScoreSets:
    """Read numbers by architecture; a series may repeat an architecture.

    Args:
        numbers: Numbers by architecture, its string in any form, or its key (`nb201_index`).
        source: What to call them in an error.
        options: What is meant by them; `arch_form` counts where strings can be read in several.

    Returns:
        The scores, of one estimator.

    Raises:
        DataError: As `make_score_sets` does.
    """
    space = options.space or load_space()
    keys = list(numbers.keys())
    cells = [numbers[key] for key in keys] if isinstance(numbers, Mapping) else numbers.tolist()
    column = {options.score_columns[0]: pd.Series(cells, dtype=object)}
    if all(isinstance(key, Integral) and not isinstance(key, bool) for key in keys):
        # Bad indices are refused with the rest of the table, and mere row numbers are noted there.
        named = {ROW_NUMBERS: keys} if space.index_column else name_archs(keys, space)
        return make_score_sets(pd.DataFrame(named | column), source, options)
    columns = arch_columns(space)
    texts = [
        space.format(space.at(int(key))) if isinstance(key, Integral) else str(key) for key in keys
    ]
    if options.arch_form in space.forms:
        readable = read_forms(pd.Series(texts, dtype=object), space)
        if options.arch_form not in readable:  # it is the form of a truth, or of other scores
            options = replace(options, arch_form=None)
    of_space = {} if columns.space is None else {columns.space: space.name}
    frame = pd.DataFrame({columns.text: texts} | of_space | column)
    return make_score_sets(frame, source, options)
