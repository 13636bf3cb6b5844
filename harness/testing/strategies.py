"""The laws of a training strategy: functions that raise AssertionError where one is broken.

    from harness.testing.strategies import check_strategy

    def test_my_strategy(tmp_path):
        check_strategy("my_package.strategies:Mine", tmp_path)

`LAWS` holds the same laws one by one, for a parametrised test over `Row`s.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch

from harness.monitor import SilentMonitor
from harness.spaces.values import Architecture
from harness.strategies.base import WeightedPath
from harness.testing.tiny import assert_same_state, copy_weights_of, tiny_config, tiny_trainer
from harness.training.checkpoint import load_checkpoint, save_checkpoint
from harness.training.loop import Trainer

STEPS = 8
BASELINE = "spos"


def check_strategy(strategy: str, folder: Path, **settings: Any) -> None:
    """Hold a strategy to all laws.

    Args:
        strategy: A registered name, or `package.module:Class`.
        folder: An empty folder.
        **settings: Further settings of the run; `space` is one.
    """
    for law in LAWS:
        law(Row(strategy, strategy, settings, same_paths=False), folder)


class Row(NamedTuple):
    """One strategy under its settings.

    Attributes:
        name: What the tests call it.
        strategy: Name of the strategy.
        settings: Further settings of the run, such as `space`.
        same_paths: Whether it trains the very paths that the baseline trains.
    """

    name: str
    strategy: str
    settings: dict[str, Any]
    same_paths: bool = True


def make(row: Row, **settings: Any) -> Trainer:
    """Make the tiny trainer of a row."""
    layers = {"strategy": row.strategy, "steps": STEPS, **row.settings, **settings}
    return tiny_trainer(tiny_config(**layers))


def train(trainer: Trainer, steps: int) -> Trainer:
    """Train some steps."""
    for _ in range(steps):
        trainer.train_step()
    return trainer


@contextmanager
def _watched_paths(trainer: Trainer) -> Iterator[list[Architecture]]:
    """Collect the architectures that the strategy says it trains."""
    archs: list[Architecture] = []
    sample = trainer.strategy.sample_paths

    def sample_paths(step: int, rng: Any) -> Sequence[WeightedPath]:
        paths = sample(step, rng)
        archs.extend(path.arch for path in paths)
        return paths

    with mock.patch.object(trainer.strategy, "sample_paths", sample_paths):
        yield archs


def every_step_is_finite_and_moves_the_weights(row: Row, folder: Path) -> None:
    """Losses and weights stay finite; each step moves something."""
    trainer = make(row)
    for _ in range(STEPS):
        before = copy_weights_of(trainer)
        assert math.isfinite(trainer.train_step())
        assert all(weight.isfinite().all() for weight in trainer.weights.values())
        assert any(not torch.equal(before[n], w) for n, w in trainer.weights.items())


def the_same_seed_gives_the_same_bits(row: Row, folder: Path) -> None:
    """Two runs of one seed agree in weights, momentum, log and the strategy's own state."""
    first, second = train(make(row, probe_every=4), STEPS), train(make(row, probe_every=4), STEPS)
    assert_same_state(first.state_dict(), second.state_dict())
    other = train(make(row, seed=1), STEPS).weights
    assert any(not torch.equal(weight, other[name]) for name, weight in first.weights.items())


def initial_weights_paths_and_batches_depend_on_the_seed_alone(row: Row, folder: Path) -> None:
    """A comparison with the baseline is paired: both start and see the same."""
    same: dict[str, Any] = {
        key: row.settings[key] for key in ("precision", "space") if key in row.settings
    }
    baseline = Row(BASELINE, BASELINE, same)
    ours, theirs = make(row, seed=3), make(baseline, seed=3)
    assert_same_state(copy_weights_of(ours), copy_weights_of(theirs))
    for step in (0, 1, STEPS):
        assert_same_state(ours.sampler.batch(step), theirs.sampler.batch(step))
    if not row.same_paths:
        return
    for trainer in (ours, theirs):
        train(trainer, STEPS)
    paths = [trainer.log.tables["steps"]["path_index"] for trainer in (ours, theirs)]
    assert paths[0] == paths[1]
    assert ours.log.tables["steps"]["loss"][0] == theirs.log.tables["steps"]["loss"][0]


