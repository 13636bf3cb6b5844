"""Where truth tables come from: bundled for `tiles`, the data folder for the benchmark's three."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from harness.errors import StoreError, TruthError, unknown_name
from harness.files.datadir import DATA_VARIABLE, resolve_data_dir, user_cache_dir
from harness.truth.table import TruthTable, load_table, save_table

BUNDLED_TABLE = "nb201_tiles.parquet"


def find_truth(image_dataset: str, data_dir: Path | None = None) -> TruthTable:
    """Find and load the truth table that belongs to an image data set.

    Args:
        image_dataset: A key of `SOURCES`.
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.

    Returns:
        The table.

    Raises:
        UsageError: If no table is known for the data set.
        TruthError: If the table is not there or is damaged.
        DataError: If the data folder that was named does not exist.
    """
    if image_dataset not in SOURCES:
        raise unknown_name("image data set with a truth table", image_dataset, SOURCES)
    return SOURCES[image_dataset](data_dir)


def _bundled(_data_dir: Path | None) -> TruthTable:
    resource = resources.files("harness.truth") / BUNDLED_TABLE
    if not resource.is_file():
        raise TruthError(
            f"This installation lacks its own truth table, harness/truth/{BUNDLED_TABLE}. "
            "Install the package again, or make a table with 'harness truth build'."
        )
    with resources.as_file(resource) as path:
        return load_table(path)


def _published(data_dir: Path | None) -> TruthTable:
    folder = (resolve_data_dir(data_dir) or user_cache_dir()) / "nb201"
    table, rows = folder / "truth.parquet", folder / "truth_rows.parquet"
    if table.is_file():
        return load_table(table)
    if rows.is_file():
        return _convert_once(rows)
    raise TruthError(
        f"There is no NAS-Bench-201 truth table: looked for '{table}' and '{rows}'. Set "
        f"{DATA_VARIABLE} or --data-dir to a folder that holds one of them, or run 'harness data "
        "fetch nb201' (7.5 MB)."
    )


def _convert_once(rows: Path) -> TruthTable:
    """Check and convert an import file, or take the result from the user cache."""
    with rows.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    cached = user_cache_dir() / f"truth-{digest[:16]}.parquet"
    with contextlib.suppress(TruthError):  # absent, or damaged: then it is made again
        return load_table(cached)
    imported = load_table(rows)
    metadata = imported.metadata | {"source_file": rows.name, "source_sha256": digest}
    table = TruthTable("nb201", imported.columns, metadata)
    # The cache saves time only, so a folder that cannot be written is no failure.
    with contextlib.suppress(OSError, StoreError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        save_table(table, cached)
    return table


SOURCES: dict[str, Callable[[Path | None], TruthTable]] = {
    "tiles": _bundled,
    "cifar10": _published,
    "cifar100": _published,
    "imagenet16-120": _published,
}
"""Sources by image data set; each takes the data folder that the user named, if any."""
