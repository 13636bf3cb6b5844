"""A truth table: what each architecture reaches when it is trained from scratch.

The file is one Parquet file: the columns of `harness.truth.columns.row_columns`, and in its
key-value metadata the schema's version, the space, the content hash and where the rows came from.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import TruthError, UsageError, unknown_name
from harness.files.atomic import write_atomically
from harness.spaces import Space, load_space
from harness.spaces.lookup import are_judged, settle_space, space_of_rows
from harness.truth.columns import (
    ONLY_ACCURACY,
    Columns,
    IntArray,
    Labels,
    Metrics,
    row_columns,
    schema_of,
)
from harness.truth.metric import TruthMetric, write_metrics
from harness.truth.parquet import (
    PREFIX,
    check_hashes,
    check_header,
    read_columns,
    split_metadata,
    to_arrow,
)
from harness.truth.query import MEAN, Group, Trials, Truth, TruthQuery
from harness.truth.rows import arrange_rows, check_rows, refuse_fractions, to_frame
from harness.truth.select import average, count_distinct, gather_trials, list_groups, pick

if TYPE_CHECKING:
    import pandas as pd

NOTES_KEY = "notes"
"""Of metadata: what was decided in reading the rows that may surprise, a sentence a line."""


@dataclass(frozen=True, eq=False)
class TruthTable:
    """All rows of one source. Make it with `make_table` or `load_table`, which check.

    Attributes:
        name: What reports call it.
        columns: The checked rows, as arrays.
        metadata: Where the rows came from, as text.
    """

    name: str
    columns: Columns
    metadata: dict[str, str]

    @cached_property
    def sha256(self) -> str:
        """Hash of the content (keys, and accuracies to 1e-6), hexadecimal."""
        return self.columns.sha256()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows as a frame with the columns of `row_columns`; made when asked for."""
        return to_frame(self.columns)

    @property
    def space(self) -> Space:
        """The space of the architectures."""
        return self.columns.space

    @property
    def is_missing(self) -> bool:
        """Whether it stands for a table that is not there (`no_table`)."""
        return len(self.columns) == 0

    def is_recorded_as(self, sha256: object) -> bool:
        """Say whether a recorded hash is this table's, rounded or as the first runs had it."""
        return sha256 == self.sha256 or sha256 == self.columns.sha256(rounded=False)

    @property
    def n_archs(self) -> int:
        """The number of architectures that have any row."""
        return count_distinct(self.columns.key)

    def trials(self, query: TruthQuery) -> Trials:
        """Select single trainings; the query's policy plays no part.

        Args:
            query: What to select.

        Returns:
            One row an architecture that has any, one column a trial number that occurs.

        Raises:
            TruthError: If the table has no such rows.
        """
        return gather_trials(self.columns, self._find(query))

    def mean(self, query: TruthQuery) -> Truth:
        """Average each architecture's trials.

        Args:
            query: What to select, with the policy "mean".

        Returns:
            One mean an architecture that has any trial.

        Raises:
            TruthError: If the table has no such rows.
            UsageError: If the policy is another one.
        """
        if query.rule.kind != MEAN:
            raise UsageError(
                f"The mean was asked for with the query '{query}'. Use select(), which follows "
                "the query's policy, or ask with the policy 'mean'."
            )
        return average(self.columns, self._find(query))

    def select(self, query: TruthQuery) -> Truth:
        """Give each architecture its one number under the query's policy.

        Args:
            query: What to select.

        Returns:
            One number an architecture that has what the policy asks for, and how many have not.

        Raises:
            TruthError: If the table has no such rows, no architecture has the trial or the seed,
                or some have the seed in several trials.
        """
        if query.rule.kind == MEAN:
            return self.mean(query)
        return pick(self.columns, self._find(query), query, self.name)

    def judged(self, query: TruthQuery) -> Truth:
        """Give what `select` does, of the architectures that figures are of (`are_judged`)."""
        truth = self.select(query)
        kept = are_judged(truth.keys, self.space)
        return Truth(
            truth.keys[kept],
            truth.value[kept],
            truth.n_trials[kept],
            truth.n_trainings[kept],
            truth.n_missing,
        )

    def part(self, space: Space) -> TruthTable:
        """Give the rows of a space that is a part of this table's, under the keys of that space.

        Raises:
            TruthError: If there are none.
        """
        own, theirs = space.keys_in_whole()
        order = np.argsort(theirs)
        place = np.searchsorted(theirs, self.columns.key, sorter=order).clip(max=len(order) - 1)
        rows = np.flatnonzero(theirs[order[place]] == self.columns.key)
        if len(rows) == 0:
            raise TruthError(
                f"The truth table '{self.name}' has {self.n_archs:,} architectures of the space "
                f"'{self.space.name}', of which none is in its part '{space.name}'. Give a table "
                f"that has some, or --space {self.space.name}."
            )
        keys = own[order[place[rows]]]
        ascending = np.argsort(keys, kind="stable")
        columns = self.columns.take(rows[ascending])
        columns = replace(columns, key=keys[ascending], space=space)
        return TruthTable(self.name, columns, self.metadata)

    def _find(self, query: TruthQuery) -> IntArray:
        if self.is_missing:
            raise TruthError(self.metadata[NOTES_KEY])
        found = self.columns.where(query.dataset, query.split, query.epochs, query.metric)
        if len(found) == 0:
            raise TruthError(
                f"The truth table '{self.name}' has no rows for {query}. It has: "
                f"{'; '.join(self.describe())}. Ask for one of these."
            )
        return found

    def metric(self, name: str) -> TruthMetric:
        """Return a metric by its name.

        Raises:
            TruthError: If the table does not have it.
        """
        found = {metric.name: metric for metric in self.columns.metrics}
        if name not in found:
            error = unknown_name(f"metric of the truth table '{self.name}'", name, found)
            raise TruthError(str(error))
        return found[name]

    def groups(self) -> list[Group]:
        """Return what can be asked for: one entry a metric, data set, split and length."""
        return list_groups(self.columns)

    def describe(self) -> list[str]:
        """List what can be asked for, one line a metric, data set, split and length."""
        return [f"{group.query.rows} ({group.n_archs:,} architectures)" for group in self.groups()]


