"""Writing a table for other programs: CSV, JSON, Parquet.

Rows have the columns that an import reads (`harness.truth.rows`), with accuracies in full
precision, so that what was exported can be imported again as the same table; rows of other metrics
name theirs, and are imported by a map, one metric at a time, whose unit and direction are told.
Means are not trainings, so they have columns of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import TruthError
from harness.scores.text import guard_formula
from harness.spaces.lookup import name_archs
from harness.truth.columns import ONLY_ACCURACY, row_columns, schema_of
from harness.truth.query import TruthQuery
from harness.truth.table import TruthTable

if TYPE_CHECKING:
    import pandas as pd


def restrict(
    table: TruthTable,
    dataset: str | None,
    split: str | None,
    epochs: int | None,
    metric: str | None = None,
) -> TruthTable:
    """Keep the rows of some data set, split, length of training or metric.

    Args:
        table: The table.
        dataset: Data set to keep; all if None.
        split: Split to keep; all if None.
        epochs: Length of training to keep; all if None.
        metric: Metric to keep; all if None.

    Returns:
        A table of these rows, with the same name and metadata.

    Raises:
        TruthError: If there are none.
    """
    kept = [
        group
        for group in table.groups()
        if dataset in (None, group.dataset)
        and split in (None, group.split)
        and epochs in (None, group.epochs)
        and metric in (None, group.metric)
    ]
    if not kept:
        wanted = [str(part) for part in (metric, dataset, split, epochs) if part is not None]
        raise TruthError(
            f"The truth table '{table.name}' has no rows for {', '.join(wanted)}. It has: "
            f"{'; '.join(table.describe())}. Ask for one of these."
        )
    columns = table.columns
    parts = [
        columns.where(group.dataset, group.split, group.epochs, group.metric) for group in kept
    ]
    rows = np.sort(np.concatenate(parts))
    return TruthTable(table.name, columns.take(rows), dict(table.metadata))


def frame_of_rows(table: TruthTable) -> pd.DataFrame:
    """Return the rows with their strings as plain texts."""
    frame = table.rows
    texts = frame.select_dtypes("category").columns
    return frame.astype(dict.fromkeys(texts, str))


def frame_of_truth(table: TruthTable, query: TruthQuery) -> pd.DataFrame:
    """Return one row an architecture.

    Args:
        table: The table.
        query: What its number is.

    Returns:
        A frame with the columns of `arch_columns`, `accuracy` (percent; `value`, of another metric,
        in its unit) and `n_trials` (behind it).

    Raises:
        TruthError: If the table has no such rows.
    """
    import pandas as pd

    truth = table.select(query)
    archs = name_archs(truth.keys, table.space)
    value = row_columns(table.space, table.columns.metrics)[-1]
    return pd.DataFrame({**archs, value: truth.value, "n_trials": truth.n_trials})


def write_csv(frame: pd.DataFrame, file: IO[str]) -> list[str]:
    """Write CSV that a spreadsheet takes for data.

    Args:
        frame: What to write.
        file: Where to, opened as text without newline translation.

    Returns:
        The texts that were changed: those that a spreadsheet would run as a formula begin with an
        apostrophe in the file, and what does not print is written as an escape.
    """
    changed: list[str] = []
    for column in ("space", "arch", "dataset"):  # free text, or a user's own
        if column in frame.columns:
            names = {name: guard_formula(name) for name in frame[column].unique()}
            changed += [name for name, safe in names.items() if safe != name]
            frame = frame.assign(**{column: frame[column].map(names)})
    frame.to_csv(file, index=False, lineterminator="\n")
    return changed


def write_json(frame: pd.DataFrame, head: dict[str, Any], file: IO[str]) -> None:
    """Write one JSON object: the head's entries, then `rows`, a line a row.

    Args:
        frame: What to write as rows.
        head: What comes before, such as provenance.
        file: Where to.
    """
    file.write("{\n")
    for key, value in head.items():
        file.write(f"  {json.dumps(key)}: {json.dumps(value)},\n")
    file.write('  "rows": [')
    names = list(frame.columns)
    separator = "\n"
    for row in zip(*(frame[name].tolist() for name in names), strict=True):
        file.write(f"{separator}    {json.dumps(dict(zip(names, row, strict=True)))}")
        separator = ",\n"
    file.write("\n  ]\n}\n")


def head_of(table: TruthTable) -> dict[str, Any]:
    """Return what an exported JSON says before its rows."""
    metrics = table.columns.metrics
    more = {} if metrics == ONLY_ACCURACY else {"metrics": [each._asdict() for each in metrics]}
    return {
        "schema": schema_of(table.space, metrics),
        **more,
        "space": table.space.name,
        "name": table.name,
        "sha256": table.sha256,
        "metadata": table.metadata,
    }


def write_means_parquet(frame: pd.DataFrame, metadata: dict[str, str], path: Path) -> None:
    """Write means as Parquet, with texts in the file's metadata."""
    content = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(content.replace_schema_metadata(metadata), path, compression="zstd")
