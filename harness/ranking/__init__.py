"""Ranking: score architectures with the trained supernet's weights, each equivalence class once.

The score is minus the mean loss on a fixed set of validation images; accuracy stands beside it.
"""

from harness.ranking.classes import class_index, count_classes
from harness.ranking.journal import open_journal
from harness.ranking.ranker import Ranker
from harness.ranking.rounds import Goal, Round
from harness.ranking.spread import Scoring, Spread, score_all
from harness.ranking.work import Ranking

__all__ = [
    "Goal",
    "Ranker",
    "Ranking",
    "Round",
    "Scoring",
    "Spread",
    "class_index",
    "count_classes",
    "open_journal",
    "score_all",
]
