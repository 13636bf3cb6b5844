"""A truth table: what each architecture reaches when it is trained from scratch.

The file is one Parquet file: the columns of `harness.truth.rows.COLUMNS`, and in its key-value
metadata the schema's version, the content hash and where the rows came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from harness.atomic import write_atomically
from harness.errors import TruthError, unknown_name
from harness.truth.rows import (
    COLUMNS,
    SCHEMA,
    arrange_rows,
    check_rows,
    check_values,
    content_sha256,
)

SPACE = "nb201"
POLICIES = ("mean",)
ROUNDED_TO = 6
"""Decimals that means are rounded to: the order of summation must not make or break ties."""

_PREFIX = "harness_"
_DEFAULT_QUERIES = {"tiles": ("tiles", "test", 12), "cifar10": ("cifar10", "test", 200)}


@dataclass(frozen=True)
class TruthQuery:
    """Which numbers of a table are the truth.

    Attributes:
        dataset: Data set in the table's spelling.
        split: "valid" or "test": the images that accuracy was measured on.
        epochs: Length of training, epochs.
        policy: How an architecture's trials become one number; "mean" is the only one.
    """

    dataset: str
    split: str
    epochs: int
    policy: str = "mean"

    def __post_init__(self) -> None:
        """Check the policy."""
        if self.policy not in POLICIES:
            raise unknown_name("truth policy", self.policy, POLICIES)

    def __str__(self) -> str:
        """Say it in words, as every figure does."""
        return f"{self.dataset} {self.split}, {self.epochs} epochs, {self.policy} of trials"


def default_query(image_dataset: str) -> TruthQuery:
    """Return the truth that a supernet on these images is held to unless told otherwise.

    Args:
        image_dataset: Name of an image data set, such as "cifar10".

    Returns:
        The query.

    Raises:
        UsageError: If no table is known for the data set.
    """
    if image_dataset not in _DEFAULT_QUERIES:
        raise unknown_name("image data set with a truth table", image_dataset, _DEFAULT_QUERIES)
    return TruthQuery(*_DEFAULT_QUERIES[image_dataset])


class Trials(NamedTuple):
    """The single trainings behind a truth.

    Attributes:
        nb201_index: Ascending, [arch].
        accuracy: Percent, [arch, trial]; NaN where an architecture lacks a trial.
    """

    nb201_index: npt.NDArray[np.int64]
    accuracy: npt.NDArray[np.float64]


class Truth(NamedTuple):
    """One number an architecture.

    Attributes:
        nb201_index: Ascending, [arch].
        accuracy: Mean over trials in percent, rounded to 1e-6, [arch].
        n_trials: Trials behind each mean, [arch].
    """

    nb201_index: npt.NDArray[np.int64]
    accuracy: npt.NDArray[np.float64]
    n_trials: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TruthTable:
    """All rows of one source. Make it with `make_table` or `load_table`, which check.

    Attributes:
        name: What reports call it.
        rows: As `arrange_rows` returns them.
        metadata: Where the rows came from, as text.
        sha256: Hash of the content (keys and accuracies), hexadecimal; derived.
    """

    name: str
    rows: pd.DataFrame
    metadata: dict[str, str]
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        """Derive the content hash."""
        object.__setattr__(self, "sha256", content_sha256(self.rows))

    def trials(self, query: TruthQuery) -> Trials:
        """Select single trainings.

        Args:
            query: What to select.

        Returns:
            One row an architecture that has any, one column a trial number that occurs.

        Raises:
            TruthError: If the table has no such rows.
        """
        rows = self.rows
        chosen = (
            (rows["dataset"] == query.dataset).to_numpy(dtype=bool)
            & (rows["split"] == query.split).to_numpy(dtype=bool)
            & (rows["epochs"] == query.epochs).to_numpy(dtype=bool)
        )
        if not chosen.any():
            raise TruthError(
                f"The truth table '{self.name}' has no rows for {query}. It has: "
                f"{'; '.join(self.describe())}. Ask for one of these."
            )
        index, row = np.unique(rows["nb201_index"].to_numpy()[chosen], return_inverse=True)
        trial, column = np.unique(rows["trial"].to_numpy()[chosen], return_inverse=True)
        accuracy = np.full((len(index), len(trial)), np.nan)
        accuracy[row, column] = rows["accuracy"].to_numpy()[chosen]
        return Trials(index.astype(np.int64), accuracy)

    def mean(self, query: TruthQuery) -> Truth:
        """Average each architecture's trials.

        Args:
            query: What to select.

        Returns:
            One mean an architecture that has any trial.

        Raises:
            TruthError: If the table has no such rows.
        """
        trials = self.trials(query)
        n_trials = np.isfinite(trials.accuracy).sum(axis=1)
        mean = np.nansum(trials.accuracy, axis=1) / n_trials
        return Truth(trials.nb201_index, mean.round(ROUNDED_TO), n_trials.astype(np.int64))

    def describe(self) -> list[str]:
        """List what can be asked for, one line a data set, split and number of epochs."""
        groups = self.rows.groupby(["dataset", "split", "epochs"], observed=True)
        counts = groups["nb201_index"].nunique()
        lines = []
        for key, n_archs in counts.items():
            dataset, split, epochs = cast(tuple[str, str, int], key)
            lines.append(f"{dataset} {split}, {epochs} epochs ({n_archs:,} architectures)")
        return lines


def make_table(
    df: pd.DataFrame, name: str, metadata: dict[str, str], source: str | None = None
) -> TruthTable:
    """Make a table of rows from outside, after checking them.

    Args:
        df: Rows with at least the columns of `COLUMNS`, in any order.
        name: What reports call the table.
        metadata: Where the rows came from.
        source: What to call the rows in an error; the name unless given.

    Returns:
        The table.

    Raises:
        TruthError: If `check_rows` refuses the rows.
    """
    check_rows(df, source or name)
    return TruthTable(name, arrange_rows(df), dict(metadata))


def save_table(table: TruthTable, path: Path) -> None:
    """Write a table as Parquet, all or nothing.

    Args:
        table: The table.
        path: The file, which may exist; its folder must.

    Raises:
        StoreError: If the file cannot be written; an older one is then as it was.
    """
    # a table of few architectures need not carry the strings of all of them
    arch_str = table.rows["arch_str"].cat.remove_unused_categories()
    rows = table.rows.assign(arch_str=arch_str)
    columns = [pa.array(rows[name]) for name in COLUMNS]
    own = {"schema": SCHEMA, "space": SPACE, "name": table.name, "sha256": table.sha256}
    metadata = table.metadata | {_PREFIX + key: value for key, value in own.items()}
    content = pa.table(columns, names=list(COLUMNS)).replace_schema_metadata(metadata)
    write_atomically(path, lambda target: pq.write_table(content, target, compression="zstd"))


def load_table(path: Path) -> TruthTable:
    """Read a table: one of the harness's own files, or any Parquet file in the schema.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        TruthError: If the file is missing, no whole Parquet file, of another space or a newer
            schema, changed since it was written, or holds rows that `check_rows` refuses.
    """
    content = _read_parquet(path)
    texts = {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (content.schema.metadata or {}).items()
    }
    own = {k.removeprefix(_PREFIX): v for k, v in texts.items() if k.startswith(_PREFIX)}
    foreign = ("pandas", "ARROW:schema")
    metadata = {k: v for k, v in texts.items() if not k.startswith((_PREFIX, *foreign))}
    if "schema" not in own:
        return make_table(content.to_pandas(), path.stem, metadata, str(path))
    _check_header(own, path)
    rows = content.to_pandas()
    # The strings follow from the index, so they are derived again instead of compared.
    check_values(rows, str(path))
    table = TruthTable(own.get("name", path.stem), arrange_rows(rows), metadata)
    if table.sha256 != own.get("sha256"):
        raise TruthError(
            f"{path}: the rows are not those that were written (their hash is "
            f"{table.sha256[:12]}, the file says {own.get('sha256', 'nothing')[:12]}). The file "
            "is damaged or was edited; get or make it again."
        )
    return table


def _read_parquet(path: Path) -> Any:
    if not path.is_file():
        raise TruthError(
            f"There is no truth table at '{path}'. Give the path of a Parquet file with the "
            f"columns {', '.join(COLUMNS)}."
        )
    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise TruthError(
            f"{path}: this is no whole Parquet file ({str(error).splitlines()[0]}). It may have "
            "been cut short; get or make it again."
        ) from error


def _check_header(own: dict[str, str], path: Path) -> None:
    if own["schema"] != SCHEMA:
        raise TruthError(
            f"{path}: its schema is '{own['schema']}', and this version reads '{SCHEMA}'. "
            "Upgrade the harness, or make the table again with this version."
        )
    if own.get("space") != SPACE:
        raise TruthError(
            f"{path}: it is a table of the space '{own.get('space')}', and this version reads "
            f"'{SPACE}'. Give a table of that space."
        )
