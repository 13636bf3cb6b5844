"""Reading published results into a truth table, and writing it where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import TruthError, UsageError, unknown_name
from harness.files.atomic import make_folder
from harness.provenance import now, own_version
from harness.spaces import Space, load_space
from harness.truth import TruthTable, load_table, make_table, save_table
from harness.truth.columns import ONLY_ACCURACY, Metrics
from harness.truth.importers.base import Imported, ImportOptions
from harness.truth.importers.tabular import START_BYTES, is_pickled, is_rows, read_rows
from harness.truth.metric import ACCURACY
from harness.truth.published import REGISTRY, Format, published
from harness.truth.sources import PUBLISHED_FILES, truth_folder

AUTO, ROWS = "auto", "rows"


def formats_of(space: Space) -> Mapping[str, Format]:
    """Return the formats of a space's results by name, in the order in which they are tried."""
    rows = Format("rows: CSV, JSON, Parquet, a plain pickle or torch file", is_rows, read_rows)
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
    start = _read_start(path)
    if kind not in (AUTO, space.name):
        return kind
    found = next((name for name, format in formats.items() if format.is_it(path, start)), None)
    if found is not None or kind != AUTO:
        return found or kind
    if is_pickled(path, start):
        return ROWS
    known = "; ".join(f"'--as {name}': {format.summary}" for name, format in formats.items())
    hint = published(space).hint(path)
    if path.is_file() and not start:
        hint = ": it is empty"
    elif path.name.endswith((".tar", ".tar.gz", ".tgz")):
        hint = ": it is an archive; unpack it and give the folder"
    raise TruthError(f"'{path}' is of no known format{hint}. Known are {known}.")


def _read_start(path: Path) -> bytes:
    """Read how a file begins; a folder begins with nothing."""
    try:
        if path.is_dir():
            return b""
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError as error:
        raise TruthError(
            f"There is nothing at '{path}' that can be read: {error.strerror or error}. Give the "
            "path of published results."
        ) from error


def import_truth(
    path: Path,
    kind: str = AUTO,
    *,
    name: str | None = None,
    tell: Callable[[str], None] = lambda _sentence: None,
    **asked: Any,
) -> TruthTable:
    """Read published results into a truth table.

    Args:
        path: A file or a folder.
        kind: "auto" or a key of `formats_of`.
        name: What reports call the table; the name of the space unless given.
        tell: Given a sentence about each kind of thing that was left out.
        **asked: As `ImportOptions` takes them.

    Returns:
        The table; its metadata say where it came from and what was left out.

    Raises:
        UsageError: If an option does not fit the format, or the kind is unknown.
        TruthError: If the source is missing, damaged, unsafe, incomplete, or of another space.
    """
    options = ImportOptions(**asked)
    formats = formats_of(options.space or load_space())
    found = find_format(path, kind, options.space)
    _check_options(options, found, formats[found])
    imported = formats[found].read(path, options)
    for sentence in (*imported.notes, *(part.sentence for part in imported.left_out if part.n)):
        tell(sentence)
    return to_table(imported, path.resolve().name, f"harness.truth.importers:{found}", name)


def import_api(api: object) -> TruthTable | None:
    """Read an object of a benchmark's own packages into a truth table.

    Args:
        api: Such as a `nas_201_api.NASBench201API`; or anything else.

    Returns:
        The table; None if no benchmark knows such objects.

    Raises:
        TruthError: If the object holds nothing that is read, or is of another space.
    """
    source = f"{type(api).__module__}.{type(api).__qualname__}"
    for name in REGISTRY:
        imported = published(load_space(name)).read_api(api)
        if imported is not None:
            return to_table(imported, source, f"harness.truth.importers.{name}:api", name)
    return None


def _check_options(options: ImportOptions, kind: str, found: Format) -> None:
    scale = options.accuracy_scale
    if scale is not None and (kind != ROWS or not 0 < scale < float("inf")):
        raise UsageError(
            f"An accuracy scale of {scale:g} was given for {found.summary}. Only accuracies of "
            "rows are scaled, by a number above 0 such as 100."
        )
    if options.curve_epochs and not found.has_curves:
        raise UsageError(
            f"Epochs of learning curves were given for {found.summary}, which has none but its "
            "rows. Leave them out; the official .pth and NATS-Bench folders have curves."
        )
    if kind != ROWS and (
        options.maps or options.arch_column or options.arch_form or options.metric
    ):
        raise UsageError(
            f"A map, a metric, or the column or form of architectures, was given for "
            f"{found.summary}. Only rows have columns; leave it out."
        )


def to_table(imported: Imported, source: str, importer: str, name: str | None) -> TruthTable:
    """Check what was imported, and note where it came from.

    Args:
        imported: What an importer read.
        source: The name of the file or folder, or what else it was.
        importer: What read it.
        name: What reports call the table; the name of the space if None.

    Returns:
        The table.

    Raises:
        TruthError: If rows are not as they should be.
    """
    metadata = dict(imported.metadata) | {
        "source_file": source,
        "source_sha256": imported.sha256,
        "importer": importer,
        "importer_version": own_version() or "unknown",
        "imported": now(),
        **{part.name: str(part.n) for part in imported.left_out},
    }
    space, metrics = imported.space or load_space(), imported.metrics
    if ACCURACY not in metrics:
        name = name or f"{space.name}-{_call(metrics)}"
    return make_table(imported.rows, name or space.name, metadata, source, space, metrics)


def _call(metrics: Metrics) -> str:
    """Call a table by its only metric, or by the family of several."""
    return metrics[0].family if len(metrics) > 1 else metrics[0].name.replace(":", "-")


def truth_file(
    data_dir: Path | None = None, space: Space | None = None, metrics: Metrics = ONLY_ACCURACY
) -> Path:
    """Return where a table belongs: of accuracies, where `find_truth` looks for it first.

    No other table has such a name: not one's own metric called `truth`, or as an image data set.

    Args:
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.
        space: The space of the table; `DEFAULT` unless given.
        metrics: What it measures.

    Returns:
        The file, which need not exist.

    Raises:
        DataError: If the data folder that was named does not exist.
    """
    is_accuracy = ACCURACY in metrics
    of_metric = f"{'metric-' * (len(metrics) == 1)}{_call(metrics)}.parquet"
    name = PUBLISHED_FILES[0] if is_accuracy else of_metric
    return truth_folder(data_dir, space or load_space()) / name


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
