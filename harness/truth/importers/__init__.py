"""Published results become truth tables. One module a format, and one row in `FORMATS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from harness.errors import StoreError, TruthError, UsageError, unknown_name
from harness.files.datadir import resolve_data_dir, user_cache_dir
from harness.provenance import now
from harness.truth import TruthTable, load_table, make_table, save_table
from harness.truth.importers.base import Imported, Options, Watch, hash_listing, watch_nothing
from harness.truth.importers.nats import META, is_nats, read_nats
from harness.truth.importers.official import is_official, read_official
from harness.truth.importers.public import read_public_tables
from harness.truth.importers.public_files import TABLES
from harness.truth.importers.tabular import START_BYTES, is_rows, read_rows

__all__ = ["FORMATS", "KINDS", "Options", "import_truth", "place_table", "truth_file"]

AUTO, OFFICIAL, ROWS = "auto", "nb201", "rows"


class Format(NamedTuple):
    """One format of published results.

    Attributes:
        summary: What it is, in a phrase.
        is_it: Whether a path, whose first bytes are given, is of it.
        read: Reads it.
    """

    summary: str
    is_it: Callable[[Path, bytes], bool]
    read: Callable[[Path, Options], Imported]


def is_public(path: Path) -> bool:
    """Say whether a path is a folder of the small public tables."""
    return path.is_dir() and all((path / table.file).is_file() for table in TABLES)


def read_public(path: Path, _options: Options) -> Imported:
    """Read the small public tables, whose hashes are pinned."""
    rows = read_public_tables(path)
    return Imported(rows, hash_listing({table.file: table.sha256 for table in TABLES}), {}, [])


FORMATS: dict[str, Format] = {
    OFFICIAL: Format("the official .pth of NAS-Bench-201", is_official, read_official),
    "nats": Format("a NATS-Bench topology folder", lambda path, _: is_nats(path), read_nats),
    "public": Format(
        "the folder of small public tables", lambda path, _: is_public(path), read_public
    ),
    ROWS: Format("a CSV, JSON or Parquet file of rows", is_rows, read_rows),
}
"""Formats by name, in the order in which they are tried."""

KINDS = (AUTO, *FORMATS)


def find_format(path: Path, kind: str = AUTO) -> str:
    """Find out of which format a path is.

    Args:
        path: A file or a folder.
        kind: One of `KINDS`. As "nb201" names the benchmark too, it admits the other formats
            where the path is plainly of one of them.

    Returns:
        A key of `FORMATS`.

    Raises:
        UsageError: If there is no such kind.
        TruthError: If there is nothing at the path, or the kind is "auto" and it is unclear.
    """
    if kind not in KINDS:
        raise unknown_name("format of results", kind, KINDS)
    if not _exists(path):
        raise TruthError(f"There is nothing at '{path}'. Give the path of published results.")
    if kind not in (AUTO, OFFICIAL):
        return kind
    start = _read_start(path) if path.is_file() else b""
    found = next((name for name, format in FORMATS.items() if format.is_it(path, start)), None)
    if found is None and kind == AUTO:
        known = "; ".join(f"'--as {name}': {format.summary}" for name, format in FORMATS.items())
        raise TruthError(f"'{path}' is of no known format{_hint(path)}. Known are {known}.")
    return found or OFFICIAL


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def _read_start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise TruthError(f"'{path}' cannot be read: {error.strerror or error}.") from error


def _hint(path: Path) -> str:
    if path.is_dir():
        return f": it is a folder without {META}"
    if path.stat().st_size == 0:
        return ": it is empty"
    if path.name.endswith((".tar", ".tar.gz", ".tgz")):
        return ": it is an archive; unpack it and give the folder"
    if path.name.endswith(".pbz2"):
        return ": of NATS-Bench, give the folder 'NATS-tss-v1_0-3ffb9-simple'"
    return ""


def import_truth(
    path: Path,
    kind: str = AUTO,
    *,
    name: str | None = None,
    allow_missing: bool = False,
    accuracy_scale: float | None = None,
    watch: Watch = watch_nothing,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> TruthTable:
    """Read published results into a truth table.

    Args:
        path: A file or a folder.
        kind: One of `KINDS`.
        name: What reports call the table; "nb201" unless given.
        allow_missing: Import what is there where architectures lack their records.
        accuracy_scale: What to multiply the accuracies of rows by, to have percent.
        watch: Told how much of how much is read.
        tell: Given a sentence about each kind of thing that was left out.

    Returns:
        The table; its metadata say where it came from and what was left out.

    Raises:
        UsageError: If an option does not fit the format, or there is no such kind.
        TruthError: If the source is missing, damaged, unsafe, incomplete, or of another space.
    """
    found = find_format(path, kind)
    if accuracy_scale is not None and (found != ROWS or not 0 < accuracy_scale < float("inf")):
        raise UsageError(
            f"An accuracy scale of {accuracy_scale:g} was given for {FORMATS[found].summary}. Only "
            "accuracies of rows are scaled, by a number above 0 such as 100."
        )
    imported = FORMATS[found].read(path, Options(allow_missing, accuracy_scale, watch))
    for sentence in imported.notes:
        tell(sentence)
    metadata = dict(imported.metadata) | {
        "source_file": path.resolve().name,
        "source_sha256": imported.sha256,
        "importer": f"harness.truth.importers:{found}",
        "importer_version": version("harness"),
        "imported": now(),
        **{key: str(count) for key, count in imported.counts.items()},
    }
    return make_table(imported.rows, name or OFFICIAL, metadata, str(path))


def truth_file(data_dir: Path | None = None) -> Path:
    """Return where `find_truth` looks for the table first.

    Args:
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.

    Returns:
        The file, which need not exist.

    Raises:
        DataError: If the data folder that was named does not exist.
    """
    return (resolve_data_dir(data_dir) or user_cache_dir()) / "nb201" / "truth.parquet"


def place_table(table: TruthTable, path: Path, force: bool = False) -> bool:
    """Write a table where it belongs, but not over another one.

    Args:
        table: The table.
        path: The file; its folder is made.
        force: Whether a different table may be replaced.

    Returns:
        Whether it was written; not if one with the same rows was there.

    Raises:
        TruthError: If a different file is there and may not be replaced.
        StoreError: If it cannot be written.
    """
    if path.exists() and not force:
        if _holds(path, table):
            return False
        raise TruthError(
            f"'{path}' exists and is another table than the one that was imported. Replace it with "
            "--force, or name another file with --out."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder '{path.parent}' could not be made: {error.strerror or error}. Name a file "
            "elsewhere with --out."
        ) from error
    save_table(table, path)
    return True


def _holds(path: Path, table: TruthTable) -> bool:
    """Say whether a file holds the same rows."""
    try:
        there = load_table(path)
    except TruthError:
        return False
    seeds = there.columns.seeds_sha256() == table.columns.seeds_sha256()
    return seeds and there.sha256 == table.sha256
