"""Scores that other rankings gave with the same weights: no architecture is scored twice.

The score of an architecture does not depend on which others are ranked, and both readouts are
always stored. A ranking that differs from a finished one only in its architectures or its readout
therefore takes over what that one has, where all that decides a bit is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from harness.errors import HarnessError
from harness.estimators.base import Row, Task
from harness.estimators.classes import class_key, distinct_classes
from harness.estimators.runs import scores_path
from harness.estimators.supernet.journal import FORMAT
from harness.estimators.supernet.reuse import same_training
from harness.monitor import SilentMonitor
from harness.runs.folder import RunFolder
from harness.runs.record import Record
from harness.scores import load_scores
from harness.settings.run import RANKING, READOUTS, Readout, RunConfig
from harness.spaces import Architecture, Space, load_space
from harness.spaces.lookup import keys_of_rows

CELLS = ("score", "loss", "accuracy", "status")
_FREE = {"n_archs", "rank_offset", "archs", "rank_readout"}
"""Settings of a ranking that the score of an architecture by a readout does not depend on."""

N_CHECKED = 256
"""Classes scored both in bf16 and in float32 on the first batch, which is the worst case, since
further batches average out."""


class Known(NamedTuple):
    """What is known of architectures before they are ranked.

    Attributes:
        cells: By readout and key of a class, the `CELLS` of its rows.
        precision: The outcome of the comparison of bf16 with float32, if it was made.
        run_ids: The runs that it comes from.
    """

    cells: Mapping[Readout, Mapping[int, Row]]
    precision: dict[str, Any] | None
    run_ids: list[str]

    def has(self, key: int) -> bool:
        """Return whether a class is known by every readout."""
        return all(key in cells for cells in self.cells.values())


NOTHING = Known({readout: {} for readout in READOUTS}, None, [])


def find_known(task: Task, weights_sha256: str) -> Known:
    """Find the scores that finished runs beside a run's folder gave with the same weights.

    Args:
        task: The run's.
        weights_sha256: Hash of the weights that it ranks with.

    Returns:
        What may be taken over; `NOTHING` for a ranking that stops once tau is known.
    """
    cells: dict[Readout, dict[int, Row]] = {readout: {} for readout in READOUTS}
    precision: dict[str, Any] | None = None
    run_ids = []
    for folder, record in _alike(task, weights_sha256):
        try:
            found = {readout: _read(folder, record, readout) for readout in READOUTS}
        except HarnessError as error:
            task.monitor.notice(f"{task.config.run_id}: scores are not taken over: {error}")
            continue
        for readout in READOUTS:
            cells[readout] |= found[readout]
        facts = ("precision", "tau_of_bf16", "n_compared")
        precision = {name: record.ranking[name] for name in facts if name in record.ranking}
        run_ids.append(record.run_id)
    return Known(cells, precision, run_ids) if run_ids else NOTHING


def _alike(task: Task, weights_sha256: str) -> Iterator[tuple[RunFolder, Record]]:
    """Find the finished rankings whose scores would have the same bits if computed here."""
    config, own = task.config, task.folder.read_record()
    if config.until_tau_se is not None:
        return
    for folder, record in same_training(config, task.folder.path, SilentMonitor()):
        other = RunConfig(**record.config)
        if (
            _fixed(config) == _fixed(other)
            and record.ranking.get("weights_sha256") == weights_sha256
            and record.ranking.get("format") == FORMAT
            and record.data.get("images_sha256") == own.data["images_sha256"]
            and _machine(record) == _machine(own)
            and (config.rank_precision == "float32" or _checks(config) == _checks(other))
        ):
            yield folder, record


def _fixed(config: RunConfig) -> dict[str, Any]:
    return config.model_dump(include=set(RANKING - _FREE))


def checked_classes(space: Space, keys: Iterable[int]) -> list[Architecture]:
    """Return the classes by which a ranking decides whether bf16 ranks as float32 does."""
    return distinct_classes(space, keys)[:N_CHECKED]


def _checks(config: RunConfig) -> tuple[Any, ...]:
    """Return what decides whether bf16 is used where it is asked for."""
    classes = checked_classes(load_space(config.space), config.ranked_keys())
    return config.rank_readout, classes


def _machine(record: Record) -> tuple[Any, ...]:
    """Return what the last bits of scores depend on besides settings and data."""
    execution = {key: value for key, value in record.execution.items() if key != "ranks"}
    return execution, {source.get("cpu") for source in record.sources}


def _read(folder: RunFolder, record: Record, readout: Readout) -> dict[int, Row]:
    config = RunConfig(**record.config)
    space = load_space(config.space)
    frame = load_scores(scores_path(folder, config, readout), space)
    cells = frame[list(CELLS)].astype(object).where(frame[list(CELLS)].notna(), None)
    return {
        class_key(space, key): dict(zip(CELLS, row, strict=True))
        for key, row in zip(keys_of_rows(frame, space).tolist(), cells.to_numpy(), strict=True)
    }
