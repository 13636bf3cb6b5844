"""Evaluating anybody's scores: from a path, a frame, a mapping or a function to all figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.errors import TruthError, UsageError, unknown_name
from harness.estimators.baselines import make_baselines
from harness.estimators.estimator import Estimator, IntArray
from harness.estimators.loading import ScoresLike, make_estimators, to_frame
from harness.evaluation.result import EvaluationResult, TruthSource
from harness.scores import make_score_sets, on_one_line
from harness.scores.sets import SCORE
from harness.spaces.nb201.cost import BENCHMARK_SHAPES
from harness.spaces.nb201.encoding import arch_at
from harness.stats import evaluate_scores
from harness.truth import Trials, Truth, TruthQuery, TruthTable, find_truth, make_table
from harness.truth.catalogue import choose_query, is_table, open_table
from harness.truth.query import MEAN

DATASETS = {"tiles": "tiles", **dict.fromkeys(BENCHMARK_SHAPES, "cifar10")}
"""By data set of a truth, the image data set that its table is found by."""


TruthLike = TruthTable | str | Path | pd.Series | Mapping[Any, float]
"""What a truth can be given as in Python."""

OWN = "given"
"""Data set of a truth that was given as numbers; its split and length are placeholders."""


class ChosenTruth(NamedTuple):
    """A truth that scores can be held to.

    Attributes:
        table: The table.
        query: Which numbers of it.
        truth: These numbers, [arch].
        trials: The trainings behind them, of the same architectures, [arch, trial].
    """

    table: TruthTable
    query: TruthQuery
    truth: Truth
    trials: Trials


def evaluate(
    scores: ScoresLike,
    truth: TruthLike | None = None,
    *,
    dataset: str | None = None,
    split: str | None = None,
    epochs: int | None = None,
    policy: str = MEAN,
    lower_is_better: bool = False,
    score_column: str = SCORE,
    exclude_bad: bool = False,
    label: str | None = None,
    data_dir: str | Path | None = None,
) -> EvaluationResult:
    """Evaluate how well scores rank architectures: all metrics, populations and intervals.

    Args:
        scores: The path of a score file or a run folder; a frame with the columns of a score file
            (`arch_str` or `nb201_index`, `score`, perhaps `seed`); a series or a mapping from
            architectures (strings, `nb201_index` or `Arch`) to scores; or a function that takes
            an `Arch`, called for every architecture that has the truth.
        truth: What to hold them to: the name of a data set, such as "cifar10" or "tiles"; a table,
            its path, or its name in `harness truth list`; or a series or a mapping from
            architectures (strings, `nb201_index` or `Arch`) to accuracies in percent. By data set
            unless given: the bundled table for tiles, else the published one.
        dataset: The truth's data set; needed unless `truth` says it, the scores are of runs, which
            know theirs, or the table has but one.
        split: "valid" or "test"; the usual one of the data set unless given.
        epochs: Length of the truth's training, epochs; the usual one unless given.
        policy: How an architecture's trials become one number: "mean", "trial=K" or "seed=S".
        lower_is_better: Whether a lower score is better.
        score_column: The column of the scores in a file or a frame.
        exclude_bad: Whether bad rows are left out and counted instead of refused.
        label: What to call the scores; made from what is known unless given.
        data_dir: Folder with `nb201/`; `$HARNESS_DATA`, then the user cache, unless given.

    Returns:
        The figures, which print as text and show as HTML in a notebook.

    Raises:
        UsageError: If the data set cannot be told, a name is unknown, or the scores hold several
            estimators.
        DataError: If the scores are refused, or the data folder does not exist.
        StoreError: If a run is damaged or not finished.
        TruthError: If the table is not there or has no such truth, or no architecture has both.

    Example:
        >>> import harness
        >>> from harness.spaces.nb201.encoding import CONV_3X3
        >>> result = harness.evaluate(
        ...     lambda arch: arch.count_op(CONV_3X3), "tiles", label="3x3 convolutions"
        ... )
        >>> str(result.truth.query)
        'tiles test, 12 epochs, mean of trials'
        >>> everything, best = result.populations["all"], result.populations["top_50"]
        >>> everything.metrics["tau"].value > 0.5 > best.metrics["tau"].value > 0.2
        True
        >>> everything.metrics["tau"].value < everything.ceiling.tau < 1.0
        True
    """
    folder = None if data_dir is None else Path(data_dir)
    if isinstance(truth, str) and dataset is None and not is_table(truth, folder):
        truth, dataset = None, truth
    table = make_own_truth(truth) if isinstance(truth, (pd.Series, Mapping)) else truth
    asked = (dataset, split, epochs, policy, table, folder)
    chosen = archs = None
    if callable(scores):
        chosen = choose_truth(*asked)
        archs = chosen.truth.nb201_index.tolist()
    loaded = make_estimators(
        scores,
        label,
        score_column=score_column,
        lower_is_better=lower_is_better,
        exclude_bad=exclude_bad,
        archs=archs,
    )
    if len(loaded.estimators) != 1:
        names = ", ".join(f"'{estimator.label}'" for estimator in loaded.estimators[:10])
        raise UsageError(
            f"These scores are of {len(loaded.estimators)} estimators ({names}); one result is of "
            "one. Evaluate each of harness.load_estimators([path]).estimators, or use "
            "'harness evaluate', which does."
        )
    if chosen is None:
        chosen = choose_truth(*asked, estimators=loaded.estimators)
    return evaluate_estimator(loaded.estimators[0], chosen)


def make_own_truth(accuracies: pd.Series[Any] | Mapping[Any, float]) -> TruthTable:
    """Make a table of one accuracy an architecture.

    Args:
        accuracies: Percent, by architecture: string, `nb201_index` or `Arch`.

    Returns:
        The table, of one trial each.

    Raises:
        DataError: If an architecture is unknown or there twice, or an accuracy is no percentage.
    """
    frame = to_frame(accuracies, "accuracy")
    sets = make_score_sets(frame, "the truth", score_column="accuracy")
    only = sets.sets[0]
    rows = pd.DataFrame(
        {
            "nb201_index": only.nb201_index,
            "arch_str": [str(arch_at(index)) for index in only.nb201_index.tolist()],
            "dataset": OWN,
            "split": "test",
            "epochs": 1,
            "trial": 0,
            "seed": -1,
            "accuracy": only.score[0],
        }
    )
    return make_table(rows, "the truth that was given", {})


def choose_truth(
    dataset: str | None = None,
    split: str | None = None,
    epochs: int | None = None,
    policy: str = MEAN,
    truth: TruthTable | str | Path | None = None,
    data_dir: Path | None = None,
    estimators: Sequence[Estimator] = (),
) -> ChosenTruth:
    """Find the truth that is meant.

    Args:
        dataset: As for `evaluate`, and so are the others.
        split: "valid" or "test".
        epochs: Length of training, epochs.
        policy: How trials become one number.
        truth: The table, its path or its name.
        data_dir: Folder with `nb201/`.
        estimators: What is to be evaluated; runs know their data set.

    Returns:
        The truth.

    Raises:
        UsageError: If the data set cannot be told or is unknown, or the policy is none.
        TruthError: If the table is not there or has no such truth.
        DataError: If the data folder does not exist.
    """
    known = {estimator.dataset for estimator in estimators if estimator.dataset is not None}
    table: TruthTable | None = None
    if isinstance(truth, TruthTable):
        table = truth
    elif truth is not None:
        table = open_table(str(truth), data_dir)[1]
    if dataset is None:
        dataset = _only_dataset(known if table is None else {g.dataset for g in table.groups()})
    if table is None:
        if dataset not in DATASETS:
            raise unknown_name("data set with a truth table of its own", dataset, DATASETS)
        table = find_truth(DATASETS[dataset], data_dir)
    query = choose_query(table, dataset, split, epochs, policy)
    selected, trials = table.select(query), table.trials(query)
    behind = np.isin(trials.nb201_index, selected.nb201_index)
    return ChosenTruth(
        table, query, selected, Trials(trials.nb201_index[behind], trials.accuracy[behind])
    )


def _only_dataset(names: Iterable[str]) -> str:
    found = sorted(names)
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"The truth's data set was not given, and there are several: {', '.join(found)}. "
            "Give --dataset (in Python dataset=...)."
        )
    raise UsageError(
        "The truth's data set was not given, and a score file does not say what its scores are "
        "to be held to: the same ones rank different data sets differently. Give --dataset (in "
        f"Python dataset=...), such as {', '.join(DATASETS)}."
    )


def evaluate_estimator(
    estimator: Estimator, chosen: ChosenTruth, archs: IntArray | None = None
) -> EvaluationResult:
    """Evaluate an estimator on the architectures that have all its scores and the truth.

    Args:
        estimator: The estimator.
        chosen: The truth.
        archs: Only these, such as the ones that others have scored too, `nb201_index`; all unless
            given.

    Returns:
        The figures.

    Raises:
        TruthError: If no architecture has both.
    """
    truth, complete = chosen.truth, estimator.complete_archs
    known = np.isin(truth.nb201_index, complete)
    n_known = int(known.sum())
    if archs is not None:
        known &= np.isin(truth.nb201_index, archs)
    index = truth.nb201_index[known]
    if len(index) == 0:
        raise TruthError(
            f"None of the {len(complete):,} architectures that '{estimator.label}' scores (with "
            f"every seed) has a truth ({chosen.query}, {len(truth.nb201_index):,} architectures). "
            "Score some of those, or ask for another truth."
        )
    figures = evaluate_scores(
        index,
        estimator.scores_of(index),
        chosen.trials.accuracy[known],
        truth.accuracy[known],
        baselines=make_baselines(index),
        n_behind=None if chosen.query.rule.kind == MEAN else truth.n_trials[known],
    )
    source = TruthSource(
        query=chosen.query,
        table=on_one_line(chosen.table.name),
        sha256=chosen.table.sha256,
        is_recorded=estimator.truth_sha256 is None
        or chosen.table.is_recorded_as(estimator.truth_sha256),
        n_archs=len(truth.nb201_index),
        n_missing=truth.n_missing,
    )
    return EvaluationResult(
        estimator=estimator,
        truth=source,
        n_scored=len(estimator.nb201_index),
        n_incomplete=len(estimator.nb201_index) - len(complete),
        n_without_truth=len(complete) - n_known,
        n_uncommon=n_known - len(index),
        nb201_index=index,
        figures=figures,
    )