def a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(row: Row, folder: Path) -> None:
    """Whichever step the checkpoint is of, within an epoch (3) and at its end (6)."""
    whole = train(make(row, probe_every=2), STEPS).state_dict()
    for stopped_at in (3, 6):
        save_checkpoint(folder, train(make(row, probe_every=2), stopped_at).state_dict())
        resumed = make(row, probe_every=2)
        state = load_checkpoint(folder, SilentMonitor())
        assert state is not None
        resumed.load_state_dict(state)
        assert resumed.step == stopped_at
        assert_same_state(train(resumed, STEPS - stopped_at).state_dict(), whole)


def _weights_on(trainer: Trainer, archs: Sequence[Architecture]) -> set[str]:
    """Return the names of the weights that get a gradient from architectures."""
    network = copy.deepcopy(trainer.network)
    images, _ = trainer.sampler.batch(0)
    for arch in archs:
        network(images, arch).sum().backward()
    return {name for name, weight in network.named_parameters() if weight.grad is not None}


def weights_off_the_path_do_not_move_at_all(row: Row, folder: Path) -> None:
    """Neither momentum of earlier steps nor weight decay touches them, not by one bit."""
    trainer = make(row, momentum=0.9, weight_decay=0.1, schedule="constant", steps=12)
    momentum = trainer.state_dict()["momentum"]
    ever_moved: set[str] = set()
    n_off = n_kept = 0  # weights that were off the path; those of them with momentum
    for _ in range(12):
        before = copy_weights_of(trainer)
        momentum_before = {name: value.clone() for name, value in momentum.items()}
        with _watched_paths(trainer) as archs:
            trainer.train_step()
        on_path = _weights_on(trainer, archs)
        n_off += len(trainer.network.searchable - on_path)
        for name in trainer.network.searchable - on_path:
            weight = trainer.weights[name]
            assert torch.equal(weight, before[name]), f"{name} moved off the path"
            assert weight.grad is None
            if name in momentum_before:
                assert torch.equal(momentum[name], momentum_before[name])
                n_kept += 1
        ever_moved |= {n for n, w in trainer.weights.items() if not torch.equal(w, before[n])}
    assert n_kept > 0 or n_off == 0  # a path of all weights, in every step, leaves none
    assert ever_moved & trainer.network.searchable


def the_loop_alone_computes_gradients_and_moves_weights(row: Row, folder: Path) -> None:
    """One backward pass a path; no call of the strategy changes a weight or leaves a gradient."""
    trainer = make(row)

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            before = copy_weights_of(trainer)
            result = method(*args, **kwargs)
            assert_same_state(copy_weights_of(trainer), before, method.__name__)
            return result

        return call

    for name in ("sample_paths", "adjust_gradients", "transform_update", "remember"):
        setattr(trainer.strategy, name, guarded(getattr(trainer.strategy, name)))
    backward = mock.Mock(wraps=torch.autograd.backward)
    grad = mock.Mock(wraps=torch.autograd.grad)
    with (
        mock.patch("torch.autograd.backward", backward),
        mock.patch("torch.autograd.grad", grad),
        _watched_paths(trainer) as archs,
    ):
        for _ in range(4):
            trainer.train_step()
            assert all(weight.grad is None for weight in trainer.weights.values())
    assert backward.call_count == len(archs)
    assert grad.call_count == 0


LAWS = (
    every_step_is_finite_and_moves_the_weights,
    the_same_seed_gives_the_same_bits,
    initial_weights_paths_and_batches_depend_on_the_seed_alone,
    a_resumed_run_equals_an_uninterrupted_one_bit_for_bit,
    weights_off_the_path_do_not_move_at_all,
    the_loop_alone_computes_gradients_and_moves_weights,
)
"""Each takes a row and an empty folder, and raises AssertionError if the law is broken."""
