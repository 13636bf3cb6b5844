"""Both public forms of TransNAS-Bench-101's results.

- Best epoch: a JSON file for each space and task, `micro_class_scene.json`, a list of
  `[string, value]`: the best of a training's epochs.
- Final epoch: NASLib's zip archive of JSON files, `benchmark--transbench101_micro--normal--0.json`
  and so on, lists of `{"arch": "(1, 3, 0, 3, 2, 1)", "val_accuracy": ...}`.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import TruthError
from harness.spaces import Space, load_space
from harness.spaces.transnas.encoding import TASKS
from harness.truth.importers.base import Imported, ImportOptions, hash_listing
from harness.truth.importers.pickles import refuse_damage
from harness.truth.importers.transnas.values import (
    BEST,
    EPOCHS,
    FINAL,
    MOST_BYTES,
    Value,
    check_value,
    finish,
    kind_of,
    malformed,
    read_file,
)
from harness.truth.metric import TruthMetric

_BEST_FILE = re.compile(rf"(micro|macro)_({'|'.join(TASKS)})\.json")
_FINAL_MEMBER = re.compile(
    rf"(?:.*/)?benchmark--transbench101_(micro|macro)--({'|'.join(TASKS)})--\d+\.json"
)
_MOST_MEMBERS = 500


def is_public(path: Path, _start: bytes = b"") -> bool:
    """Say whether a path is a folder with a public form, or one of its files."""
    return any(True for _ in _find_files(path))


def _find_files(path: Path) -> Iterator[Path]:
    """Yield the files of both public forms, in a folder and its subfolders."""
    inside = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in inside:
        if _BEST_FILE.fullmatch(file.name) or (file.suffix == ".zip" and _has_results(file)):
            yield file


def _has_results(file: Path) -> bool:
    try:
        with refuse_damage(str(file)), zipfile.ZipFile(file) as archive:
            return any(map(_FINAL_MEMBER.fullmatch, archive.namelist()))
    except TruthError:
        return False


def read_public(path: Path, options: ImportOptions) -> Imported:
    """Read the files of both public forms that a folder has.

    Args:
        path: The folder, or one file.
        options: What the caller asks for; its space says which of the two is read.

    Returns:
        A row for each architecture, task and form.

    Raises:
        TruthError: If a file cannot be read, holds anything else, or lacks architectures.
    """
    space = options.space or load_space("transnas-micro")
    hashes: dict[str, str] = {}
    values: list[Value] = []
    files = list(_find_files(path))
    for place, file in enumerate(files):
        content = read_file(file)
        found = list(_of_file(file, content, space))
        if found:
            hashes[file.name] = hashlib.sha256(content).hexdigest()
        values += found
        options.watch(place + 1, len(files))
    return finish(values, hash_listing(hashes), space, options, str(path))


def _of_file(file: Path, content: bytes, space: Space) -> Iterator[Value]:
    named = _BEST_FILE.fullmatch(file.name)
    if named is None:
        yield from _of_archive(file, content, space)
    elif named[1] == kind_of(space):
        yield from _of_rows(_parse(content, str(file)), named[2], BEST, _read_pair, str(file))


def _of_archive(file: Path, content: bytes, space: Space) -> Iterator[Value]:
    for where, task, member in _unpack(file, content, kind_of(space)):
        yield from _of_rows(_parse(member, where), task, FINAL, _read_record, where)


def _unpack(file: Path, content: bytes, kind: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the task and the content of the members of one of the spaces."""
    with refuse_damage(str(file)), zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise malformed(str(file), f"it has {len(members):,} members")
        for member in members:
            named = _FINAL_MEMBER.fullmatch(member.filename)
            if named is None or named[1] != kind:
                continue
            where = f"{file}, {member.filename}"
            if member.file_size > MOST_BYTES:
                raise malformed(where, f"it has {member.file_size:,} bytes unpacked")
            yield where, named[2], archive.read(member)


def _of_rows(
    rows: Any,
    task: str,
    metrics: Mapping[str, TruthMetric],
    read: Callable[[Any], tuple[str, Any] | None],
    where: str,
) -> Iterator[Value]:
    if not isinstance(rows, list):
        raise malformed(where, "it is not a list")
    metric = metrics[task]
    for row in rows:
        found = read(row)
        if found is None:
            raise malformed(where, f"{row!r:.80} is not an architecture and its value")
        text, value = found
        yield Value(text, task, metric.name, EPOCHS[task], check_value(value, metric, where))


def _read_pair(row: Any) -> tuple[str, Any] | None:
    is_pair = isinstance(row, list) and len(row) == 2 and isinstance(row[0], str)
    return (row[0], row[1]) if is_pair else None


def _read_record(row: Any) -> tuple[str, Any] | None:
    is_record = isinstance(row, Mapping) and isinstance(row.get("arch"), str)
    return (row["arch"], row.get("val_accuracy")) if is_record else None


def _parse(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise malformed(where, f"it is no JSON ({error!s:.80})") from error
