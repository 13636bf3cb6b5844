"""Accuracy under attack of NAS-Bench-201's networks on CIFAR-10: a public CSV table.

One row an architecture: `net`, six digits in NASLib's order, and a column for each attack and size
of perturbation, such as `pgd@Linf_eps-1.0` (eps in 1/255). `val_accs` is the accuracy without an
attack, which `truth.parquet` has. The attacked networks were trained for 200 epochs on all 50,000
images with seed 777, one for each class of isomorphic architectures, and attacked on test images;
so there is one trial each, and no ceiling.

Reference: Jung, Lukasik and Keuper, Neural Architecture Design and Robustness: A Dataset, 2023,
arXiv 2306.06712.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd

from harness.errors import DataError, TruthError
from harness.scores.archs import find_archs
from harness.scores.files import read_table
from harness.scores.source import read_source
from harness.spaces import load_space
from harness.truth.importers.base import Imported, ImportOptions
from harness.truth.importers.completion import check_archs
from harness.truth.metric import PERCENT, TruthMetric
from harness.truth.table import NOTES_KEY

FAMILY = "robust"
ATTACKS = {"aa_apgd-ce": "apgd", "aa_square": "square", "fgsm": "fgsm", "pgd": "pgd"}
"""Names of attacks in metrics, by those in the file; `aa` stands for AutoAttack."""

_COLUMN = re.compile(rf"({'|'.join(ATTACKS)})@Linf_eps-(\d+\.\d+)")
NET = "net"

NOTE = (
    "Robust accuracy is of one trained network for each class of isomorphic architectures (seed "
    "777), so there is no noise ceiling."
)


def is_robust(path: Path, start: bytes) -> bool:
    """Say whether a file is the table, by its first line."""
    names = start.split(b"\n", 1)[0].decode(errors="replace").strip().split(",")
    return path.is_file() and NET in names and any(map(_COLUMN.fullmatch, names))


def read_robust(path: Path, _options: ImportOptions | None = None) -> Imported:
    """Read the table.

    Args:
        path: The file.

    Returns:
        A row for each architecture and attack.

    Raises:
        TruthError: If it is damaged, has no column of an attack, or names no architecture.
    """
    name, space = str(path), load_space("nb201")
    try:
        frame = read_table(read_source(path), space)
    except DataError as error:
        raise TruthError(str(error)) from error
    found = {column: _COLUMN.fullmatch(str(column)) for column in frame.columns}
    metrics = {
        column: TruthMetric(f"{FAMILY}:{ATTACKS[match[1]]}@linf:eps={float(match[2]):g}", PERCENT)
        for column, match in found.items()
        if match is not None
    }
    if not metrics or NET not in frame or not frame.columns.is_unique or frame.empty:
        raise TruthError(
            f"{name}: this is not the table of robust accuracies, which has a column '{NET}' of "
            "architectures and one for each attack, such as 'pgd@Linf_eps-1.0', each once. Get it "
            "with 'harness data fetch nb201-robust'."
        )
    archs = find_archs(frame, space, name, column=NET, form="naslib", error=TruthError)
    named = check_archs(frame, archs, name, space)
    parts = [
        named.assign(metric=metric.name, value=frame[column]) for column, metric in metrics.items()
    ]
    rows = pd.concat(parts, ignore_index=True).assign(
        dataset="cifar10", split="test", epochs=200, trial=0, seed=777
    )
    return Imported(
        rows,
        hashlib.sha256(path.read_bytes()).hexdigest(),
        metadata={NOTES_KEY: NOTE},
        space=space,
        metrics=tuple(sorted(metrics.values())),
    )
