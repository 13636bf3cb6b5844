"""Ranking: score architectures with the trained supernet's weights, each equivalence class once.

The score is minus the mean loss on a fixed set of validation images; accuracy stands beside it.
"""

from harness.estimators.supernet.classes import class_key, count_classes
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.rounds import Goal, Round
from harness.estimators.supernet.spread import Scoring, Spread, score_all
from harness.estimators.supernet.work import Ranking

__all__ = [
    "Goal",
    "Ranker",
    "Ranking",
    "Round",
    "Scoring",
    "Spread",
    "class_key",
    "count_classes",
    "open_journal",
    "score_all",
]
