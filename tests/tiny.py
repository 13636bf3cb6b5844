"""Runs small enough for a test, beside what `harness.testing.tiny` has for everybody's tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.distributed.ranks import ALONE
from harness.estimators.base import Task
from harness.monitor import Event, Monitor, Progress, SilentMonitor
from harness.runs.folder import RunFolder
from harness.settings.run import RunConfig
from harness.spaces import load_space
from harness.strategies import load_strategy, strategy_settings
from harness.strategies.base import Context, Strategy
from harness.strategies.ogd_settings import OgdSettings
from harness.supernet.base import SuperNet
from harness.testing.tiny import (
    BATCH,
    N_TRAIN,
    N_VALIDATION,
    assert_same_state,
    copy_weights_of,
    tiny_config,
    tiny_data,
    tiny_trainer,
)
from harness.truth import TruthTable, find_truth

__all__ = [
    "BATCH",
    "N_TRAIN",
    "N_VALIDATION",
    "Recorder",
    "Stopping",
    "assert_same_state",
    "copy_weights_of",
    "tiny_config",
    "tiny_data",
    "tiny_network",
    "tiny_strategy",
    "tiny_task",
    "tiny_trainer",
]


def tiny_task(
    config: RunConfig,
    out: Path,
    truth: TruthTable | None = None,
    monitor: Monitor | None = None,
    beside: tuple[str, ...] = (),
) -> Task:
    """Make the task of a run in a folder of run folders, on tiny images."""
    return Task(
        config,
        RunFolder(out / config.run_id),
        tiny_data(),
        find_truth("tiles") if truth is None else truth,
        monitor or SilentMonitor(),
        ALONE,
        None,
        lambda **facts: None,
        {},
        {},
        beside,
    )


class Stopping(SilentMonitor):
    """Asks to stop after some reports."""

    def __init__(self, after: int) -> None:
        self.left = after

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def read_by_projector(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of `ogd` that its projector reads; others are refused."""
    read = OgdSettings(projector=table.get("projector", "rls")).stored()
    return {key: value for key, value in table.items() if key in read}


def tiny_strategy(
    config: RunConfig, weights: Mapping[str, Tensor] | None = None, batches_per_epoch: int = 6
) -> Strategy:
    """Make the strategy of a run by itself; by default it knows of no weights."""
    weights = weights or {}
    context = Context(
        load_space(config.space),
        config.seed,
        config.steps,
        batches_per_epoch,
        strategy_settings(config),
        frozenset(name for name in weights if name.startswith("cells.")),
    )
    return load_strategy(config.strategy)(context, weights)


def tiny_network(seed: int = 0, space: str = "nb201") -> SuperNet:
    """Make an untrained supernet for the tiny data."""
    return load_space(space).networks(tiny_data().network_shape(4, 1)).supernet(seed)


class Recorder(SilentMonitor):
    """Keeps what it is told, and asks to stop after some number of questions."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.asked = 0
        self.notices: list[str] = []
        self.seen: list[Progress] = []
        self.events: list[Event] = []

    def progress(self, progress: Progress) -> None:
        self.seen.append(progress)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def notice(self, message: str) -> None:
        self.notices.append(message)

    def should_stop(self) -> bool:
        self.asked += 1
        return self.stop_after is not None and self.asked >= self.stop_after


def randn(*shape: int, seed: int = 0) -> Tensor:
    """Draw standard normal numbers from a seed."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
