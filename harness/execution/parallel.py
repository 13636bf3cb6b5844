"""One run on several ranks: all train its supernet together, the first does everything else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.distributed.launch import Launch
from harness.distributed.ranks import Ranks, join
from harness.errors import (
    DivergedError,
    HarnessError,
    Interrupted,
    MismatchError,
    RankError,
    UsageError,
)
from harness.estimators import SUPERNET
from harness.execution.conditions import Conditions
from harness.execution.engines.base import describe_end, needs_no_work
from harness.execution.engines.worker import work
from harness.execution.experiment import describe_start
from harness.execution.machine import prepare_process, resolve_device
from harness.execution.runner import RunsOutcome, resolve_config
from harness.images import load_run_images
from harness.monitor import STARTED, Event, Monitor
from harness.runs.folder import RunFolder, under_stored_name
from harness.settings.dotted import differences
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.strategies import load_strategy
from harness.supernet.base import SuperNet
from harness.training.log import TrainingLog
from harness.training.loop import Trainer
from harness.truth import find_truth


def run_on_ranks(
    config: RunConfig, launch: Launch, conditions: Conditions, monitor: Monitor
) -> RunsOutcome:
    """Compute one run as one of the ranks that torchrun started.

    Args:
        config: The run, not yet resolved; the same on every rank.
        launch: This process's place among the ranks.
        conditions: The options of the command. Every rank reads the data; only the first uses the
            run's folder.
        monitor: Receives the progress; can stop the run, on any rank.

    Returns:
        The finished run on the first rank, an empty outcome on the others.

    Raises:
        UsageError: If the batch cannot be divided equally, or there is nothing to train.
        Interrupted: If the monitor of a rank asked to stop; every rank stops at the same step.
        RankError: If another rank is gone.
        HarnessError: If something else fails that a user can fix.
    """
    data_dir = conditions.data_dir
    truth = find_truth(config.dataset, data_dir, load_space(config.space), may_lack=True)
    resolved = resolve_config(config, truth)
    if launch.rank == 0:
        resolved = under_stored_name(resolved, conditions.out)
    _check_parts(resolved, launch.size)
    monitor = _LaunchedMonitor(monitor)
    if launch.rank == 0:
        with (
            _telling(resolved, conditions, monitor),
            join(launch, resolve_device(resolved)) as ranks,
        ):
            return RunsOutcome([_lead(resolved, conditions, monitor, ranks)], [])
    with join(launch, resolve_device(resolved)) as ranks:
        try:
            _follow(resolved, data_dir, monitor, ranks)
        except (Interrupted, DivergedError, RankError) as error:  # the first rank reports it
            raise SystemExit(error.exit_code) from error
        return RunsOutcome([], [])


@contextmanager
def _telling(config: RunConfig, conditions: Conditions, monitor: Monitor) -> Iterator[None]:
    """Tell the monitor that the run starts and how it ends, as engines do."""
    computed = not needs_no_work(config, conditions)
    if computed:
        monitor.event(Event(config.run_id, STARTED, {}))
    try:
        yield
    except HarnessError as error:
        monitor.event(describe_end(config, conditions, error, computed))
        raise
    monitor.event(describe_end(config, conditions, None, computed))


class _LaunchedMonitor:
    """A monitor that also stops the run when torchrun, which watches the ranks, is gone."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._parent = os.getppid()
        self.progress = monitor.progress
        self.notice = monitor.notice
        self.event = monitor.event

    def should_stop(self) -> bool:
        return self._monitor.should_stop() or os.getppid() != self._parent


def _check_parts(config: RunConfig, n_ranks: int) -> None:
    if config.estimator != SUPERNET:
        raise UsageError(
            f"torchrun trains one supernet on several ranks, and '{config.estimator}' trains none. "
            "Run the same command without torchrun; its runs share their work by themselves."
        )
    if config.batch_size % n_ranks:
        raise UsageError(
            f"batch_size = {config.batch_size} cannot be divided equally among {n_ranks} ranks. "
            f"Give a multiple of {n_ranks}, such as --set "
            f"batch_size={-(-config.batch_size // n_ranks) * n_ranks}, or another number of ranks."
        )


def _lead(config: RunConfig, conditions: Conditions, monitor: Monitor, ranks: Ranks) -> RunFolder:
    """Compute the run, or find it finished; tell the other ranks either way."""
    told = _Told(ranks)
    try:
        work(config, conditions, monitor, ranks=told)
        return conditions.folder(config)
    finally:
        if not told.anything:  # the run is finished, or cannot be started
            told.broadcast(None)


class _Told(Ranks):
    """Ranks that remember whether anything was shared."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__(ranks.rank, ranks.size)
        self.anything = False

    def broadcast(self, value: Any) -> Any:
        self.anything = True
        return super().broadcast(value)


def _follow(config: RunConfig, data_dir: Path | None, monitor: Monitor, ranks: Ranks) -> None:
    """Train together with the first rank, if it says that there is something to train."""
    data = load_run_images(config, data_dir)
    start: dict[str, Any] | None = ranks.broadcast(None)
    if start is None:
        return
    own = describe_start(config, start["execution"], data)
    if own != start:
        differing = [f"{key} is {a!r}, not {b!r}" for key, a, b in differences(own, start)]
        raise MismatchError(
            f"Rank {ranks.rank} has other settings or data than rank 0: {'; '.join(differing)}. "
            "Give every rank the same command and the same data."
        )
    prepare_process(start["execution"])
    data = data.to(start["execution"]["device"])
    trainer = Trainer(config, data, load_strategy(config.strategy), ranks)
    trainer.run(Path(), monitor, _evaluate_nothing)
    ranks.leave()


def _evaluate_nothing(network: SuperNet, step: int, log: TrainingLog) -> None:
    """Leave evaluations to the first rank."""
