"""Which truth tables can be found, by which name each is asked for, and which one is meant.

Three places are looked at: the package's own tables of a space, the space's folder in the data
folder, and the user cache with what was converted once. Nothing is searched for elsewhere; any
other table is named by its path.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from harness.errors import TruthError, UsageError, unknown_name
from harness.files.datadir import resolve_data_dir, user_cache_dir
from harness.spaces import Space, load_space
from harness.truth.metric import ACCURACY
from harness.truth.parquet import header_metrics
from harness.truth.published import Table, published
from harness.truth.query import MEAN, TruthQuery
from harness.truth.sources import (
    BUILT,
    bundled_table,
    cached_pattern,
    find_truth,
    open_file,
    published_paths,
)
from harness.truth.table import TruthTable, load_table

IN_PACKAGE, IN_DATA, IN_CACHE, BY_PATH = "package", "data folder", "user cache", "path"


class Place(NamedTuple):
    """Where a table is.

    Attributes:
        name: What it is asked for by.
        path: Its file.
        origin: "package", "data folder", "user cache" or "path".
    """

    name: str
    path: Path
    origin: str


def list_places(data_dir: Path | None = None, space: Space | None = None) -> list[Place]:
    """List the tables that can be found, without opening them.

    Args:
        data_dir: Data folder; `$HARNESS_DATA`, then the user cache folder, unless given.
        space: The space whose tables are meant; `DEFAULT` unless given.

    Returns:
        The places, each with a name of its own. The published table is called as its space.

    Raises:
        DataError: If the data folder that was named does not exist.
    """
    space = space or load_space()
    data, cache = resolve_data_dir(data_dir), user_cache_dir()
    found = _list_bundled(space)
    if data is not None:
        found += [Place(name, path, IN_DATA) for name, path in _named_files(data, space)]
    if data is None or not _is_same(data, cache):
        files = [path for _, path in _named_files(cache, space)]
        found += [Place(f"cache-{path.stem}", path, IN_CACHE) for path in files]
    converted = sorted(cache.glob(cached_pattern(space)))
    found += [Place(path.stem, path, IN_CACHE) for path in converted]
    places: dict[str, Place] = {}
    for place in found:
        own = str(place.path) if place.name in places else place.name
        places.setdefault(own, place._replace(name=own))
    return list(places.values())


def open_table(
    text: str | None, data_dir: Path | None = None, space: Space | None = None
) -> tuple[Place, TruthTable]:
    """Open the table that the user means.

    Args:
        text: A name of `list_places`, or the path of a file; the published table where it is
            found, else the bundled one, unless given.
        data_dir: As for `list_places`.
        space: The space of the table; `DEFAULT` unless given, and for a path whichever it is of.

    Returns:
        Where it is, and the table.

    Raises:
        UsageError: If it is neither a name nor a path.
        TruthError: If the table is not there, is damaged or of another space.
        DataError: If the data folder that was named does not exist.
    """
    if text is not None and _is_path(text):
        path = Path(text).expanduser()
        return Place(path.stem, path, BY_PATH), load_table(path, space)
    space = space or load_space()
    places = {place.name: place for place in _list_bundled(space)}
    if text not in places:  # which no data folder is needed for
        places = {place.name: place for place in list_places(data_dir, space)}
    if text is None:
        text = space.name if space.name in places else next(iter(places), space.name)
    if text not in places:
        if text == space.name:
            # Says where it was looked for.
            find_truth(next(iter(published(space).queries), "tiles"), data_dir, space)
        error = unknown_name("truth table", text, places)
        raise type(error)(f"{error} Or give the path of a Parquet file.")
    return places[text], open_file(places[text].path, space)


def is_table(text: str, data_dir: Path | None = None, space: Space | None = None) -> bool:
    """Say whether a text names a table of `list_places`, or is written as a path."""
    return _is_path(text) or text in {place.name for place in list_places(data_dir, space)}


def list_metrics(
    data_dir: Path | None = None, space: Space | None = None
) -> dict[str, list[Place]]:
    """List what the tables that can be found measure, by their headers.

    Args:
        data_dir: As for `list_places`.
        space: As for `list_places`.

    Returns:
        The tables by metric, but those of accuracy; those whose header cannot be read are left out.

    Raises:
        DataError: If the data folder that was named does not exist.
    """
    found: dict[str, list[Place]] = {}
    for place in list_places(data_dir, space):
        with contextlib.suppress(TruthError):
            for metric in header_metrics(place.path):
                if metric != ACCURACY:
                    found.setdefault(metric.name, []).append(place)
    return found


def open_metric(
    metric: str, data_dir: Path | None = None, space: Space | None = None
) -> TruthTable:
    """Open the table that has a metric; the same one may lie in several places.

    Args:
        metric: Its name, such as "latency:raspi4".
        data_dir: As for `list_places`.
        space: As for `list_places`.

    Returns:
        The table.

    Raises:
        UsageError: If no table that can be found has it.
        TruthError: If the table is damaged, or several that differ have the metric.
        DataError: If the data folder that was named does not exist.
    """
    space = space or load_space()
    found = list_metrics(data_dir, space)
    if metric in found:
        tables = {place: open_file(place.path, space) for place in found[metric]}
        if len({table.sha256 for table in tables.values()}) > 1:
            where = ", ".join(f"'{place.name}' ({place.path})" for place in tables)
            raise TruthError(
                f"Several tables have the metric '{metric}': {where}. Judge by one of them with "
                "--truth (in Python truth=...); for anything else that names the metric, move the "
                "others out of the data folder."
            )
        return next(iter(tables.values()))
    error = unknown_name("truth metric", metric, [ACCURACY.name, *found])
    makers = [
        entry.name
        for entry in published(space).entries()
        if isinstance(entry.product, Table)
        and Path(entry.product.path).stem == metric.partition(":")[0]
    ]
    fetch = f"'harness data fetch {makers[0]}' or " if makers and not found else ""
    raise type(error)(f"{error} Get more with {fetch}'harness truth import'.")


def choose_query(
    table: TruthTable,
    dataset: str | None = None,
    split: str | None = None,
    epochs: int | None = None,
    policy: str = MEAN,
    metric: str | None = None,
) -> TruthQuery:
    """Fill in what the user left open about a query, always in the same way.

    A supernet's usual truth (CIFAR-10 test at 200 epochs, tiles test at 12) goes first; else the
    test split before the other one, and the longest training.

    Args:
        table: The table to be asked.
        dataset: Data set in the table's spelling, or None.
        split: "valid" or "test", or None.
        epochs: Length of training, epochs, or None.
        policy: Policy.
        metric: Name of the metric; unless given, accuracy where the table has it of the data set,
            or the only one, those that have a colon aside.

    Returns:
        The query; what was given is in it as it was given, whether the table has it or not.

    Raises:
        UsageError: If the policy is unknown, or it is unclear which metric is meant.
        TruthError: If the table does not have the metric.
    """
    metric = _choose_metric(table, metric, dataset)
    usual = [*list(published(table.space).queries.values())[:1], *BUILT.values()]
    groups = (group for group in table.groups() if group.metric == metric)
    keys = [(group.dataset, group.split, group.epochs) for group in groups]
    wanted = [
        key
        for key in keys
        if dataset in (None, key[0]) and split in (None, key[1]) and epochs in (None, key[2])
    ]
    firsts = [(query.dataset, query.split, query.epochs) for query in usual]
    best = max(
        wanted or keys,
        key=lambda key: (-firsts.index(key) if key in firsts else -9, key[1] == "test", key[2]),
    )
    return TruthQuery(
        best[0] if dataset is None else dataset,
        best[1] if split is None else split,
        best[2] if epochs is None else epochs,
        policy,
        metric,
    )


def _choose_metric(table: TruthTable, metric: str | None, dataset: str | None) -> str:
    names = [each.name for each in table.columns.metrics]
    if metric is not None:
        return table.metric(metric).name
    if len(names) > 1 and dataset is not None:
        of_dataset = {group.metric for group in table.groups() if group.dataset == dataset}
        names = [name for name in names if name in of_dataset] or names
    for candidates in (names, [name for name in names if ":" not in name]):
        if ACCURACY.name in candidates or len(candidates) == 1:
            return ACCURACY.name if ACCURACY.name in candidates else candidates[0]
    raise UsageError(
        f"The truth table '{table.name}' has several metrics: {', '.join(names)}. Name one with "
        "--truth-metric."
    )


def _list_bundled(space: Space) -> list[Place]:
    paths = {f"{space.name}-{dataset}": bundled_table(dataset, space) for dataset in BUILT}
    return [Place(name, path, IN_PACKAGE) for name, path in paths.items() if path.is_file()]


def _named_files(data: Path, space: Space) -> list[tuple[str, Path]]:
    """Name the tables of a space in a data folder; the published one goes first."""
    files = [path for path in sorted((data / space.name).glob("*.parquet")) if path.is_file()]
    first = next((path for path in published_paths(data, space) if path.is_file()), None)
    named = [] if first is None else [(space.name, first)]
    return named + [(path.stem, path) for path in files if path != first]


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _is_path(text: str) -> bool:
    if text.endswith(".parquet") or os.sep in text or text.startswith(("~", ".")):
        return True
    try:
        return Path(text).is_file()
    except OSError:  # such as a name that is too long for any file
        return False
