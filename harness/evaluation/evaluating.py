"""From scores and a truth to figures: the one path, for one estimator or many.

For each contrast, it is decided here what each seed is judged on: the architectures that have the
truth and all scores, except those whose truth the seed was fitted to (`ScoreMatrix.fitted_on`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from harness.errors import TruthError
from harness.estimators.baselines import make_baselines
from harness.estimators.matrix import BoolArray, IntArray, ScoreMatrix, common_archs
from harness.evaluation.pairs import Pair, choose_pairs
from harness.evaluation.results import Evaluated, JointEvaluation, PairResult, TruthSource
from harness.evaluation.truths import ChosenTruth
from harness.scores import on_one_line
from harness.stats import Case, Comparison, compare_case, evaluate_case
from harness.truth import TruthQuery, TruthTable
from harness.truth.query import MEAN


def evaluate_together(
    estimators: Sequence[ScoreMatrix], chosen: ChosenTruth, baseline: str | None = None
) -> JointEvaluation:
    """Evaluate estimators on the architectures that all have scored, and compare them.

    Args:
        estimators: At least one.
        chosen: The truth.
        baseline: Label of the estimator that all others are compared with; as `choose_pairs` takes
            it.

    Returns:
        The figures.

    Raises:
        TruthError: If the estimators have no architecture with this truth in common.
        UsageError: If the baseline is unknown.
    """
    archs = np.intersect1d(common_archs(estimators), chosen.truth.keys)
    if len(archs) == 0:
        each = "; ".join(f"'{e.label}' {len(e.complete_archs):,}" for e in estimators)
        raise TruthError(
            f"No architecture has a score of all estimators and a truth ({chosen.query}, "
            f"{len(chosen.truth.keys):,} architectures). Scored: {each}. Leave out the estimator "
            "that shares none, or score architectures that the others have scored."
        )
    evaluations = tuple(evaluate_estimator(estimator, chosen, archs) for estimator in estimators)
    pairs = choose_pairs(estimators, baseline)
    return JointEvaluation(
        truth=evaluations[0].truth,
        keys=archs,
        accuracy=chosen.truth.accuracy[np.isin(chosen.truth.keys, archs)],
        evaluations=evaluations,
        pairs=tuple(PairResult(pair, _compare(pair, chosen, archs)) for pair in pairs),
    )


def evaluate_estimator(
    estimator: ScoreMatrix,
    chosen: ChosenTruth,
    archs: IntArray | None = None,
    populations: Sequence[str] | None = None,
) -> Evaluated:
    """Evaluate an estimator on the architectures that have all its scores and the truth.

    Args:
        estimator: The estimator.
        chosen: The truth.
        archs: Keys of the architectures to use, such as those that others have scored too; by
            default all.
        populations: Names of populations; by default all of the space.

    Returns:
        The figures.

    Raises:
        TruthError: If no architecture has both.
    """
    truth, complete = chosen.truth, estimator.complete_archs
    known = np.isin(truth.keys, complete)
    n_known = int(known.sum())
    if archs is not None:
        known &= np.isin(truth.keys, archs)
    index = truth.keys[known]
    if len(index) == 0:
        raise TruthError(
            f"None of the {len(complete):,} architectures that '{estimator.label}' scores (with "
            f"every seed) has a truth ({chosen.query}, {len(truth.keys):,} architectures). "
            "Score some of those, or ask for another truth."
        )
    judged = estimator.judged_on(index)
    scores = estimator.scores_of(index)
    figures = evaluate_case(
        _make_case(chosen, index),
        scores if judged is None else np.where(judged, scores, 0.0),
        baselines=make_baselines(index, chosen.table.space),
        populations=populations,
        judged=judged,
    )
    source = TruthSource(
        query=chosen.query,
        table=on_one_line(chosen.table.name),
        sha256=chosen.table.sha256,
        is_recorded=estimator.truth_sha256 is None
        or chosen.table.is_recorded_as(estimator.truth_sha256),
        n_archs=len(truth.keys),
        n_missing=truth.n_missing,
    )
    return Evaluated(
        estimator=estimator,
        truth=source,
        n_scored=len(estimator.keys),
        n_incomplete=len(estimator.keys) - len(complete),
        n_without_truth=len(complete) - n_known,
        n_uncommon=n_known - len(index),
        keys=index,
        figures=figures,
    )


def _compare(pair: Pair, chosen: ChosenTruth, archs: IntArray) -> Comparison:
    """Compare two estimators, each pair of seeds on architectures that neither was fitted to."""
    rows = (list(pair.rows.first), list(pair.rows.second))
    sides = [e.scores_of(archs)[r] for e, r in zip((pair.first, pair.second), rows, strict=True)]
    masks = [
        None if mask is None else mask[r]
        for mask, r in zip(
            (pair.first.judged_on(archs), pair.second.judged_on(archs)), rows, strict=True
        )
    ]
    judged: BoolArray | None = None
    known = [mask for mask in masks if mask is not None]
    if known and pair.rows.is_paired:
        judged = np.logical_and.reduce(known)
        sides = [np.where(judged, side, 0.0) for side in sides]
    elif known:  # any independent seed may meet any other
        by_all = np.logical_and.reduce([mask.all(axis=0) for mask in known])
        archs, sides = archs[by_all], [side[:, by_all] for side in sides]
    return compare_case(
        _make_case(chosen, archs),
        *sides,
        names=(pair.first.label, pair.second.label),
        is_paired=pair.rows.is_paired,
        judged=judged,
    )


def _make_case(chosen: ChosenTruth, archs: IntArray) -> Case:
    return _make_case_once(chosen.table, chosen.query, archs.astype(np.int64).tobytes())


@lru_cache(maxsize=16)
def _make_case_once(table: TruthTable, query: TruthQuery, archs: bytes) -> Case:
    """Make what all estimators share that one truth judges on the same architectures.

    Cached: a ceiling on all of a large space takes seconds.
    """
    keys, truth = np.frombuffer(archs, dtype=np.int64), table.select(query)
    known = np.isin(truth.keys, keys)
    trials = table.trials(query)
    return Case(
        keys,
        trials.accuracy[np.isin(trials.keys, keys)],
        truth.accuracy[known],
        None if query.rule.kind == MEAN else truth.n_trials[known],
        space=table.space,
    )
