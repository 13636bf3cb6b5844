"""What the 12-epoch trainings on CIFAR-10 took: a public file of the RoBoT project.

A list of `{place: place, "arch": string, "valacc": percent, "cost": seconds}`, one an architecture;
the accuracies are those of `cifar10-valid`, `valid`, 12 epochs.

Reference: He et al., Robustifying and Boosting Training-Free Neural Architecture Search, 2024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import TruthError
from harness.files.datadir import resolve_data_dir, user_cache_dir
from harness.spaces import load_space
from harness.truth.importers.pickles import SAFE, load_pickle
from harness.truth.query import TruthQuery

FILE = Path("nb201_more", "robot_nb2_cf10_hp12_info.p")
"""In the data folder."""

QUERY = TruthQuery("cifar10-valid", "valid", 12)


def find_seconds(data_dir: Path | None, query: TruthQuery) -> Mapping[int, float] | None:
    """Return the seconds of each training, by index; None of others, or without the file.

    Raises:
        TruthError: If the file is damaged.
        DataError: If the data folder that was named does not exist.
    """
    path = (resolve_data_dir(data_dir) or user_cache_dir()) / FILE
    if query != QUERY or not path.is_file():
        return None
    space = load_space("nb201")
    rows = load_pickle(path.read_bytes(), SAFE, str(path))
    if not isinstance(rows, list):
        raise _unfit(path, rows)
    seconds = {}
    for row in rows:
        match row:
            case {"arch": str(text), "cost": float(cost)} if math.isfinite(cost) and cost >= 0:
                seconds[space.key(space.parse(text))] = cost
            case _:
                raise _unfit(path, row)
    return seconds


def _unfit(path: Path, what: Any) -> TruthError:
    return TruthError(
        f"{path}: {what!r:.80} is not the cost of an architecture's training. Get the file again, "
        "or remove it: seconds are then unknown."
    )
