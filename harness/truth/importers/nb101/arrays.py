"""The public arrays of NAS-Bench-101: numbers of all cells, in the order of ascending hashes.

`test.npy` has the accuracy on the test images after 108 epochs, of the first of three repeats;
`flops.npy` the operations of each network. Neither names its cells: they are enumerated
(`harness/spaces/nb101/`), and the operations say whether the order is theirs.

Reference: Ying et al., NAS-Bench-101, 2019, arXiv 1902.09635.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.nb101.cost import BENCHMARK_SHAPE, count
from harness.spaces.nb101.encoding import N_CELLS
from harness.truth.importers.base import Imported, ImportOptions, hash_listing
from harness.truth.importers.nb101.rows import EPOCHS, N_IMAGES, NOTES, make_rows
from harness.truth.table import NOTES_KEY

ACCURACY, FLOPS = "test.npy", "flops.npy"
_MOST_BYTES = 2**24
_OFF_GRID = 0.01
"""Images that an accuracy may be off a whole number of them; the array is from float32."""
_TOLD_EACH = 20_000


def is_arrays(path: Path, _start: bytes = b"") -> bool:
    """Say whether a path is a folder of both arrays."""
    return path.is_dir() and (path / ACCURACY).is_file() and (path / FLOPS).is_file()


def read_arrays(path: Path, options: ImportOptions) -> Imported:
    """Read both arrays of a folder.

    Args:
        path: The folder.
        options: What the caller asks for.

    Returns:
        A row for each cell.

    Raises:
        TruthError: If an array cannot be read, has another shape, or its numbers are not those of
            the benchmark's networks.
    """
    hashes: dict[str, str] = {}
    accuracy = _load(path / ACCURACY, hashes)
    flops = _load(path / FLOPS, hashes)
    is_share = (accuracy >= 0) & (accuracy <= 1)
    images = np.where(is_share, accuracy, 0) * N_IMAGES
    right = np.round(images)
    off = ~is_share | (np.abs(images - right) > _OFF_GRID)
    if off.any():
        row = int(np.flatnonzero(off)[0])
        raise TruthError(
            f"{path / ACCURACY}, row {row}: {float(accuracy[row])} is no share of {N_IMAGES:,} "
            "images. Get it again with 'harness data fetch nb101'."
        )
    space = load_space("nb101")
    for row in range(N_CELLS):
        if count(space.at(row), BENCHMARK_SHAPE)[1] != flops[row]:
            raise TruthError(
                f"{path / FLOPS}, row {row}: {float(flops[row])} are not the operations of the "
                "network there, so the order is not that of ascending hashes. Get both arrays "
                "again with 'harness data fetch nb101'."
            )
        if row % _TOLD_EACH == 0:
            options.watch(row, N_CELLS)
    rows = make_rows(np.arange(N_CELLS), right * 100 / N_IMAGES)
    return Imported(
        rows.assign(split="test", epochs=EPOCHS, trial=0),
        hash_listing(hashes),
        metadata={NOTES_KEY: "\n".join(NOTES)},
        space=space,
    )


def _load(file: Path, hashes: dict[str, str]) -> npt.NDArray[np.float64]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise TruthError(
                f"{file}: the array takes at most {_MOST_BYTES:,} bytes. Get it again."
            )
        content = file.read_bytes()
    except OSError as error:
        raise TruthError(
            f"{file} cannot be read: {error.strerror or error}. Both arrays belong in one folder; "
            "get them with 'harness data fetch nb101'."
        ) from error
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged file can fail in any way
        raise TruthError(
            f"{file} cannot be read as an array: {error!s:.200}. Get it again."
        ) from error
    is_fine = isinstance(array, np.ndarray) and array.shape == (N_CELLS,)
    if not is_fine or array.dtype.kind not in "fiu":
        raise TruthError(
            f"{file}: this is no array of {N_CELLS:,} numbers, one a cell. Get it again with "
            "'harness data fetch nb101'."
        )
    hashes[file.name] = hashlib.sha256(content).hexdigest()
    with np.errstate(all="ignore"):  # what is too large is refused
        return np.asarray(array, dtype=np.float64)
