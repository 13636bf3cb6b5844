"""NAS-Bench-101's published results: the public arrays, the official file, and the usual truth.

Nothing outside this folder and `harness/spaces/nb101/` knows the benchmark's matrices or hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.published import Download, Entry, Format, Published, Table
from harness.truth.query import TruthQuery

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

_COMMIT = "c8d9c7153f098f97fde65e007594fd87202f298d"
_FOLDER = "nb101"
RAW = f"{_FOLDER}/test.npy"
_FILES = {
    "test.npy": "b4fef45e66f986cbbdd1dd182a0456438a7e34e3124c2929300c87c0ef25fcc5",
    "flops.npy": "f584163bf2bc6d74366a6530d135cb209b9b9d4ec374dd5f3c9993849ff6fd41",
}
_SIZE = 3_389_120
_SHA256 = "426a28e33fd5dda6169e4c53e5a9d30bd85d26477ac4c4074aabaae0165adcf6"


def _formats() -> Mapping[str, Format]:
    from harness.truth.importers.nb101.arrays import is_arrays, read_arrays
    from harness.truth.importers.nb101.official import is_official, read_official

    return {
        "arrays": Format("the folder of test.npy and flops.npy", is_arrays, read_arrays),
        "official": Format("the official .tfrecord of NAS-Bench-101", is_official, read_official),
    }


def _make(path: Path) -> TruthTable:
    from harness.spaces import load_space
    from harness.truth.importers.importing import import_truth

    return import_truth(path.parent, "arrays", space=load_space("nb101"))


def _make_of(paths: Sequence[Path]) -> TruthTable:
    return _make(paths[0])


def _entries() -> tuple[Entry, ...]:
    url = f"https://raw.githubusercontent.com/Tongzhou0101/ObfuNAS/{_COMMIT}/data"
    return (
        Entry(
            "nb101",
            "NAS-Bench-101: test accuracy of the first of three repeats, all 423,624 cells",
            "MIT (the arrays' repository); Apache-2.0 (the benchmark's)",
            "https://github.com/google-research/nasbench",
            tuple(
                Download(f"{_FOLDER}/{name}", (f"{url}/{name}",), f"sha256:{sha}", _SIZE)
                for name, sha in _FILES.items()
            ),
            Table("nb101/truth.parquet", _make_of, _SHA256),
        ),
    )


PUBLISHED = Published(
    queries={"cifar10": TruthQuery("cifar10", "test", 108)},
    datasets=("cifar10",),
    formats=_formats,
    entries=_entries,
    raw={RAW: _make},
)
