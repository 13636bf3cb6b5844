"""A NATS-Bench topology folder, `NATS-tss-v1_0-3ffb9-simple` or `-full`.

`meta.pickle.pbz2` holds the architectures' strings, `000000.pickle.pbz2` and so on one record
each: `{'12': state, '200': state}`. The package `nats_bench` opens them with plain pickle, which
runs whatever a file says; here they are read by `load_pickle`, and the package is not needed.

Reference: Dong et al., NATS-Bench, 2021, arXiv 2009.00437.
"""

from __future__ import annotations

import bz2
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from harness.errors import TruthError
from harness.truth.importers.base import Imported, ImportOptions, hash_listing
from harness.truth.importers.nb201.records import (
    ArchRecord,
    check_missing,
    check_order,
    count_lacking,
    read_record,
    to_frame,
)
from harness.truth.importers.pickles import SAFE, Allowed, load_pickle

_WEIGHTS: Allowed = {
    ("torch._utils", "_rebuild_tensor_v2"): lambda *_parts: None,
    ("torch.storage", "_load_from_bytes"): lambda _content: None,
}
"""The `-full` folder holds trained weights too: they are stepped over, and torch is not called."""

_MOST_BYTES = 2**29
"""Of one record, decompressed; a few hundred kilobytes are usual."""

EXTENSION = ".pickle.pbz2"
META = f"meta{EXTENSION}"


def is_nats(path: Path, _start: bytes = b"") -> bool:
    """Say whether a path is a folder of records."""
    return path.is_dir() and (path / META).is_file()


def read_nats(path: Path, options: ImportOptions) -> Imported:
    """Read a NATS-Bench topology folder, one file at a time.

    Args:
        path: The folder.
        options: What the caller asks for.

    Returns:
        Its rows; the hash is over the names and hashes of its files, in the order of names.

    Raises:
        TruthError: If it is not such a folder, is of the size space or another order, a file is
            damaged or names a class that results have no use for, or records are missing.
    """
    if not is_nats(path):
        raise TruthError(
            f"'{path}' is not a NATS-Bench folder: it has no {META}. Unpack "
            "NATS-tss-v1_0-3ffb9-simple.tar and give the folder that holds that file."
        )
    hashes: dict[str, str] = {}
    meta = _load(path / META, hashes)
    strings = check_order(meta.get("meta_archs") if isinstance(meta, dict) else None, str(path))
    files = {index: _file_of(path, index) for index in range(len(strings))}
    missing = [index for index, file in files.items() if file is None]
    without = check_missing(missing, len(strings), options.allow_missing, str(path))
    records: list[ArchRecord] = []
    for done, (index, file) in enumerate(files.items(), start=1):
        if file is not None:
            records += _read_file(file, index, hashes, options.curve_epochs)
        options.watch(done, len(strings))
    return Imported(to_frame(records), hash_listing(hashes), [without, count_lacking(records)])


def _file_of(folder: Path, index: int) -> Path | None:
    """Return the file of a record; the package admits both spellings of its number."""
    names = (f"{index:06d}{EXTENSION}", f"{index}{EXTENSION}")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_file(
    file: Path, index: int, hashes: dict[str, str], curve_epochs: Collection[int]
) -> list[ArchRecord]:
    content = _load(file, hashes)
    if not isinstance(content, dict) or not content:
        raise TruthError(
            f"{file}: this is not the record of an architecture, which holds one part a number of "
            "epochs ('12', '200'). Get the folder again."
        )
    records = [read_record(state, str(file), curve_epochs) for state in content.values()]
    for record in records:
        if record.nb201_index != index:
            raise TruthError(
                f"{file}: the record is that of architecture {record.nb201_index}, not of "
                f"{index}, as the file's name says. Get the folder again."
            )
    return records


def _load(file: Path, hashes: dict[str, str]) -> Any:
    """Decompress and read one file, and note its hash."""
    try:
        compressed = file.read_bytes()
    except OSError as error:
        raise TruthError(f"{file} cannot be read: {error.strerror or error}.") from error
    hashes[file.name] = hashlib.sha256(compressed).hexdigest()
    return load_pickle(_decompress(compressed, str(file)), SAFE | _WEIGHTS, str(file))


def _decompress(compressed: bytes, name: str) -> bytes:
    """Decompress a whole file, and so compare its checksum, before anything in it is read."""
    decompressor = bz2.BZ2Decompressor()
    try:
        content = decompressor.decompress(compressed, max_length=_MOST_BYTES)
    except (OSError, ValueError) as error:
        raise TruthError(f"{name} is damaged: {error}. Get the folder again.") from error
    if decompressor.eof:
        return content
    reason = "it is cut off" if decompressor.needs_input else f"over {_MOST_BYTES:,} bytes of one"
    raise TruthError(f"{name} is not a whole record: {reason}. Get the folder again.")
