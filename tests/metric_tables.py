"""Truth tables of other metrics than accuracy, made for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from harness.spaces.nb201.encoding import arch_at
from harness.truth import TruthTable, make_table, save_table
from harness.truth.metric import TruthMetric


def make_metric_table(
    metric: TruthMetric, indices: Iterable[int], values: Sequence[float], epochs: int = 0
) -> TruthTable:
    """Make a table of CIFAR-10 with one value for each architecture of NAS-Bench-201."""
    rows = {
        "nb201_index": (keys := [int(index) for index in indices]),
        "arch_str": [str(arch_at(key)) for key in keys],
        "metric": metric.name,
        "dataset": "cifar10",
        "split": "test",
        "epochs": epochs,
        "trial": 0,
        "seed": -1,
        "value": values,
    }
    return make_table(pd.DataFrame(rows), f"nb201-{metric.family}", {}, metrics=(metric,))


def save_metric_table(data: Path, table: TruthTable, name: str = "") -> None:
    """Write a table where a data folder has those of its metric, or under another name."""
    (data / "nb201").mkdir(exist_ok=True)
    name = name or table.columns.metrics[0].family
    save_table(table, data / "nb201" / f"{name}.parquet")
