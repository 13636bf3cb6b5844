"""Tables of a run's folder, checked for the columns that a report needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from harness.errors import StoreError
from harness.runs.folder import RunFolder
from harness.scores import show


def read_run_table(
    folder: RunFolder,
    name: str,
    counts: Sequence[str],
    numbers: Sequence[str],
    optional: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> pd.DataFrame | None:
    """Read a table of a run.

    Args:
        folder: The run.
        name: The table's name.
        counts: Columns of finite numbers, such as steps.
        numbers: Columns of numbers, which may be infinite or missing.
        optional: Columns of numbers that may be absent.
        texts: Columns of text.

    Returns:
        The table; None if the run has none, or it is empty.

    Raises:
        StoreError: If it is damaged, or a column is missing, duplicated or of the wrong type.
    """
    table = folder.read_table(name)
    if table is None or len(table) == 0:
        return None
    there = [name for name in optional if name in table.columns]
    for column in (*counts, *numbers, *there, *texts):
        problem = _find_problem(table, column, column in counts, column in texts)
        if problem:
            raise StoreError(
                f"{folder.path / name}.parquet: column '{column}' {problem}; the columns are "
                f"{show(', '.join(map(str, table.columns)), 200) or 'none'}. No run writes such a "
                "table: move the run's folder away and run it again."
            )
    return table


def _find_problem(table: pd.DataFrame, column: str, is_count: bool, is_text: bool) -> str:
    n_there = int((table.columns == column).sum())
    if n_there != 1:
        return "is missing" if n_there == 0 else "occurs more than once"
    values = table[column]
    if is_text:
        is_plain = values.dtype == "category" or pd.api.types.is_string_dtype(values)
        return "" if is_plain else "is not text"
    if not pd.api.types.is_numeric_dtype(values) or values.dtype.kind not in "iuf":
        return "is not numeric"
    if is_count and not np.isfinite(values.to_numpy(dtype=np.float64, na_value=np.nan)).all():
        return "has values that are missing or infinite"
    return ""