def make_table(
    df: pd.DataFrame,
    name: str,
    metadata: dict[str, str],
    source: str | None = None,
    space: Space | None = None,
    metrics: Metrics = ONLY_ACCURACY,
) -> TruthTable:
    """Make a table of rows from outside, after checking them.

    Args:
        df: Rows with at least the columns of `row_columns`, in any order.
        name: What reports call the table.
        metadata: Where the rows came from.
        source: What to call the rows in an error; the name unless given.
        space: Their space; whichever they name unless given.
        metrics: What they measure; of any but accuracy, rows have a column `metric` of names and
            `value` in place of `accuracy`.

    Returns:
        The table.

    Raises:
        TruthError: If the rows are of another space, or `check_rows` refuses them.
    """
    source = source or name
    space = settle_space(space_of_rows(df, source, TruthError), space, source, TruthError)
    check_rows(df, source, space, metrics)
    return TruthTable(name, arrange_rows(df, space, metrics), dict(metadata))


def no_table(reason: str, space: Space) -> TruthTable:
    """Return a table without rows; what asks it for a truth raises a TruthError with the reason."""
    none, no_labels = np.zeros(0, dtype=np.int64), Labels(np.zeros(0, dtype=np.int8), ())
    rows = Columns(
        key=none,
        metric=no_labels,
        dataset=no_labels,
        split=no_labels,
        epochs=none,
        trial=none,
        seed=none,
        value=none.astype(np.float64),
        space=space,
    )
    return TruthTable("none", rows, {NOTES_KEY: reason})


def save_table(table: TruthTable, path: Path) -> None:
    """Write a table as Parquet, all or nothing.

    Args:
        table: The table.
        path: The file, which may exist; its folder must.

    Raises:
        StoreError: If the file cannot be written; an older one is then as it was.
    """
    own = {
        "schema": schema_of(table.space, table.columns.metrics),
        "space": table.space.name,
        "name": table.name,
        "sha256": table.sha256,
        "seeds_sha256": table.columns.seeds_sha256(),
    }
    if table.columns.metrics != ONLY_ACCURACY:
        own["metrics"] = write_metrics(table.columns.metrics)
    metadata = table.metadata | {PREFIX + key: value for key, value in own.items()}
    content = to_arrow(table.columns, metadata)
    write_atomically(path, lambda target: pq.write_table(content, target, compression="zstd"))


def load_table(path: Path, space: Space | None = None) -> TruthTable:
    """Read a table: one of the harness's own files, or any Parquet file in the schema.

    Args:
        path: The file.
        space: The space to read; whichever the file names unless given. Of a part of that one,
            the table is `TruthTable.part`.

    Returns:
        The table.

    Raises:
        TruthError: If the file is missing, not a whole Parquet file, of another space or a newer
            schema, changed since it was written, or holds rows that `check_rows` refuses, or
            somebody's accuracies look like fractions.
    """
    try:
        if not path.is_file():
            raise TruthError(
                f"There is no truth table at '{path}'. Give the path of a Parquet file with the "
                f"columns {', '.join(row_columns(space or load_space()))}."
            )
        with pq.ParquetFile(path, pre_buffer=False) as file:
            own, metadata = split_metadata(file.schema_arrow)
            whole = None if space is None else space.part_of
            if space is not None and whole is not None and own.get("space") == whole:
                return load_table(path, load_space(whole)).part(space)
            columns, metrics = None, ONLY_ACCURACY
            if own:
                space, metrics = check_header(own, space, path)
                columns = read_columns(file, space, metrics)
            frame: Any = file.read().to_pandas() if columns is None else None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TruthError(
            f"{path}: this is not a whole Parquet file ({str(error).splitlines()[0]}). It may have "
            "been cut short; get or make it again. 'harness truth import' makes a table of CSV, "
            "JSON and other files."
        ) from error
    name = own.get("name", path.stem)
    if columns is None:
        table = make_table(frame, name, metadata, str(path), space, metrics)
        if not own:  # a table of the harness's own was checked, or said to be percent
            remedy = (
                "Import it with 'harness truth import --accuracy-scale 100'; if they are percent, "
                "with --accuracy-scale 1."
            )
            refuse_fractions(table.columns.value, str(path), remedy)
    else:
        table = TruthTable(name, columns, metadata)
    if own:
        check_hashes(table.columns, own, path)
    return table
