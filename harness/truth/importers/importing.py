"""Reading published results into a truth table, and writing it where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from harness.errors import TruthError, UsageError, unknown_name
from harness.files.atomic import make_folder
from harness.provenance import now
from harness.spaces import Space, load_space
from harness.truth import TruthTable, load_table, make_table, save_table
from harness.truth.importers.base import ImportOptions, Watch, watch_nothing
from harness.truth.importers.tabular import START_BYTES, is_rows, read_rows
from harness.truth.published import Format, published
from harness.truth.sources import PUBLISHED_FILES, truth_folder

AUTO, ROWS = "auto", "rows"


def formats_of(space: Space) -> Mapping[str, Format]:
    """Return the formats of a space's results by name, in the order in which they are tried."""
    rows = Format("a CSV, JSON or Parquet file of rows", is_rows, read_rows)
    return {**published(space).formats(), ROWS: rows}


def find_format(path: Path, kind: str = AUTO, space: Space | None = None) -> str:
    """Find out of which format a path is.

    Args:
        path: A file or a folder.
        kind: "auto" or a key of `formats_of`. As the name of a space names its benchmark too, it
            admits the other formats where the path is plainly of one of them.
        space: The space of the results; `DEFAULT` unless given.

    Returns:
        A key of `formats_of`.

    Raises:
        UsageError: If the kind is unknown.
        TruthError: If there is nothing at the path, or the kind is "auto" and it is unclear.
    """
    space = space or load_space()
    formats = formats_of(space)
    if kind not in (AUTO, *formats):
        raise unknown_name("format of results", kind, (AUTO, *formats))
    if not _exists(path):
        raise TruthError(f"There is nothing at '{path}'. Give the path of published results.")
    if kind not in (AUTO, space.name):
        return kind
    start = _read_start(path) if path.is_file() else b""
    found = next((name for name, format in formats.items() if format.is_it(path, start)), None)
    if found is None and kind == AUTO:
        known = "; ".join(f"'--as {name}': {format.summary}" for name, format in formats.items())
        raise TruthError(f"'{path}' is of no known format{_hint(path, space)}. Known are {known}.")
    return found or kind


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


def _hint(path: Path, space: Space) -> str:
    if path.is_file() and path.stat().st_size == 0:
        return ": it is empty"
    if path.name.endswith((".tar", ".tar.gz", ".tgz")):
        return ": it is an archive; unpack it and give the folder"
    return published(space).hint(path)


def import_truth(
    path: Path,
    kind: str = AUTO,
    *,
    space: Space | None = None,
    name: str | None = None,
    allow_missing: bool = False,
    accuracy_scale: float | None = None,
    watch: Watch = watch_nothing,
    tell: Callable[[str], None] = lambda _sentence: None,
) -> TruthTable:
    """Read published results into a truth table.

    Args:
        path: A file or a folder.
        kind: "auto" or a key of `formats_of`.
        space: The space of the results; unless given, the one that rows name, or `DEFAULT`.
        name: What reports call the table; the name of the space unless given.
        allow_missing: Import what is there where architectures lack their records.
        accuracy_scale: What to multiply the accuracies of rows by, to have percent.
        watch: Called with how much is read, and of how much.
        tell: Given a sentence about each kind of thing that was left out.

    Returns:
        The table; its metadata say where it came from and what was left out.

    Raises:
        UsageError: If an option does not fit the format, or the kind is unknown.
        TruthError: If the source is missing, damaged, unsafe, incomplete, or of another space.
    """
    formats = formats_of(space or load_space())
    found = find_format(path, kind, space)
    if accuracy_scale is not None and (found != ROWS or not 0 < accuracy_scale < float("inf")):
        raise UsageError(
            f"An accuracy scale of {accuracy_scale:g} was given for {formats[found].summary}. Only "
            "accuracies of rows are scaled, by a number above 0 such as 100."
        )
    options = ImportOptions(allow_missing, accuracy_scale, watch, space)
    imported = formats[found].read(path, options)
    for part in imported.left_out:
        if part.n:
            tell(part.sentence)
    metadata = dict(imported.metadata) | {
        "source_file": path.resolve().name,
        "source_sha256": imported.sha256,
        "importer": f"harness.truth.importers:{found}",
        "importer_version": version("harness"),
        "imported": now(),
        **{part.name: str(part.n) for part in imported.left_out},
    }
    name = name or (imported.space or load_space()).name
    return make_table(imported.rows, name, metadata, str(path), imported.space)


def truth_file(data_dir: Path | None = None, space: Space | None = None) -> Path:
    """Return where `find_truth` looks for the table first.

    Args:
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.
        space: The space of the table; `DEFAULT` unless given.

    Returns:
        The file, which need not exist.

    Raises:
        DataError: If the data folder that was named does not exist.
    """
    return truth_folder(data_dir, space or load_space()) / PUBLISHED_FILES[0]


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
    make_folder(path.parent, "--out")
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
