"""Scores: the harness's own files, held to a schema, and anybody's."""

from harness.scores.listing import read_archs
from harness.scores.options import ReadOptions
from harness.scores.own import (
    COLUMNS,
    STATUS_DEAD,
    STATUS_FAILED,
    STATUS_LABEL,
    STATUS_OK,
    STATUSES,
    check_scores,
    load_scores,
    save_scores,
    score_columns,
)
from harness.scores.sets import ScoreSet, ScoreSets, make_score_sets, read_score_sets
from harness.scores.text import guard_formula, on_one_line, refuse_halves, show

__all__ = [
    "COLUMNS",
    "STATUSES",
    "STATUS_DEAD",
    "STATUS_FAILED",
    "STATUS_LABEL",
    "STATUS_OK",
    "ReadOptions",
    "ScoreSet",
    "ScoreSets",
    "check_scores",
    "guard_formula",
    "load_scores",
    "make_score_sets",
    "on_one_line",
    "read_archs",
    "read_score_sets",
    "refuse_halves",
    "save_scores",
    "score_columns",
    "show",
]
