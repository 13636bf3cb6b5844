"""Evaluation: how well scores rank architectures, held against a truth."""

from harness.evaluation.evaluating import ChosenTruth, choose_truth, evaluate, evaluate_estimator
from harness.evaluation.result import EvaluationResult, TruthSource

__all__ = [
    "ChosenTruth",
    "EvaluationResult",
    "TruthSource",
    "choose_truth",
    "evaluate",
    "evaluate_estimator",
]
