"""A training step on another device: what is read from it, and what is sent to it.

The device is torch's `meta`, which has shapes and no values: whatever reads a value from it fails,
as `.item()` and the truth of a tensor do. So these tests need no GPU.
"""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.errors import DivergedError
from harness.images import dataset
from harness.monitor import SilentMonitor
from harness.strategies import load_strategy
from harness.strategies.ogd_settings import OgdSettings
from harness.strategies.projection import RlsProjector
from harness.testing.strategies import Row
from harness.training import loop
from harness.training.loop import Trainer
from tests.contract.strategies import ROWS
from tests.tiny import assert_same_state, tiny_config, tiny_data, tiny_trainer

STEPS = 4
META = torch.device("meta")
# `nullspace` is left out: torch's eigendecomposition, at each refresh, waits for a GPU anyway
NAMES = (
    *("spos", "ogd-covariance", "ogd-rls", "spos-norm-matched", "spos-trace-matched"),
    *("random-projector", "fairnas", "sandwich", "nsas", "wpl", "novelty"),
    *("ogd-macro", "ogd-macro-rls"),
)
CHECKED = ("aten::cholesky_inverse", "aten::_linalg_eigh", "aten::_linalg_check_errors")
"""Operations that read from a GPU, though not from `meta`, whether they failed."""


class Transfers(TorchDispatchMode):
    """Notes operations that wait for a device: blocking copies, mixed devices, and `CHECKED`.

    A CPU's scalar beside tensors of a device is neither: it is an argument of the kernel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = dict(zip((a.name for a in func._schema.arguments), args, strict=False))
        given |= kwargs or {}
        tensors = [value for value in tree_leaves(given) if isinstance(value, Tensor)]
        devices = {t.device.type for t in tensors if t.dim() or t.device == META}
        if given.get("device") is not None and func._schema.name == "aten::_to_copy":
            devices.add(torch.device(given["device"]).type)
        is_checked = META.type in devices and func._schema.name in CHECKED
        if is_checked or (len(devices) > 1 and not given.get("non_blocking")):
            self.waiting.append(str(func))
        return func(*args, **(kwargs or {}))


class Creations(TorchFunctionMode):
    """Notes tensors made of numbers on a device, which waits for it unless it is `meta`."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func is torch.tensor and torch.device((kwargs or {}).get("device") or "cpu") == META:
            self.waiting.append("torch.tensor")
        return func(*args, **(kwargs or {}))


@pytest.fixture
def on_meta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training run on `meta`, which has no autocast and no group of foreach kernels."""
    monkeypatch.setattr(torch, "autocast", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(torch.nn.utils.clip_grad, "_device_has_foreach_support", lambda _: True)


def make(row: Row) -> Trainer:
    config = tiny_config(strategy=row.strategy, steps=STEPS, **row.settings)
    return Trainer(config, tiny_data().to(META), load_strategy(config.strategy))


@pytest.mark.usefixtures("on_meta")
@pytest.mark.parametrize("name", NAMES)
def test_a_step_neither_reads_from_a_gpu_nor_waits_for_what_it_sends(name: str) -> None:
    trainer = make(next(row for row in ROWS if row.name == name))
    dataset._by_channel.cache_clear()  # a first step is held to it too
    with Transfers() as transfers, Creations() as creations:
        for _ in range(STEPS):
            trainer.train_step()
    assert transfers.waiting + creations.waiting == []


@pytest.mark.usefixtures("on_meta")
def test_what_waits_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make(ROWS[0])
    chosen = trainer.sampler.chosen
    monkeypatch.setattr(trainer.sampler, "chosen", lambda step: torch.arange(16).to(META))
    with Transfers() as transfers:
        trainer.train_step()
    assert transfers.waiting == ["aten._to_copy.default"]
    monkeypatch.setattr(trainer.sampler, "chosen", lambda step: torch.arange(16))
    with Transfers() as transfers:
        trainer.train_step()
    assert transfers.waiting == ["aten.index.Tensor"] * 2
    with Transfers() as transfers:
        torch.linalg.cholesky(torch.eye(3, device=META))
    assert transfers.waiting == ["aten._linalg_check_errors.default"]
    monkeypatch.setattr(trainer.sampler, "chosen", chosen)
    monkeypatch.setattr(loop, "READ_EVERY", 1)
    with pytest.raises(RuntimeError, match="meta"):
        make(ROWS[0]).train_step()


def test_losses_read_at_intervals_are_those_read_at_once() -> None:
    config = tiny_config(probe_every=3)
    at_once, later = tiny_trainer(config), tiny_trainer(config)
    later._read_every = 5
    read = []
    for _ in range(config.steps):
        assert at_once.train_step() == later.train_step()
        assert at_once.loss == at_once.log.tables["steps"]["loss"][-1]
        read.append(len(later._log.tables.get("steps", {"step": []})["step"]))
    assert read == [0, 0, 3, 3, 5, 6, 6, 6]  # a measurement of disturbance reads them too
    assert_same_state(at_once.state_dict(), later.state_dict())


def test_a_loss_that_is_read_late_is_named_with_its_own_step_and_is_not_saved() -> None:
    trainer = tiny_trainer(tiny_config())
    trainer._read_every = 4
    trainer.train_step()
    with torch.no_grad():
        trainer.network.classifier.bias.fill_(math.nan)
    trainer.train_step()
    trainer.train_step()
    with pytest.raises(DivergedError, match=r"^The loss became nan at step 1 on path"):
        trainer.train_step()
    with pytest.raises(DivergedError, match="The loss became nan at step 1"):
        trainer.state_dict()


def break_weights(trainer: Trainer, after: int) -> None:
    """Let a trainer's losses be no number once so many steps are done."""
    step = trainer.train_step

    def train_step() -> Tensor:
        if trainer.step == after:
            with torch.no_grad():
                trainer.network.classifier.bias.fill_(math.nan)
        return step()

    trainer.train_step = train_step  # type: ignore[method-assign]


