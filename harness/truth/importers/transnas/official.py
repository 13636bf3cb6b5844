"""The official file of TransNAS-Bench-101: a dictionary of the metrics of every epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.spaces import load_space
from harness.spaces.transnas.encoding import TASKS
from harness.truth.importers.base import Imported, ImportOptions
from harness.truth.importers.pickles import SAFE, load_torch, refuse_damage
from harness.truth.importers.transnas.values import (
    BEST,
    Value,
    at_final_epoch,
    check_value,
    finish,
    kind_of,
    malformed,
    read_file,
)

OFFICIAL = {
    **dict.fromkeys(("class_scene", "class_object", "jigsaw"), "valid_top1"),
    **dict.fromkeys(("normal", "autoencoder"), "valid_ssim"),
    "segmentsemantic": "valid_mIoU",
    "room_layout": "valid_neg_loss",
}
"""What the official file calls the metric of each task."""


def is_official(path: Path, start: bytes) -> bool:
    """Say whether a path is a torch file called as the benchmark's is."""
    return (
        path.is_file()
        and path.name.startswith("transnas-bench")
        and start[:2] in (b"PK", b"\x80\x02")
    )


def read_official(path: Path, options: ImportOptions) -> Imported:
    """Read the official file, with a restricted unpickler.

    Args:
        path: The file.
        options: What the caller asks for; its space says which of the two is read.

    Returns:
        For each architecture and task the metric of the best epoch and of the final one.

    Raises:
        TruthError: If it cannot be read, names anything but plain data, holds anything else, or
            lacks architectures.
    """
    space = options.space or load_space("transnas-micro")
    name, content = str(path), read_file(path, most=2**32)
    with refuse_damage(name):
        stored = load_torch(content, SAFE, name)
    data = stored.get("data") if isinstance(stored, Mapping) else None
    networks = data.get(kind_of(space)) if isinstance(data, Mapping) else None
    if not isinstance(networks, Mapping):
        raise malformed(name, f"there are no results of the space '{kind_of(space)}'")
    values: list[Value] = []
    for text, tasks in networks.items():
        values += _of_network(text, tasks, f"{name}, {text!r:.40}")
        options.watch(len(values), len(networks) * len(TASKS) * 2)
    return finish(values, hashlib.sha256(content).hexdigest(), space, options, name)


def _of_network(text: Any, tasks: Any, where: str) -> Iterator[Value]:
    if not isinstance(text, str) or not isinstance(tasks, Mapping):
        raise malformed(where, "it is not an architecture with its tasks")
    for task in TASKS:
        record = tasks.get(task)
        metrics = record.get("metrics") if isinstance(record, Mapping) else None
        curve = metrics.get(OFFICIAL[task]) if isinstance(metrics, Mapping) else None
        if not isinstance(curve, Sequence) or isinstance(curve, str) or not len(curve):
            raise malformed(where, f"there is no '{OFFICIAL[task]}' of task '{task}'")
        checked = [check_value(value, BEST[task], where) for value in curve]
        best = min(checked) if BEST[task].is_lower_better else max(checked)
        yield Value(text, task, BEST[task].name, len(checked), best)
        yield Value(text, task, at_final_epoch(BEST[task]).name, len(checked), checked[-1])
