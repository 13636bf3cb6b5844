"""Ranking: each class once, exactly resumable, and honest about what has no score."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.errors import DataError, Interrupted
from harness.estimators.classes import class_key, count_classes
from harness.estimators.supernet.final_ranking import FinalRanking
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.measuring import SharedBatch, evaluate_path
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.readout import ReadoutSums
from harness.monitor import Progress
from harness.scores import save_scores
from harness.settings.run import READOUTS
from harness.spaces import load_space
from harness.spaces.nb201.cell import conv_key
from harness.spaces.nb201.encoding import Arch, arch_at, enumerate_archs, sample_indices
from harness.spaces.nb201.network import NB201SuperNet
from harness.spaces.nb201.space import NB201
from harness.training.log import TrainingLog
from tests.tiny import Recorder, tiny_config, tiny_data, tiny_network

SPACE = load_space()
DEAD = [arch.nb201_index for arch in enumerate_archs() if not arch.is_live][:4]
"""Four architectures of one class."""

INDICES = [DEAD[0], *sample_indices(6), *DEAD[1:]]
CONV_3, NONE = 3, 0
N_BATCHES = 2


def rank(
    folder: Path, network: NB201SuperNet, monitor: Recorder | None = None, **settings: Any
) -> list[dict[str, Any]]:
    config = tiny_config(**settings)
    journal = open_journal(folder / "ranking.jsonl", config, "the weights")
    ranker = Ranker(config, tiny_data(), monitor)
    return FinalRanking(ranker, [network], INDICES, journal).rank().rows["shared"]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """Count how often each architecture is really computed, on one of the two batches."""
    counts: Counter[int] = Counter()
    score = SharedBatch.score

    def count(batch: SharedBatch[ReadoutSums], arch: Arch) -> ReadoutSums:
        counts[arch.nb201_index] += 1
        return score(batch, arch)

    monkeypatch.setattr(SharedBatch, "score", count)
    return counts


def test_each_class_is_computed_once_and_its_members_get_the_same_score(
    tmp_path: Path, scored: Counter[int]
) -> None:
    rows = rank(tmp_path, tiny_network())
    assert set(scored.values()) == {N_BATCHES}
    assert len(scored) == count_classes(SPACE, INDICES) == 7
    by_index = {row["nb201_index"]: row for row in rows}
    assert [row["nb201_index"] for row in rows] == INDICES
    assert len({by_index[index]["score"] for index in DEAD}) == 1
    assert len({row["score"] for row in rows}) == 7


def test_the_score_is_minus_the_loss_that_evaluating_each_architecture_gives(
    tmp_path: Path,
) -> None:
    network, config = tiny_network(), tiny_config()
    images = Ranker(config, tiny_data()).images
    for row in rank(tmp_path, network):
        expected = evaluate_path(network, arch_at(row["nb201_index"]), images)
        assert (row["loss"], row["accuracy"]) == expected
        assert row["score"] == -row["loss"]
        assert row["status"] == "ok"
        assert row["arch_str"] == str(arch_at(row["nb201_index"]))


def test_a_class_is_named_by_its_representative() -> None:
    assert {class_key(SPACE, index) for index in DEAD} == {Arch((0,) * 6).nb201_index}
    assert count_classes(SPACE, range(len(enumerate_archs()))) == 9_445  # method.md


@pytest.mark.parametrize("stop_after", [1, 3, 7, 13])
def test_a_ranking_that_was_stopped_goes_on_to_the_same_rows(
    tmp_path: Path, scored: Counter[int], stop_after: int
) -> None:
    network = tiny_network()
    whole = rank(tmp_path / "whole", network)
    scored.clear()
    with pytest.raises(Interrupted, match=rf"^Stopped after {stop_after} of 14 evaluations\.$"):
        rank(tmp_path / "cut", network, Recorder(stop_after))
    assert sum(scored.values()) == stop_after
    assert rank(tmp_path / "cut", network) == whole
    assert set(scored.values()) == {N_BATCHES}
    assert len(scored) == 7


def test_a_ranking_that_is_done_computes_nothing(tmp_path: Path, scored: Counter[int]) -> None:
    first = rank(tmp_path, tiny_network())
    scored.clear()
    assert rank(tmp_path, tiny_network()) == first
    assert not scored


def test_a_stop_after_the_last_evaluation_is_no_interruption(tmp_path: Path) -> None:
    assert len(rank(tmp_path, tiny_network(), Recorder(14))) == len(INDICES)


def test_progress_counts_each_class_on_each_batch(tmp_path: Path) -> None:
    monitor = Recorder()
    rank(tmp_path, tiny_network(), monitor)
    run_id = tiny_config().run_id
    assert monitor.seen == [
        *(Progress(run_id, "rank", done, 14) for done in range(1, 15)),
        Progress(run_id, "rank", 14, 14),
    ]


@pytest.mark.parametrize("other", ["weights", "settings"])
def test_a_journal_of_other_weights_or_settings_is_refused(tmp_path: Path, other: str) -> None:
    path = tmp_path / "ranking.jsonl"
    open_journal(path, tiny_config(), "aaa").append([{"class_index": 0}])
    config = tiny_config(seed=1) if other == "settings" else tiny_config()
    with pytest.raises(DataError, match=r"ranking\.jsonl was begun for .*, not for "):
        open_journal(path, config, "bbb" if other == "weights" else "aaa")


@pytest.mark.parametrize(
    "row",
    [
        {"class_index": 0, "loss": 1.0, "correct": 3},  # of an older version
        {"part": 0, "class_index": 0, "shared": [1.0, 3]},  # one readout only
        {"part": -1, "class_index": 0} | {name: [1.0, 3] for name in READOUTS},
        {"nb201_index": 0, "seed": 1, "accuracy": 90.0},  # of a truth under way
    ],
)
def test_a_whole_row_of_another_journal_is_refused_by_its_line(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    rank(tmp_path, tiny_network())
    journal = open_journal(tmp_path / "ranking.jsonl", tiny_config(), "the weights")
    journal.append([row])
    with pytest.raises(DataError, match=rf"line {len(journal.rows) + 1}: .* is not a row of a"):
        rank(tmp_path, tiny_network())


def test_a_row_of_an_architecture_or_part_that_is_not_asked_for_changes_no_score(
    tmp_path: Path,
) -> None:
    expected = rank(tmp_path / "clean", tiny_network())
    foreign = sample_indices(1, offset=6)[0]
    assert foreign not in INDICES
    sums: dict[str, Any] = {readout: [0.0, 32] for readout in READOUTS}
    journal = open_journal(tmp_path / "ranking.jsonl", tiny_config(), "the weights")
    journal.append([{"part": 0, "class_index": foreign, **sums}])
    journal.append([{"part": N_BATCHES, "class_index": class_key(SPACE, INDICES[0]), **sums}])
    assert rank(tmp_path, tiny_network()) == expected


def test_a_loss_that_is_not_finite_is_a_failed_row_without_a_score(tmp_path: Path) -> None:
    network = tiny_network()
    broken = (0, CONV_3)  # edge, op
    with torch.no_grad():
        network.cells[0].convs[conv_key(*broken)].weight.fill_(float("nan"))
    uses = Arch((CONV_3, NONE, NONE, NONE, CONV_3, NONE))
    config = tiny_config()
    indices = [uses.nb201_index, DEAD[0]]
    for _ in range(2):  # the second time from the journal
        journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
        ranker = Ranker(config, tiny_data())
        rows = FinalRanking(ranker, [network], indices, journal).rank().rows["shared"]
        failed, fine = rows
        assert failed["status"] == "failed"
        assert [failed[name] for name in ("score", "loss", "accuracy")] == [None, None, None]
        assert fine["status"] == "ok"
    assert "NaN" not in (tmp_path / "ranking.jsonl").read_text()


def test_rows_are_in_the_schema_of_a_score_file(tmp_path: Path) -> None:
    import pandas as pd

    save_scores(pd.DataFrame(rank(tmp_path, tiny_network())), tmp_path / "scores.parquet")


def test_recalibrated_batch_norm_gives_other_scores(tmp_path: Path) -> None:
    network = tiny_network()
    own = rank(tmp_path / "batch", network)
    recalibrated = rank(tmp_path / "recalibrated", network, bn_mode="recalibrated")
    live = [n for n, index in enumerate(INDICES) if arch_at(index).is_live]
    assert all(own[n]["score"] != recalibrated[n]["score"] for n in live)


def test_runs_of_every_seed_and_strategy_are_ranked_on_the_same_images() -> None:
    rankers = [
        Ranker(tiny_config(**settings), tiny_data())
        for settings in ({"seed": 0}, {"seed": 1}, {"strategy": "ogd"})
    ]
    for ranker in rankers[1:]:
        for (a, _), (b, _) in zip(ranker.images.batches, rankers[0].images.batches, strict=True):
            assert torch.equal(a, b)
    other = Ranker(tiny_config(split_seed=1), tiny_data())
    assert not torch.equal(other.images.batches[0][0], rankers[0].images.batches[0][0])


def test_the_training_loss_is_the_mean_over_fixed_architectures_on_training_images() -> None:
    config, network, log = tiny_config(train_loss_archs=3), tiny_network(), TrainingLog()
    ranker = Ranker(config, tiny_data())
    ranker.evaluate(network, config.steps, log)
    losses = [
        evaluate_path(network, arch_at(index), ranker._loss_images).loss
        for index in sample_indices(3)
    ]
    assert log.tables == {"curve": {"step": [8], "train_loss": [sum(losses) / 3]}}
    train = {image.numpy().tobytes() for image in tiny_data().normalise(tiny_data().train.pixels)}
    used = torch.cat([images for images, _ in ranker._loss_images.batches])
    assert {image.numpy().tobytes() for image in used} <= train


def test_the_small_ranking_is_made_before_the_last_step_alone_and_agrees_with_the_full_one(
    tmp_path: Path,
) -> None:
    config, network, log = tiny_config(rank_every=2), tiny_network(), TrainingLog()
    ranker = Ranker(config, tiny_data())
    ranker.evaluate(network, 2, log)
    ranker.evaluate(network, config.steps, log)
    table = log.tables["interim_scores"]
    assert table["step"] == [2] * 4
    assert tuple(table["nb201_index"]) == sample_indices(4)
    journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
    rows = FinalRanking(ranker, [network], sample_indices(4), journal).rank().rows["shared"]
    assert table["loss"] == [row["loss"] for row in rows]
    assert table["accuracy"] == [row["accuracy"] for row in rows]
    assert len(log.tables["curve"]["step"]) == 2


@pytest.mark.parametrize(
    "settings", [{"rank_snapshots": 2}, {"until_tau_se": 0.01, "rank_batch": 4}]
)
def test_a_final_ranking_that_is_made_otherwise_does_not_replace_the_small_one(
    settings: dict[str, Any],
) -> None:
    config = tiny_config(rank_every=2, snapshot_every=1, **settings)
    network, log = tiny_network(), TrainingLog()
    Ranker(config, tiny_data()).evaluate(network, config.steps, log)
    assert log.tables["interim_scores"]["step"] == [config.steps] * 4


@pytest.mark.parametrize("bn_mode", ["batch", "recalibrated"])
def test_the_small_ranking_and_the_training_loss_are_those_of_each_path_alone(bn_mode: str) -> None:
    config = tiny_config(rank_every=2, train_loss_archs=7, bn_mode=bn_mode)
    network, log = tiny_network(), TrainingLog()
    ranker = Ranker(config, tiny_data())
    ranker.evaluate(network, 2, log)
    table = log.tables["interim_scores"]
    for index, loss in zip(table["nb201_index"], table["loss"], strict=True):
        arch = arch_at(int(index)).representative
        assert loss == evaluate_path(network, arch, ranker.images, ranker.recalibrate_on).loss
    alone = [
        evaluate_path(network, arch_at(index).representative, ranker._loss_images).loss
        for index in sample_indices(7)
    ]
    assert log.tables["curve"]["train_loss"] == [sum(alone) / 7]


def test_between_rankings_the_training_loss_alone_is_measured() -> None:
    config, network, log = tiny_config(rank_every=4, loss_every=2), tiny_network(), TrainingLog()
    ranker = Ranker(config, tiny_data())
    for step in (2, 4, 6, 8):
        ranker.evaluate(network, step, log)
    assert log.tables["curve"]["step"] == [2, 4, 6, 8]
    assert set(log.tables["interim_scores"]["step"]) == {4}


def test_the_small_ranking_is_not_made_unless_asked_for() -> None:
    config, log = tiny_config(rank_every=0), TrainingLog()
    Ranker(config, tiny_data()).evaluate(tiny_network(), 2, log)
    assert set(log.tables) == {"curve"}


def test_settings_are_tuned_on_architectures_that_no_report_has(tmp_path: Path) -> None:
    config, log = tiny_config(rank_every=2, rank_offset=10), TrainingLog()
    Ranker(config, tiny_data()).evaluate(tiny_network(), 2, log)
    ranked = log.tables["interim_scores"]["nb201_index"]
    assert tuple(ranked) == sample_indices(4, 10) == sample_indices(14)[10:]


def test_rankings_use_validation_images_and_recalibration_training_images() -> None:
    data = tiny_data()
    ranker = Ranker(tiny_config(bn_mode="recalibrated"), data)
    assert ranker.recalibrate_on is not None

    def contents(images: Tensor) -> set[bytes]:
        return {image.numpy().tobytes() for image in images}

    train, validation = (
        contents(data.normalise(part.pixels)) for part in (data.train, data.validation)
    )
    assert not train & validation
    for images, source in ((ranker.images, validation), (ranker.recalibrate_on, train)):
        used = contents(torch.cat([batch for batch, _ in images.batches]))
        assert len(used) == 32
        assert used <= source


def test_the_training_loss_counts_every_architecture_not_every_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, network, log = tiny_config(train_loss_archs=4), tiny_network(), TrainingLog()
    alive = sample_indices(1)[0]
    monkeypatch.setattr(NB201, "prefix", lambda self, n, offset=0: (alive, *DEAD[:3])[:n])
    ranker = Ranker(config, tiny_data())
    ranker.evaluate(network, config.steps, log)
    live, dead = (
        evaluate_path(network, arch_at(index), ranker._loss_images).loss
        for index in (alive, DEAD[0])
    )
    assert live != pytest.approx(dead, rel=1e-3)
    assert log.tables["curve"]["train_loss"] == [pytest.approx((live + 3 * dead) / 4, rel=1e-12)]
