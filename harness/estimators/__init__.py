"""Ranking estimators: whatever gives architectures scores, in one form, and how they rank."""

from harness.estimators.baselines import BASELINES, make_baseline, make_baselines
from harness.estimators.callables import from_callable
from harness.estimators.estimator import Estimator, Loaded, common_archs
from harness.estimators.evaluating import (
    ChosenTruth,
    choose_truth,
    evaluate,
    evaluate_estimator,
)
from harness.estimators.loading import load_estimators, make_estimators
from harness.estimators.result import EvaluationResult, TruthSource
from harness.estimators.runs import BASELINE_STRATEGY, label_configs, load_runs, settings_sha256

__all__ = [
    "BASELINES",
    "BASELINE_STRATEGY",
    "ChosenTruth",
    "Estimator",
    "EvaluationResult",
    "Loaded",
    "TruthSource",
    "choose_truth",
    "common_archs",
    "evaluate",
    "evaluate_estimator",
    "from_callable",
    "label_configs",
    "load_estimators",
    "load_runs",
    "make_baseline",
    "make_baselines",
    "make_estimators",
    "settings_sha256",
]
