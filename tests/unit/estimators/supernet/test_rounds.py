"""Ranking on batch after batch until tau is known: where it ends, and that it goes on exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import Interrupted
from harness.estimators.supernet import final_ranking
from harness.estimators.supernet.final_ranking import FinalRanking, Ranking
from harness.estimators.supernet.journal import open_journal
from harness.estimators.supernet.measuring import BatchSums, evaluate_path
from harness.estimators.supernet.ranker import Ranker
from harness.estimators.supernet.rounds import Goal, Rounds
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, enumerate_archs, sample_indices
from harness.stats import image_error_of_tau, kendall_tau
from tests.tiny import Recorder, tiny_config, tiny_data, tiny_network

INDICES = sample_indices(20)
TRUTH = {index: float(arch_at(index).count_op(3)) + index / 1e5 for index in INDICES}
N_BATCHES = 8


def rank(
    folder: Path, se: float | None = 1.0, monitor: Recorder | None = None, **settings: Any
) -> Ranking:
    settings = {"rank_images": 64, "rank_batch": 8, "until_tau_se": se, **settings}
    config = tiny_config(**settings)
    journal = open_journal(folder / "ranking.jsonl", config, "the weights")
    goal = None if se is None else Goal(se, TRUTH)
    ranker = Ranker(config, tiny_data(), monitor)
    return FinalRanking(ranker, [tiny_network()], INDICES, journal, goal).rank()


def without_time(ranking: Ranking) -> list[tuple[object, ...]]:
    return [tuple(seen)[:-1] for seen in ranking.rounds]


def test_it_ends_after_the_third_small_error_with_scores_of_the_images_used(
    tmp_path: Path,
) -> None:
    ranking = rank(tmp_path, se=1.0)
    assert [seen.round for seen in ranking.rounds] == [1, 2, 3, 4, 5, 6, 7]
    assert [seen.n_images for seen in ranking.rounds] == [8, 16, 24, 32, 40, 48, 56]
    assert [seen.se is None for seen in ranking.rounds] == [True] * 4 + [False] * 3
    assert ranking.facts == {
        **{"n_images": 56, "precision": "float32", "until_tau_se": 1.0, "reached": True}
    }
    images = Ranker(tiny_config(rank_images=64, rank_batch=8), tiny_data()).images
    used = images.replace(images.batches[:7])
    for row in ranking.rows["shared"]:
        expected = evaluate_path(tiny_network(), arch_at(row["nb201_index"]), used)
        assert (row["loss"], row["accuracy"]) == expected
    scores = [row["score"] for row in ranking.rows["shared"]]
    assert ranking.rounds[-1].tau == kendall_tau(scores, [TRUTH[i] for i in INDICES]).value


def test_an_error_that_is_never_reached_ends_with_all_images_and_the_same_scores(
    tmp_path: Path,
) -> None:
    monitor = Recorder()
    ranking = rank(tmp_path / "until", 1e-9, monitor)
    (notice,) = monitor.notices
    assert "from 64 images, which are all of rank_images; an error of 1e-09 was asked" in notice
    assert (len(ranking.rounds), ranking.facts["n_images"]) == (N_BATCHES, 64)
    assert ranking.facts["reached"] is False
    assert ranking.rows["shared"] == rank(tmp_path / "all", se=None).rows["shared"]


def test_each_round_tells_tau_and_its_error_in_the_progress(tmp_path: Path) -> None:
    monitor = Recorder()
    rank(tmp_path, 1.0, monitor)
    details = list(dict.fromkeys(progress.detail for progress in monitor.seen))
    assert len(details) == 8  # none at first
    assert details[1].startswith("tau ")
    assert details[1].endswith(" from 8 images")
    assert " +- " in details[5]
    assert (monitor.seen[-1].done, monitor.seen[-1].total) == (160, 160)


@pytest.mark.parametrize("stop_after", [1, 20, 21, 93, 139])
def test_it_goes_on_after_a_stop_to_the_same_scores_and_rounds(
    tmp_path: Path, stop_after: int
) -> None:
    whole = rank(tmp_path / "whole")
    with pytest.raises(Interrupted, match=rf"^Stopped after {stop_after} of 160 evaluations\.$"):
        rank(tmp_path / "cut", 1.0, Recorder(stop_after))
    again = rank(tmp_path / "cut")
    assert again.rows["shared"] == whole.rows["shared"]
    assert without_time(again) == without_time(whole)
    times = [seen.seconds for seen in again.rounds]
    assert times == sorted(times)


def test_it_goes_on_from_a_journal_cut_anywhere(tmp_path: Path) -> None:
    whole = rank(tmp_path)
    path = tmp_path / "ranking.jsonl"
    content = path.read_bytes()
    assert rank(tmp_path) == whole  # nothing left to do, and the times are those of before
    for length in range(200, len(content), 977):
        path.write_bytes(content[:length])
        again = rank(tmp_path)
        assert again.rows["shared"] == whole.rows["shared"]
        assert without_time(again) == without_time(whole)


def test_with_recalibrated_batch_norm_scores_do_not_depend_on_the_rounds(tmp_path: Path) -> None:
    ranking = rank(tmp_path / "until", se=1e-9, bn_mode="recalibrated")
    at_once = rank(tmp_path / "all", se=None, bn_mode="recalibrated")
    assert ranking.rows["shared"] == at_once.rows["shared"]
    assert len(ranking.rounds) == N_BATCHES


def test_architectures_without_truth_are_ranked_but_do_not_count(tmp_path: Path) -> None:
    config = tiny_config(rank_images=64, rank_batch=8, until_tau_se=1.0)
    goal = Goal(1.0, {index: TRUTH[index] for index in INDICES[:15]})
    journal = open_journal(tmp_path / "ranking.jsonl", config, "w")
    ranker = Ranker(config, tiny_data())
    ranking = FinalRanking(ranker, [tiny_network()], INDICES, journal, goal).rank()
    assert len(ranking.rows["shared"]) == 20
    scores = [row["score"] for row in ranking.rows["shared"][:15]]
    truth = [TRUTH[index] for index in INDICES[:15]]
    assert ranking.rounds[-1].tau == kendall_tau(scores, truth).value


def test_bf16_is_used_where_it_ranks_as_float32_does_and_its_tau_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final_ranking, "MIN_TAU", 0.0)
    full = rank(tmp_path / "full", se=None)
    fast = rank(tmp_path / "fast", se=None, rank_precision="bf16")
    assert fast.facts["precision"] == "bf16"
    assert fast.facts["n_compared"] == len({row["score"] for row in full.rows["shared"]})
    assert 0.5 < fast.facts["tau_of_bf16"] < 1  # four channels, eight images
    assert [row["loss"] for row in fast.rows["shared"]] != [
        row["loss"] for row in full.rows["shared"]
    ]
    assert [row["loss"] for row in fast.rows["shared"]] == pytest.approx(
        [row["loss"] for row in full.rows["shared"]], rel=0.1
    )
    assert rank(tmp_path / "fast", se=None, rank_precision="bf16") == fast


def test_where_bf16_ranks_otherwise_float32_is_used_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(final_ranking, "MIN_TAU", 1.1)
    monitor = Recorder()
    ranking = rank(tmp_path / "fast", None, monitor, rank_precision="bf16")
    assert ranking.rows["shared"] == rank(tmp_path / "full", se=None).rows["shared"]
    assert ranking.facts["precision"] == "float32"
    (notice,) = monitor.notices
    assert "tau between bf16 and float32 is 0." in notice
    assert "is ranked in float32" in notice


def test_a_class_that_yields_no_numbers_does_not_hide_the_error_of_the_others() -> None:
    live = [arch.nb201_index for arch in enumerate_archs() if arch.is_live][:12]
    distinct = [index for index in live if arch_at(index).representative == arch_at(index)]
    truth = {index: float(place) for place, index in enumerate(distinct)}
    rounds = Rounds(Goal(1.0, truth), load_space(), distinct)
    losses = [
        [float((7 * (place + k)) % 5 + place) for place in range(len(distinct))] for k in range(6)
    ]
    for batch in losses:
        sums = {index: BatchSums(loss, 0) for index, loss in zip(distinct, batch, strict=True)}
        sums[distinct[0]] = BatchSums(float("nan"), 0)
        rounds.add(sums, 10, 0.0)
    expected = image_error_of_tau(
        [batch[1:] for batch in losses], [10] * 6, [truth[index] for index in distinct[1:]]
    )
    assert (rounds.seen[-1].tau, rounds.seen[-1].se) == expected
