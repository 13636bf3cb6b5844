"""Where truth tables come from: bundled with the package, published, or built into the data folder.

A bundled table is `<space>_<dataset>.parquet` of this package; a published one is in the folder of
its space in the data folder; one that was built may be put beside it, as `<dataset>.parquet`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from harness.errors import StoreError, TruthError, UsageError, unknown_name
from harness.files.datadir import DATA_VARIABLE, resolve_data_dir, user_cache_dir
from harness.files.images import is_own_name
from harness.spaces import DEFAULT, Space, load_space
from harness.truth.published import Entry, Table, published
from harness.truth.query import TruthQuery
from harness.truth.table import TruthTable, load_table, no_table, save_table

PUBLISHED_FILES = ("truth.parquet", "truth_rows.parquet")
"""The published table in the folder of its space: the first of these that is there."""

BUILT = {"tiles": TruthQuery("tiles", "test", 12)}
"""What `harness truth build` measures unless told otherwise, or a space says (`Space.built`)."""


def default_query(image_dataset: str, space: Space | None = None) -> TruthQuery:
    """Return the truth that a supernet on these images is held to unless told otherwise.

    Args:
        image_dataset: Name of an image data set, such as "cifar10".
        space: The space; `DEFAULT` unless given.

    Returns:
        The query.

    Raises:
        UsageError: If no table is known for the data set.
    """
    space = space or load_space()
    epochs = space.built.get("epochs", BUILT["tiles"].epochs)
    built = {name: replace(query, epochs=epochs) for name, query in BUILT.items()}
    queries = built | dict(published(space).queries)
    if image_dataset in queries:
        return queries[image_dataset]
    if is_own_name(image_dataset):
        return replace(built["tiles"], dataset=image_dataset)
    raise unknown_name("image data set with a truth table", image_dataset, queries)


def name_images(dataset: str, space: Space) -> str:
    """Name the images that a truth's data set is of.

    Args:
        dataset: In the table's spelling.
        space: The space.

    Returns:
        Such as "imagenet16-120" of "ImageNet16-120"; the same where a space says nothing of it.

    Raises:
        UsageError: If these are images of one's own, or there are no images of just this data set.
    """
    if is_own_name(dataset):
        raise UsageError(
            f"'{dataset}' are images of your own, and searches train on those that the harness "
            "knows by name. Let the search see the table: leave out --estimator training."
        )
    known = published(space)
    of = {validated: name for name, validated in known.validated_as.items()}.get(dataset, dataset)
    names = [name for name, query in known.queries.items() if query.dataset == of]
    if len(names) > 1:
        raise UsageError(
            f"The harness has no images of '{dataset}', so nothing can be trained on them; its "
            f"truth judges what was trained on {', '.join(names)}. Let the search see the table: "
            "leave out --estimator training."
        )
    return names[0] if names else of


def find_truth(
    image_dataset: str,
    data_dir: Path | None = None,
    space: Space | None = None,
    may_lack: bool = False,
) -> TruthTable:
    """Find and load the truth table that belongs to an image data set.

    Args:
        image_dataset: Name of an image data set, such as "cifar10".
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.
        space: The space; `DEFAULT` unless given.
        may_lack: Whether to return a table without rows, `no_table`, where one's own images have
            none, instead of an error.

    Returns:
        The table.

    Raises:
        UsageError: If no table is known for the data set.
        TruthError: If the table is not there or is damaged.
        DataError: If the data folder that was named does not exist.
    """
    space = space or load_space()
    default_query(image_dataset, space)
    what = "truth table"
    if image_dataset in published(space).queries:
        what = "published truth table"
        paths = published_paths(truth_folder(data_dir, space).parent, space)
        advice = _advise_fetching(space)
    elif is_own_name(image_dataset):
        paths = [built_table(image_dataset, data_dir, space)]
        advice = (
            f"Make one with 'harness truth build --space {space.name} --dataset FILE', where FILE "
            "are these images; until then scores are written, and not judged."
        )
    elif space.name == DEFAULT:  # the package's own is the truth, whatever lies elsewhere
        paths = [bundled_table(image_dataset, space)]
        advice = "It is part of this package: install that again."
    else:
        own = built_table(image_dataset, data_dir, space)
        paths = [own, bundled_table(image_dataset, space)]
        known = ", ".join(published(space).queries)
        there_is = f"Its published truth is of {known}: name that with --dataset. " if known else ""
        advice = (
            f"{there_is}Make one with 'harness truth build --out {paths[0]} --dataset "
            f"{image_dataset} --space {space.name}', or name the folder of one with --data-dir."
        )
    for path in paths:
        if path.is_file():
            return open_file(path, space)
    looked = " and ".join(f"'{path}'" for path in paths)
    reason = (
        f"There is no {what} of the space '{space.name}' on {image_dataset}: looked for {looked}. "
        f"{advice}"
    )
    if may_lack and is_own_name(image_dataset):
        return no_table(reason, space)
    raise TruthError(reason)


def built_table(image_dataset: str, data_dir: Path | None, space: Space) -> Path:
    """Return where a table that was built is looked for; it need not exist."""
    return truth_folder(data_dir, space) / f"{image_dataset}.parquet"


def published_paths(data: Path, space: Space) -> list[Path]:
    """Return where the published table may be in a data folder; the first that is there is it.

    A part's own, which somebody imported, comes before that of the whole.
    """
    folders = dict.fromkeys((space.name, space.part_of or space.name))
    tables = [data / folder / name for folder in folders for name in PUBLISHED_FILES]
    return [*tables, *(data / name for name in published(space).raw)]


def truth_folder(data_dir: Path | None, space: Space) -> Path:
    """Return the folder of a space's tables in the data folder; it need not exist."""
    return (resolve_data_dir(data_dir) or user_cache_dir()) / space.name