def train(trainer: Trainer) -> None:
    while trainer.step < trainer.config.steps:
        trainer.train_step()


@pytest.mark.parametrize("after", [3, 6, 7])
def test_the_rank_that_measures_learns_of_a_divergence_no_later_than_the_others(after: int) -> None:
    # had another rank stopped first, the first would report a lost rank, to be run again
    noticed = []
    for probe_every in (3, 0):
        trainer = tiny_trainer(tiny_config(probe_every=probe_every, steps=12))
        trainer._read_every = 4
        break_weights(trainer, after)
        with pytest.raises(DivergedError, match=f"at step {after} "):
            train(trainer)
        noticed.append(trainer.step)
    first, other = noticed
    assert first <= other


def test_time_that_steps_take_on_a_gpu_counts_as_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trainer = tiny_trainer(
        tiny_config(rank_snapshots=2, snapshot_every=1, checkpoint_every=3, probe_every=2)
    )
    trainer._read_every = 100
    clock = [0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])
    read = trainer._read_losses

    def read_losses() -> None:
        clock[0] += len(trainer._unread)  # steps are done when one waits for them
        read()

    monkeypatch.setattr(trainer, "_read_losses", read_losses)
    trainer.run(tmp_path, SilentMonitor(), lambda *_: None)
    assert {part: s for part, s in trainer.timings.items() if s} == {"train": trainer.config.steps}


def test_no_checkpoint_to_rank_with_is_kept_of_a_training_that_diverged(tmp_path: Path) -> None:
    trainer = tiny_trainer(tiny_config(rank_snapshots=2, snapshot_every=2, checkpoint_every=8))
    trainer._read_every = 100
    break_weights(trainer, after=4)
    with pytest.raises(DivergedError, match="at step 4 "):
        trainer.run(tmp_path, SilentMonitor(), lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_a_covariance_that_cannot_be_factorised_ends_the_training() -> None:
    trainer = tiny_trainer(
        tiny_config(strategy="ogd", ogd={"projector": "covariance", "refresh": 1})
    )
    trainer.train_step()
    trainer.train_step()
    for projector in trainer.strategy.state_dict()["projectors"].values():
        projector["top"][0, 0], projector["top"][1, 1] = -1e9, 2e9
    trainer.train_step()  # the stem's projector learns at every second use, so it is refreshed now
    trainer.train_step()
    with pytest.raises(DivergedError, match="The loss became nan at step 4"):
        trainer.train_step()


@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_rls_computes_the_same_where_its_numbers_are_not_read(alpha: float) -> None:
    read, unread = (RlsProjector(24, torch.device("cpu"), OgdSettings(alpha=alpha)) for _ in "ab")
    generator = torch.Generator().manual_seed(0)
    for scale in (1.0, 0.0, 1e-9, 3.0, 1.0):  # zeros, and what is zero but for rounding
        patches = scale * torch.rand(1, 24, generator=generator)
        read.store(patches)
        unread.device = META if unread.matrix() is not None else torch.device("cpu")
        unread.store(patches)
    assert read.matrix() is not None
    # one division is made as a product with the reciprocal
    torch.testing.assert_close(read.matrix(), unread.matrix(), rtol=1e-6, atol=1e-7)
