"""What is known of architectures beside a truth: other metrics of tables, and free scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from harness.errors import unknown_name
from harness.estimators.baselines import make_baselines
from harness.estimators.matrix import CHANCE
from harness.evaluation.chosen import ChosenTruth, find_table
from harness.evaluation.constraints import Values
from harness.spaces import Space
from harness.spaces.lookup import are_judged
from harness.truth import TruthTable
from harness.truth.catalogue import choose_query, list_metrics, open_metric
from harness.truth.metric import ACCURACY, TruthMetric


def find_values(name: str, chosen: ChosenTruth, data_dir: Path | None = None) -> Values:
    """Find what is known of architectures beside a truth.

    Args:
        name: A free score of the space, of which less is better; or a metric of the truth's table
            or of any that is found, on the truth's data set if it has that.
        chosen: The truth.
        data_dir: Data folder, with a folder of tables for each space.

    Returns:
        The values, of all architectures that figures are of and that have one.

    Raises:
        UsageError: If the name is unknown.
        TruthError: If the metric's table is damaged.
    """
    space = chosen.table.space
    if name in space.baselines and name != CHANCE:
        keys = chosen.truth.keys if space.size is None else np.arange(space.size)
        keys = keys[are_judged(keys, space)]
        return Values(TruthMetric(name, "", True), keys, make_baselines(keys, space)[name])
    if name in [metric.name for metric in chosen.table.columns.metrics]:
        table = chosen.table
    elif name == ACCURACY.name:
        table = find_table(chosen.query.dataset, data_dir, space)
    else:
        table = _open_metric(name, data_dir, space)
    is_same = chosen.query.dataset in {group.dataset for group in table.groups()}
    query = choose_query(table, chosen.query.dataset if is_same else None, metric=name)
    truth = table.judged(query)
    source, note = f"table {table.name}, {query.dataset}", ""
    if not is_same:
        note = f"{name} was measured on {query.dataset}, the truth on {chosen.query.dataset}."
    elif name == chosen.query.metric and query != chosen.query:
        note = f"{name} is that of {query} here, and the truth is {chosen.query}."
    return Values(table.metric(name), truth.keys, truth.value, source, note)


def _open_metric(name: str, data_dir: Path | None, space: Space) -> TruthTable:
    """Open a metric's table; an unknown name may also be meant for a free score."""
    known = list_metrics(data_dir, space)
    if name not in known:
        free = [each for each in space.baselines if each != CHANCE]
        raise unknown_name("truth metric or free score", name, [*free, ACCURACY.name, *known])
    return open_metric(name, data_dir, space)
