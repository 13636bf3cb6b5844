"""Supernets of spaces other than NAS-Bench-201 are trained, evaluated, ranked and resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import Interrupted, UsageError
from harness.estimators.classes import count_classes
from harness.estimators.supernet.final_ranking import FinalRanking, Ranking
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.ranker import Ranker
from harness.files.journal import Journal
from harness.spaces import load_space
from harness.supernet.weights import hash_weights
from harness.training.checkpoint import CURRENT, load_checkpoint
from harness.training.loop import Trainer
from tests.tiny import Recorder, assert_same_state, tiny_config, tiny_data, tiny_trainer

MACRO, TOY, ENDLESS = "macro", "tests.spaces.toy:Toy", "tests.spaces.endless:Endless"
N = 12


def train(folder: Path, monitor: Recorder, **settings: Any) -> Trainer:
    config = tiny_config(probe_every=3, rank_every=4, **settings)
    trainer = tiny_trainer(config)
    folder.mkdir(exist_ok=True)
    trainer.run(folder, monitor, Ranker(config, tiny_data()).evaluate)
    return trainer


def journal_of(folder: Path, trainer: Trainer) -> Journal:
    weights = hash_weights(trainer.network)
    return open_journal(folder / "ranking.jsonl", trainer.config, weights)


def rank(folder: Path, trainer: Trainer, monitor: Recorder) -> Ranking:
    journal = journal_of(folder, trainer)
    ranker = Ranker(trainer.config, tiny_data(), monitor)
    return FinalRanking(ranker, [trainer.network], ranker.space.prefix(N), journal).rank()


@pytest.mark.parametrize("bn_mode", ["batch", "recalibrated"])
@pytest.mark.parametrize(
    ("space", "strategy"),
    [
        (MACRO, "spos"),
        (MACRO, "ogd"),
        ("nb101-ss2", "ogd"),
        (TOY, "spos"),
        (TOY, "ogd"),
        (TOY, "fairnas"),
        (ENDLESS, "spos"),
        (ENDLESS, "ogd"),
    ],
)
def test_any_space_is_trained_and_ranked_and_resumes_exactly(
    tmp_path: Path, space: str, strategy: str, bn_mode: str
) -> None:
    settings = {"space": space, "strategy": strategy, "bn_mode": bn_mode}
    whole = train(tmp_path / "whole", Recorder(), **settings)
    with pytest.raises(Interrupted):
        train(tmp_path / "cut", Recorder(stop_after=3), **settings)
    resumed = train(tmp_path / "cut", Recorder(), **settings)
    assert_same_state(resumed.state_dict(), whole.state_dict())

    ranking = rank(tmp_path / "whole", whole, Recorder())
    with pytest.raises(Interrupted):
        rank(tmp_path / "cut", resumed, Recorder(stop_after=3))
    assert rank(tmp_path / "cut", resumed, Recorder()).rows == ranking.rows

    rows, known = ranking.rows["shared"], load_space(space)
    for key, row in zip(known.prefix(N), rows, strict=True):
        assert row["space"] == known.name
        assert known.parse(row["arch"]) == known.at(key)
        assert "nb201_index" not in row
        assert row["status"] == "ok"
    done = journal_of(tmp_path / "whole", whole).rows
    computed = {row["class_index"] for row in done}
    assert len(computed) == count_classes(known, known.prefix(N))
    assert len(computed) < N or known.n_networks  # whose first names are of distinct networks
    assert set(whole.log.tables["interim_scores"]) == {"step", "arch_key", "loss", "accuracy"}


def test_keys_of_a_space_without_end_survive_a_checkpoint(tmp_path: Path) -> None:
    trainer = train(tmp_path, Recorder(), space=ENDLESS)
    state = load_checkpoint(tmp_path, Recorder())
    assert state is not None
    keys = trainer.log.tables["steps"]["path_index"]
    assert max(keys) > 2**53
    assert state["log"]["steps"]["path_index"].tolist() == keys
    assert all(isinstance(arch, str) for arch in state["recent"])
    assert (tmp_path / CURRENT).exists()


def test_a_strategy_that_needs_a_grid_does_not_train_a_space_without_one() -> None:
    with pytest.raises(UsageError, match=r"'StrictFairness' needs a grid.* 'endless' is not one"):
        tiny_trainer(tiny_config(space=ENDLESS, strategy="fairnas"))


def test_a_checkpoint_of_an_earlier_version_keeps_its_recent_paths() -> None:
    trainer = tiny_trainer(tiny_config())
    trainer.train_step()
    state = trainer.state_dict()
    older = {**state, "recent": [trainer.meter.recent[0].ops]}
    again = tiny_trainer(tiny_config())
    again.load_state_dict(older)
    assert again.meter.recent == trainer.meter.recent
