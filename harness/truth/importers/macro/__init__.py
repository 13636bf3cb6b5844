"""NAS-Bench-Macro's published results: one file, its download, and the usual truth.

Nothing outside this folder and `harness/spaces/macro/` knows the benchmark's blocks or strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.published import Download, Entry, Format, Published, Table
from harness.truth.query import TruthQuery

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

_COMMIT = "61a2bfc2ca0dce04d0997e6cf498047c27d6acf2"
_FILE = "nas-bench-macro_cifar10.json"
RAW = f"nas_bench_macro/{_FILE}"
_SHA256 = "c12c5a707a0ad9f9ecbe9bd2293d2c10c991ef1d2dcb41158492d673793307bd"


def _formats() -> Mapping[str, Format]:
    from harness.truth.importers.macro.results import is_results, read_results

    return {"macro": Format("the published JSON file", is_results, read_results)}


def _make(path: Path) -> TruthTable:
    from harness.spaces import load_space
    from harness.truth.importers.importing import import_truth

    return import_truth(path, "macro", space=load_space("macro"))


def _make_of(paths: Sequence[Path]) -> TruthTable:
    return _make(paths[0])


def _entries() -> tuple[Entry, ...]:
    url = f"https://raw.githubusercontent.com/xiusu/NAS-Bench-Macro/{_COMMIT}/data/{_FILE}"
    checksum = "sha256:686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297"
    return (
        Entry(
            "macro",
            "NAS-Bench-Macro results on CIFAR-10",
            "Apache-2.0",
            "https://github.com/xiusu/NAS-Bench-Macro",
            (Download(RAW, (url,), checksum, 1_178_821),),
            Table("macro/truth.parquet", _make_of, _SHA256),
        ),
    )


PUBLISHED = Published(
    queries={"cifar10": TruthQuery("cifar10", "test", 50)},
    datasets=("cifar10",),
    formats=_formats,
    entries=_entries,
    raw={RAW: _make},
)
