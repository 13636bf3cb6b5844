"""Latency of NAS-Bench-201's networks on devices: a public folder of torch files.

One file a device, called as it is (`raspi4.pt`; a number at the end, as in `1080ti_32.pt`, is the
batch): a list of milliseconds, one an architecture in the published order. They are of networks
for CIFAR-10, without training: on `raspi4`, `pixel3`, `eyeriss` and `fpga` they were taken from
HW-NAS-Bench.

Reference: Lee et al., HELP: Hardware-Adaptive Efficient Latency Prediction for NAS via
Meta-Learning, 2021, arXiv 2106.08630; Li et al., HW-NAS-Bench, 2021, arXiv 2103.10584.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.lookup import strings_of_keys
from harness.spaces.nb201.encoding import N_ARCHS
from harness.truth.columns import LARGEST
from harness.truth.importers.base import Imported, ImportOptions, hash_listing
from harness.truth.importers.pickles import SAFE, load_torch, refuse_damage
from harness.truth.metric import TruthMetric

FAMILY = "latency"
SUFFIX = ".pt"
_DEVICE = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")
_MOST_BYTES = 2**24
"""Of one file; 141 kB are usual."""


def is_latency(path: Path, _start: bytes = b"") -> bool:
    """Say whether a path is a folder of such files."""
    return path.is_dir() and any(path.glob(f"*{SUFFIX}"))


def read_latency(path: Path, _options: ImportOptions | None = None) -> Imported:
    """Read the files of a folder, or one of them.

    Args:
        path: The folder, or a file.

    Returns:
        A row for each architecture and device.

    Raises:
        TruthError: If there is no such file, or one is damaged, names anything but plain data, or
            is not a list of one latency an architecture.
    """
    files = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    if not files:
        raise TruthError(
            f"'{path}' has no files of latencies, one a device, such as raspi4{SUFFIX}. Get them "
            "with 'harness data fetch nb201-latency'."
        )
    space = load_space("nb201")
    index = np.arange(N_ARCHS)
    texts = strings_of_keys(index, space)
    hashes: dict[str, str] = {}
    parts = []
    for file in files:
        values = _read_device(file, hashes)
        named = {"nb201_index": index, "arch_str": texts, "metric": f"{FAMILY}:{file.stem}"}
        parts.append(pd.DataFrame(named | {"value": values}))
    rows = pd.concat(parts, ignore_index=True).assign(
        dataset="cifar10", split="test", epochs=0, trial=0, seed=-1
    )
    return Imported(
        rows,
        hash_listing(hashes),
        space=space,
        metrics=tuple(TruthMetric(name, "ms", True) for name in sorted(set(rows["metric"]))),
    )


def _read_device(file: Path, hashes: dict[str, str]) -> list[float]:
    """Return the latencies of a file in the published order, and note its hash."""
    if not _DEVICE.fullmatch(file.stem):
        raise TruthError(f"'{file}' is not called as a device, such as raspi4{SUFFIX}. Rename it.")
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise TruthError(f"{file}: latencies take at most {_MOST_BYTES:,} bytes. Get it again.")
        content = file.read_bytes()
    except OSError as error:
        raise TruthError(f"{file} cannot be read: {error.strerror or error}.") from error
    with refuse_damage(str(file)):
        values = load_torch(content, SAFE, str(file))
    if not isinstance(values, list) or len(values) != N_ARCHS or not all(map(_is_time, values)):
        raise TruthError(
            f"{file}: this is not a list of {N_ARCHS:,} latencies in milliseconds, one an "
            "architecture in the published order. Get the file again."
        )
    hashes[file.name] = hashlib.sha256(content).hexdigest()
    return list(map(float, values))


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= LARGEST
