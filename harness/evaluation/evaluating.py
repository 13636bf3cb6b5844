"""From scores and a truth to figures: the one path, for one estimator or many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.errors import TruthError
from harness.estimators.baselines import make_baselines
from harness.estimators.estimator import Estimator, IntArray, common_archs
from harness.evaluation.pairs import Pair, choose_pairs
from harness.evaluation.results import Evaluated, JointEvaluation, PairResult, TruthSource
from harness.evaluation.truths import ChosenTruth
from harness.scores import on_one_line
from harness.stats import Comparison, compare_scores, evaluate_scores
from harness.truth.query import MEAN


def evaluate_together(
    estimators: Sequence[Estimator], chosen: ChosenTruth, baseline: str | None = None
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
    archs = np.intersect1d(common_archs(estimators), chosen.truth.nb201_index)
    if len(archs) == 0:
        each = "; ".join(f"'{e.label}' {len(e.complete_archs):,}" for e in estimators)
        raise TruthError(
            f"No architecture has a score of all estimators and a truth ({chosen.query}, "
            f"{len(chosen.truth.nb201_index):,} architectures). Scored: {each}. Leave out the one "
            "that shares none, or score architectures that the others have scored."
        )
    evaluations = tuple(evaluate_estimator(estimator, chosen, archs) for estimator in estimators)
    return JointEvaluation(
        truth=evaluations[0].truth,
        nb201_index=archs,
        accuracy=chosen.truth.accuracy[np.isin(chosen.truth.nb201_index, archs)],
        evaluations=evaluations,
        pairs=tuple(
            PairResult(pair, _compare(pair, chosen, archs))
            for pair in choose_pairs(estimators, baseline)
        ),
    )


def evaluate_estimator(
    estimator: Estimator, chosen: ChosenTruth, archs: IntArray | None = None
) -> Evaluated:
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
    return Evaluated(
        estimator=estimator,
        truth=source,
        n_scored=len(estimator.nb201_index),
        n_incomplete=len(estimator.nb201_index) - len(complete),
        n_without_truth=len(complete) - n_known,
        n_uncommon=n_known - len(index),
        nb201_index=index,
        figures=figures,
    )


def _compare(pair: Pair, chosen: ChosenTruth, archs: IntArray) -> Comparison:
    known = np.isin(chosen.truth.nb201_index, archs)
    return compare_scores(
        archs,
        pair.first.scores_of(archs)[list(pair.rows[0])],
        pair.second.scores_of(archs)[list(pair.rows[1])],
        chosen.trials.accuracy[known],
        chosen.truth.accuracy[known],
        names=(pair.first.label, pair.second.label),
        n_behind=None if chosen.query.rule.kind == MEAN else chosen.truth.n_trials[known],
    )
