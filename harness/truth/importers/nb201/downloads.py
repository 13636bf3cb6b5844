"""The two ways to download NAS-Bench-201's results: 7.5 MB of public tables, or the official file.

Where checksums come from: those of the public tables from the files themselves; md5 of the
official file from public projects that agree on it, its last six digits being those in the file's
published name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.truth.importers.nb201.public_files import TABLES
from harness.truth.published import Download, Entry, Table

if TYPE_CHECKING:
    from harness.truth.table import TruthTable

TRUTH_PATH = "nb201/truth.parquet"
RAW_FOLDER = "nb201/raw"


def _import(kind: str, paths: Sequence[Path]) -> TruthTable:
    from harness.truth.importers.importing import import_truth

    return import_truth(paths[0] if len(paths) == 1 else paths[0].parent, kind)


PUBLIC = Entry(
    "nb201",
    "NAS-Bench-201 results, from six small public tables",
    "Apache-2.0 and MIT",
    "https://github.com/D-X-Y/NAS-Bench-201",
    tuple(
        Download(f"{RAW_FOLDER}/{table.file}", table.urls, f"sha256:{table.sha256}", table.size)
        for table in TABLES
    ),
    Table(
        TRUTH_PATH,
        partial(_import, "public"),
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
    Table(TRUTH_PATH, partial(_import, "nb201")),
)
