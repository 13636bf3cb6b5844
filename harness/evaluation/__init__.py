"""Evaluation: how well estimators rank, judged by a truth."""

from harness.evaluation.chosen import ChosenTruth
from harness.evaluation.evaluating import (
    check_common_seeds,
    count_populations,
    evaluate_estimator,
    evaluate_together,
    group_by_archs,
)
from harness.evaluation.pairs import Pair
from harness.evaluation.results import Evaluated, JointEvaluation, Margin, PairResult, TruthSource
from harness.evaluation.truths import TruthChoice, choose_truth, choose_truths

__all__ = [
    "ChosenTruth",
    "Evaluated",
    "JointEvaluation",
    "Margin",
    "Pair",
    "PairResult",
    "TruthChoice",
    "TruthSource",
    "check_common_seeds",
    "choose_truth",
    "choose_truths",
    "count_populations",
    "evaluate_estimator",
    "evaluate_together",
    "group_by_archs",
]
