"""Ranking with the weights of several checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.errors import CheckpointError, Interrupted
from harness.estimators.supernet.final_ranking import FinalRanking
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.measuring import mean_score, sum_batch, sum_batches
from harness.estimators.supernet.ranker import Ranker
from harness.monitor import SilentMonitor
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.training.snapshots import (
    load_snapshot,
    ranking_order,
    remove_snapshots,
    save_snapshot,
    snapshot_steps,
)
from tests.tiny import Recorder, assert_same_state, tiny_config, tiny_data, tiny_network
from tests.tiny import tiny_trainer as make_trainer


def evaluate_nothing(*_: object) -> None:
    """Stand in for the rankings during training."""


def test_the_checkpoints_are_evenly_apart_and_end_with_training() -> None:
    config = tiny_config(steps=8, rank_snapshots=3, snapshot_every=3, rank_batch=8)
    assert snapshot_steps(config) == [2, 5, 8]
    assert snapshot_steps(tiny_config(steps=8)) == [8]


def test_the_order_of_ranking_is_a_fixed_mix_of_the_checkpoints() -> None:
    config = tiny_config(steps=80, rank_snapshots=16, snapshot_every=5, rank_batch=2)
    order = ranking_order(config)
    assert sorted(order) == snapshot_steps(config) != order
    assert order == ranking_order(config.model_copy(update={"seed": 5}))


@pytest.mark.parametrize("strategy", ["spos", "ogd"])
def test_training_keeps_the_weights_of_each_checkpoint_but_the_last(
    tmp_path: Path, strategy: str
) -> None:
    config = tiny_config(strategy=strategy, rank_snapshots=2, snapshot_every=3)
    trainer = make_trainer(config)
    trainer.run(tmp_path, SilentMonitor(), evaluate_nothing)
    by_hand = make_trainer(config)
    for _ in range(5):
        by_hand.train_step()
    assert_same_state(dict(load_snapshot(tmp_path, 5)), dict(by_hand.network.state_dict()))
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["step-0000005.pt"]
    remove_snapshots(tmp_path)
    assert not (tmp_path / "snapshots").exists()
    remove_snapshots(tmp_path)  # nothing left to do


def test_a_run_that_was_stopped_keeps_the_same_weights(tmp_path: Path) -> None:
    config = tiny_config(rank_snapshots=4, snapshot_every=2, rank_batch=8)
    make_trainer(config).run(tmp_path / "whole", SilentMonitor(), evaluate_nothing)
    with pytest.raises(Interrupted):
        make_trainer(config).run(tmp_path / "cut", Recorder(3), evaluate_nothing)
    make_trainer(config).run(tmp_path / "cut", SilentMonitor(), evaluate_nothing)
    for step in (2, 4, 6):
        whole, cut = (load_snapshot(tmp_path / name, step) for name in ("whole", "cut"))
        assert_same_state(whole, cut)


def test_each_batch_of_images_is_scored_with_the_weights_of_another_checkpoint(
    tmp_path: Path,
) -> None:
    networks = [tiny_network(seed) for seed in range(3)]
    config = tiny_config(rank_images=64, rank_batch=16)  # four batches: the first comes again
    ranker = Ranker(config, tiny_data())
    journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
    rows = FinalRanking(ranker, networks, sample_indices(5), journal).rank().rows["shared"]
    for row in rows:
        arch = arch_at(row["nb201_index"])
        parts = [
            sum_batches(
                networks[number % 3], arch, ranker.images.replace([batch]), None, sum_batch
            )[0]
            for number, batch in enumerate(ranker.images.batches)
        ]
        assert (row["loss"], row["accuracy"]) == mean_score(parts, 64)


def test_recalibrated_statistics_are_those_of_each_checkpoint(tmp_path: Path) -> None:
    networks = [tiny_network(seed) for seed in range(2)]
    config = tiny_config(bn_mode="recalibrated")
    ranker = Ranker(config, tiny_data())
    journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
    (row,) = FinalRanking(ranker, networks, sample_indices(1), journal).rank().rows["shared"]
    parts = [
        sum_batches(
            network,
            arch_at(row["nb201_index"]),
            ranker.images.replace([batch]),
            ranker.recalibrate_on,
            sum_batch,
        )[0]
        for network, batch in zip(networks, ranker.images.batches, strict=True)
    ]
    assert row["loss"] == mean_score(parts, 32).loss


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
def test_weights_that_are_missing_or_damaged_are_refused_by_name(
    tmp_path: Path, damage: str
) -> None:
    save_snapshot(tmp_path, 5, {"weight": torch.arange(100.0)})
    path = tmp_path / "snapshots" / "step-0000005.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(content if damage == "flipped" else content[:-50])
    with pytest.raises(CheckpointError, match=r"step-0000005\.pt is damaged or missing .* Remove"):
        load_snapshot(tmp_path, 5)
