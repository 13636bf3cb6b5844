"""Weight plasticity: the gradient added is that of the penalty, written out over all steps."""

from __future__ import annotations

from unittest import mock

import pytest
import torch
from torch import Tensor

from harness.training.loop import Trainer
from tests.tiny import (
    assert_same_state,
    copy_weights_of,
    tiny_config,
    tiny_strategy,
    tiny_trainer,
)

ALPHA, DECAY = 0.5, 0.8


def make(**settings: object) -> Trainer:
    wpl = {"alpha": ALPHA, "decay": DECAY, **settings}
    return tiny_trainer(tiny_config(strategy="wpl", wpl=wpl, steps=12))


def naive_penalty(weight: Tensor, history: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Sum the penalty over (gradient, weight after the step) of the steps that trained it."""
    penalty, total = torch.zeros(()).double(), torch.zeros_like(weight)
    for age, (gradient, after) in enumerate(reversed(history)):
        importance = (1 - DECAY) * DECAY**age * gradient.double() ** 2
        penalty = penalty + (importance * (weight - after.double()) ** 2).sum()
        total = total + importance
    return ALPHA / 2 * penalty / total.mean()


def test_the_gradient_added_is_that_of_the_penalty() -> None:
    trainer = make()
    strategy = trainer.strategy
    history: dict[str, list[tuple[Tensor, Tensor]]] = {}
    raw: dict[str, Tensor] = {}
    n_compared = 0
    adjust = strategy.adjust_gradients

    def adjust_gradients(gradients: dict[str, Tensor]) -> None:
        nonlocal n_compared
        raw.clear()
        raw.update({name: gradient.clone() for name, gradient in gradients.items()})
        adjust(gradients)
        for name, gradient in gradients.items():
            weight = trainer.weights[name].detach().double().requires_grad_()
            steps = history.get(name, [])
            if not steps or not any(g.abs().max() > 0 for g, _ in steps):
                assert torch.equal(gradient, raw[name])
                continue
            with torch.enable_grad():
                (expected,) = torch.autograd.grad(naive_penalty(weight, steps), weight)
            # float32 sums of differences of nearly equal numbers
            torch.testing.assert_close(gradient - raw[name], expected.float(), rtol=1e-2, atol=2e-5)
            n_compared += 1

    with mock.patch.object(strategy, "adjust_gradients", adjust_gradients):
        for _ in range(12):
            trainer.train_step()
            for name, gradient in raw.items():
                after = trainer.weights[name].detach().clone()
                history.setdefault(name, []).append((gradient, after))
    assert n_compared > 50


def test_drift_is_drawn_back_and_most_where_it_mattered() -> None:
    weights = {"w": torch.zeros(3)}
    strategy = tiny_strategy(tiny_config(strategy="wpl", wpl={"alpha": 1.0}), weights)
    strategy.adjust_gradients({"w": torch.tensor([2.0, 1.0, 0.0])})
    strategy.remember(0, {}, torch.Generator())
    weights["w"].fill_(0.5)  # another path moves the weight
    gradient = torch.zeros(3)
    strategy.adjust_gradients({"w": gradient})
    # importance 4, 1 and 0, over their mean
    torch.testing.assert_close(gradient, 0.5 * torch.tensor([4.0, 1.0, 0.0]) / (5 / 3))


def test_right_after_one_step_there_is_no_drift_to_penalise() -> None:
    first, plain = make(), tiny_trainer(tiny_config(steps=12))
    for trainer in (first, plain):
        trainer.train_step()
    assert_same_state(copy_weights_of(first), copy_weights_of(plain))


@pytest.mark.parametrize("alpha", [0.0])
def test_without_strength_it_is_plain_path_sampling(alpha: float) -> None:
    wpl, plain = make(alpha=alpha), tiny_trainer(tiny_config(steps=12))
    for trainer in (wpl, plain):
        for _ in range(6):
            trainer.train_step()
    assert_same_state(copy_weights_of(wpl), copy_weights_of(plain))
