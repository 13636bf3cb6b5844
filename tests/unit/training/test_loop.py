"""The training loop: held to torch's own SGD, and to changing nothing by watching."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.errors import CheckpointError, DivergedError, Interrupted, MismatchError
from harness.estimators.supernet.ranker import Ranker
from harness.settings.run import RunConfig
from harness.spaces.nb201.encoding import arch_at
from harness.strategies.base import Strategy, WeightedPath
from harness.supernet.base import SuperNet
from harness.training.disturbance import PROBE_SETS
from harness.training.log import TrainingLog
from harness.training.loop import Trainer
from harness.training.sgd import learning_rate
from tests.tiny import (
    Recorder,
    assert_same_state,
    copy_weights_of,
    tiny_config,
    tiny_data,
    tiny_trainer,
)


def train(config: RunConfig, folder: Path) -> Trainer:
    """Run to the end in a folder, with a ranker where one is due."""
    folder.mkdir(exist_ok=True)
    trainer = tiny_trainer(config)
    trainer.run(folder, Recorder(), Ranker(config, tiny_data()).evaluate)
    return trainer


def test_the_cosine_schedule_falls_from_lr_to_almost_zero() -> None:
    config = tiny_config(lr=0.2, steps=100)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] == 0.2
    assert rates[50] == pytest.approx(0.1, rel=1e-12)
    assert rates[25] == pytest.approx(0.1 * (1 + math.sqrt(0.5)), rel=1e-12)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 1e-4


def test_the_constant_schedule_is_constant() -> None:
    config = tiny_config(lr=0.2, steps=100, schedule="constant")
    assert {learning_rate(config, step) for step in range(100)} == {0.2}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.0, "weight_decay": 0.0, "clip_norm": 0.0},
        {"momentum": 0.5, "weight_decay": 0.1, "clip_norm": 0.01, "schedule": "constant"},
    ],
)
def test_plain_training_is_torchs_sgd_on_the_weights_of_the_path(settings: dict[str, Any]) -> None:
    config = tiny_config(**settings)
    trainer = tiny_trainer(config)
    network = copy.deepcopy(trainer.network)
    optimiser = torch.optim.SGD(
        network.parameters(),
        lr=config.lr,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )
    for step in range(config.steps):
        loss = trainer.train_step()
        arch = arch_at(int(trainer.log.tables["steps"]["path_index"][step]))
        images, labels = trainer.sampler.batch(step)
        optimiser.zero_grad(set_to_none=True)  # so weights off the path are left out, momentum too
        expected = F.cross_entropy(network(images, arch), labels)
        expected.backward()
        if config.clip_norm:
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
        optimiser.param_groups[0]["lr"] = learning_rate(config, step)
        optimiser.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
        for name, weight in network.named_parameters():
            # float32, and sums may be taken in another order
            torch.testing.assert_close(trainer.weights[name], weight, rtol=1e-5, atol=1e-6)


def test_a_loss_that_is_not_finite_stops_the_run_and_says_where() -> None:
    trainer = tiny_trainer(tiny_config(lr=0.3, seed=5))
    trainer.train_step()
    before = copy_weights_of(trainer)
    with torch.no_grad():
        trainer.network.classifier.bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match=r"^The loss became nan at step 1 on path \|") as caught:
        trainer.train_step()
    for part in (r"strategy 'spos'", "lr 0.3", "seed 5", "(index ", "Try a smaller --set lr="):
        assert part in str(caught.value)
    assert trainer.step == 1
    assert torch.equal(trainer.weights["stem.weight"], before["stem.weight"])


def test_every_step_is_logged() -> None:
    trainer = tiny_trainer(tiny_config())
    losses = [trainer.train_step() for _ in range(3)]
    table = trainer.log.tables["steps"]
    assert table["step"] == [0, 1, 2]
    assert table["loss"] == losses
    assert table["n_paths"] == [1, 1, 1]
    assert table["lr"] == [learning_rate(trainer.config, step) for step in range(3)]
    assert all(math.isfinite(loss) for loss in losses)
    assert losses[0] == pytest.approx(math.log(37), abs=1.0)  # an untrained network guesses


def test_a_log_comes_back_exactly_through_its_state() -> None:
    log = TrainingLog()
    rows = [{"a": 0.1 + 0.2, "b": 5e-324}, {"a": float(2**53), "b": -0.0}]
    for row in rows:
        log.add("first", row)
    log.add("second", {"only": 1})
    again = TrainingLog()
    again.load_state_dict(log.state_dict())
    assert again.tables == log.tables
    assert again.tables["first"] == {"a": [0.1 + 0.2, float(2**53)], "b": [5e-324, -0.0]}
    assert all(t.dtype == torch.float64 for t in log.state_dict()["first"].values())
    again.add("second", {"only": 2})
    assert again.tables["second"] == {"only": [1, 2]}
    assert log.tables["second"] == {"only": [1]}


def test_a_row_without_one_of_the_columns_is_a_bug_and_says_so() -> None:
    log = TrainingLog()
    log.add("t", {"a": 1, "b": 2})
    with pytest.raises(KeyError, match="b"):
        log.add("t", {"a": 1})


def test_a_checkpoint_whose_log_has_columns_of_its_own_is_refused_by_name() -> None:
    log = TrainingLog()
    log.load_state_dict({"t": {"a": torch.ones(1), "b": torch.ones(1)}})
    with pytest.raises(CheckpointError, match=r"table 't' has columns .* not log: 'b'\. Remove"):
        log.add("t", {"a": 1})


def test_asking_to_stop_saves_a_checkpoint_from_which_the_same_run_goes_on(tmp_path: Path) -> None:
    config = tiny_config(probe_every=2, rank_every=2)
    whole = train(config, tmp_path / "whole")
    folder = tmp_path / "stopped"
    folder.mkdir()
    ranker = Ranker(config, tiny_data())
    for stop_after, message in ((3, "3 of 8"), (2, "5 of 8")):
        with pytest.raises(Interrupted, match=rf"^Stopped at step {message}\.$"):
            tiny_trainer(config).run(folder, Recorder(stop_after), ranker.evaluate)
        assert (folder / "checkpoint.pt").exists()
    last = tiny_trainer(config)
    last.run(folder, Recorder(), ranker.evaluate)
    assert_same_state(last.state_dict(), whole.state_dict())


@pytest.mark.parametrize("questions", [1, 3, 7, 10])
def test_a_stop_in_the_middle_of_an_evaluation_loses_nothing(
    tmp_path: Path, questions: int
) -> None:
    config = tiny_config(rank_every=4, rank_every_archs=3, train_loss_archs=4)
    whole = train(config, tmp_path / "whole")
    folder = tmp_path / "stopped"
    folder.mkdir()
    stopping = Ranker(config, tiny_data(), Recorder(questions))
    with pytest.raises(Interrupted, match="in the evaluation after step"):
        tiny_trainer(config).run(folder, Recorder(), stopping.evaluate)
    last = train(config, folder)
    assert_same_state(last.state_dict(), whole.state_dict())


def test_asking_to_stop_at_the_last_step_is_no_interruption(tmp_path: Path) -> None:
    config = tiny_config(steps=2)
    trainer = tiny_trainer(config)
    trainer.run(tmp_path, Recorder(stop_after=2), Ranker(config, tiny_data()).evaluate)
    assert trainer.step == 2


def test_training_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    config = tiny_config(steps=2)
    first, second = train(config, tmp_path), train(config, tmp_path)
    assert_same_state(first.state_dict(), second.state_dict())
    assert len(second.log.tables["curve"]["step"]) == 1


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    train(tiny_config(steps=2), tmp_path)
    with pytest.raises(MismatchError, match="other settings"):
        train(tiny_config(steps=2, lr=0.05), tmp_path)


def test_progress_is_told_of_every_step(tmp_path: Path) -> None:
    config = tiny_config(steps=3)
    monitor = Recorder()
    tiny_trainer(config).run(tmp_path, monitor, Ranker(config, tiny_data()).evaluate)
    seen = [(p.run_id, p.phase, p.done, p.total) for p in monitor.seen]
    assert seen == [(config.run_id, "train", done, 3) for done in (1, 2, 3)]
    assert all(p.loss is not None and math.isfinite(p.loss) for p in monitor.seen)


def test_a_checkpoint_is_saved_every_so_many_steps_and_after_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    monkeypatch.setattr(
        "harness.training.loop.save_checkpoint", lambda folder, state: saved.append(state["step"])
    )
    train(tiny_config(steps=8, checkpoint_every=3), tmp_path)
    assert saved == [3, 6, 8]


@pytest.mark.parametrize(
    ("rank_every", "loss_every", "due"),
    [(3, 0, [3, 6, 8]), (0, 3, [3, 6, 8]), (6, 2, [2, 4, 6, 8]), (0, 0, [8])],
)
def test_evaluation_happens_when_due_and_after_the_last_step(
    tmp_path: Path, rank_every: int, loss_every: int, due: list[int]
) -> None:
    config = tiny_config(steps=8, rank_every=rank_every, loss_every=loss_every)
    steps: list[int] = []

    def evaluate(network: SuperNet, step: int, log: TrainingLog) -> None:
        steps.append(step)

    tiny_trainer(config).run(tmp_path, Recorder(), evaluate)
    assert steps == due


def test_disturbance_is_measured_every_so_many_steps() -> None:
    config = tiny_config(steps=12, probe_every=4, probe_paths=3)
    trainer = tiny_trainer(config)
    for _ in range(12):
        trainer.train_step()
    table = trainer.log.tables["disturbance"]
    assert sorted(set(table["step"])) == [3, 7, 11]  # after 4, 8 and 12 steps
    for step in (3, 7, 11):
        sets = [
            PROBE_SETS[int(s)]
            for s, at in zip(table["probe_set"], table["step"], strict=True)
            if at == step
        ]
        assert sets.count("trained") == 1
        assert sets.count("recent") == 3
        assert sets.count("fixed") in (2, 3)  # the trained path's own class is left out


@pytest.mark.parametrize("strategy", ["spos", "ogd"])
@pytest.mark.parametrize(
    "watching",
    [{"probe_every": 2}, {"rank_every": 2}, {"loss_every": 3}, {"probe_every": 1, "rank_every": 3}],
)
def test_watching_changes_nothing_in_training(
    tmp_path: Path, strategy: str, watching: dict[str, int]
) -> None:
    plain = train(tiny_config(strategy=strategy), tmp_path / "plain")
    watched = train(tiny_config(strategy=strategy, **watching), tmp_path / "watched")
    assert_same_state(copy_weights_of(watched), copy_weights_of(plain))
    assert watched.log.tables["steps"] == plain.log.tables["steps"]
    for part in ("momentum", "strategy"):
        assert_same_state(watched.state_dict()[part], plain.state_dict()[part])


def test_seconds_are_kept_by_part_and_add_up_over_a_resumption(tmp_path: Path) -> None:
    config = tiny_config(steps=4, probe_every=2, rank_every=2)
    with pytest.raises(Interrupted, match="Stopped at step 2 of 4"):
        tiny_trainer(config).run(tmp_path, Recorder(2), Ranker(config, tiny_data()).evaluate)
    before = tiny_trainer(config)
    before.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    after = train(config, tmp_path)
    assert set(after.timings) == {"train", "probe", "evaluate", "checkpoint"}
    for part in ("train", "probe", "evaluate"):
        assert after.timings[part] > before.timings[part] > 0


class TwoPaths(Strategy):
    """Trains two fixed paths with unequal weights."""

    archs = (arch_at(6111), arch_at(10676))

    def sample_paths(self, step: int, rng: np.random.RandomState) -> list[WeightedPath]:
        return [WeightedPath(self.archs[0], 0.25), WeightedPath(self.archs[1], 0.75)]


def test_a_step_of_several_paths_follows_the_weighted_sum_of_their_losses() -> None:
    config = tiny_config(momentum=0, weight_decay=0, clip_norm=0)
    trainer = Trainer(config, tiny_data(), TwoPaths)
    network = copy.deepcopy(trainer.network)
    images, labels = trainer.sampler.batch(0)
    first, second = (F.cross_entropy(network(images, arch), labels) for arch in TwoPaths.archs)
    total = first / 4 + 3 * second / 4
    total.backward()
    before = copy_weights_of(trainer)
    assert trainer.train_step().item() == pytest.approx(total.item(), rel=1e-6)
    for name, weight in network.named_parameters():
        expected = before[name] if weight.grad is None else before[name] - config.lr * weight.grad
        torch.testing.assert_close(trainer.weights[name], expected, rtol=1e-5, atol=1e-6)
