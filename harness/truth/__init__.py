"""Tabular ground truth: schema, table, and where tables are found."""

from harness.truth.query import Group, Trials, Truth, TruthQuery
from harness.truth.rows import check_rows
from harness.truth.sources import default_query, find_truth
from harness.truth.table import NOTES_KEY, TruthTable, load_table, make_table, save_table

__all__ = [
    "NOTES_KEY",
    "Group",
    "Trials",
    "Truth",
    "TruthQuery",
    "TruthTable",
    "check_rows",
    "default_query",
    "find_truth",
    "load_table",
    "make_table",
    "save_table",
]