def bundled_table(image_dataset: str, space: Space) -> Path:
    """Return the file of a table of this package; it need not exist."""
    return Path(__file__).parent / f"{space.name}_{image_dataset}.parquet"


def has_table(dataset: str, data_dir: Path | None, space: Space) -> bool:
    """Say whether a space has a data set's accuracies: published, fetched or not, or built."""
    paths = bundled_table(dataset, space), built_table(dataset, data_dir, space)
    return dataset in published(space).datasets or any(path.is_file() for path in paths)


def _advise_fetching(space: Space) -> str:
    entries = (each for each in published(space).entries() if _makes_accuracies(each))
    smallest = min(entries, key=lambda entry: entry.size, default=None)
    fetch = "import it with 'harness truth import'"
    if smallest is not None:
        fetch = f"run 'harness data fetch {smallest.name}' ({smallest.size / 1e6:.1f} MB)"
    return f"Set {DATA_VARIABLE} or --data-dir to a folder that holds one of them, or {fetch}."


def _makes_accuracies(entry: Entry) -> bool:
    product = entry.product
    return isinstance(product, Table) and product.path.endswith(f"/{PUBLISHED_FILES[0]}")


def open_file(path: Path, space: Space) -> TruthTable:
    """Read a table; published rows and files are converted once, and kept in the cache.

    What is published of a space is read for its parts too (`TruthTable.part`).

    Raises:
        TruthError: As `load_table` does, or an importer.
    """
    raw = {Path(name).name: make for name, make in published(space).raw.items()}
    if path.name in raw and space.part_of is not None:
        return open_file(path, load_space(space.part_of)).part(space)
    if path.name in raw:
        return _convert_once(path, space, raw[path.name])
    if path.name == PUBLISHED_FILES[1]:
        return _convert_once(path, space, partial(load_table, space=space))
    return load_table(path, space)


def cached_pattern(space: Space) -> str:
    """Return how the user cache calls the tables of a space that were converted once."""
    return "truth-*.parquet" if space.name == DEFAULT else f"{space.name}-truth-*.parquet"


def _convert_once(rows: Path, space: Space, make: Callable[[Path], TruthTable]) -> TruthTable:
    """Check and convert a published file, or take the result from the user cache."""
    with rows.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    cached = user_cache_dir() / cached_pattern(space).replace("*", digest[:16])
    with contextlib.suppress(TruthError):  # absent, or damaged: then it is made again
        return load_table(cached, space)
    imported = make(rows)
    metadata = imported.metadata | {"source_file": rows.name, "source_sha256": digest}
    table = TruthTable(space.name, imported.columns, metadata)
    # The cache saves time only, so a folder that cannot be written is not a failure.
    with contextlib.suppress(OSError, StoreError):
        cached.parent.mkdir(parents=True, exist_ok=True)
        save_table(table, cached)
    return table
