"""Seconds that trainings behind a truth took, where somebody recorded them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.truth.published import published
from harness.truth.query import TruthQuery
from harness.truth.table import TruthTable

COST = "cost_cpu_s"
"""Of a built table's metadata: seconds of a core that all its trainings took."""


def find_seconds(
    table: TruthTable, query: TruthQuery, data_dir: Path | None = None
) -> Mapping[int, float] | None:
    """Find what one training of each architecture took until an epoch.

    Args:
        table: The truth.
        query: Which trainings.
        data_dir: Where published files are.

    Returns:
        Seconds by key, as recorded on whatever machine did the trainings; None where nobody did.
        Of a table that was built, the mean of all its trainings, in proportion to epochs.
    """
    each = _seconds_of_an_epoch(table)
    if each is None:
        return published(table.space).find_seconds(data_dir, query)
    return dict.fromkeys(table.mean(query).keys.tolist(), query.epochs * each)


def is_one_training(table: TruthTable) -> bool:
    """Say whether rows of fewer epochs are what the same trainings had reached by then.

    So it is in tables that `harness truth build` made; in others they may be other trainings.
    """
    return "protocol" in table.metadata


def _seconds_of_an_epoch(table: TruthTable) -> float | None:
    """Return the mean over all trainings of a table that was built; None of another."""
    metadata = table.metadata
    if not metadata.keys() >= {COST, "protocol", "n_archs_trained"}:
        return None
    n_trainings = int(metadata["n_archs_trained"]) * len(np.unique(table.columns.seed))
    return float(metadata[COST]) / n_trainings / int(json.loads(metadata["protocol"])["epochs"])
