"""Truths of generators: a trial is a drawn network, the mean of its trainings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.errors import TruthError
from harness.spaces import load_space
from harness.truth import (
    TruthQuery,
    default_query,
    load_table,
    save_table,
)
from harness.truth.build import Protocol, build_truth
from harness.truth.select import gather_trainings
from tests.generator_truths import QUERY, SPACE, make_generator_truth


def test_trials_are_the_means_of_networks_and_the_truth_is_theirs() -> None:
    first, second = sorted(SPACE.prefix(2))
    # the second architecture lacks a training of its second network
    table = make_generator_truth({first: [50.0, 54.0, 60.0, 62.0], second: [30.0, 34.0, 40.0]})
    trials, truth = table.trials(QUERY), table.mean(QUERY)
    assert trials.keys.tolist() == [first, second]
    assert trials.value.tolist() == [[52.0, 61.0], [32.0, 40.0]]
    # the mean of networks, not of trainings, which would be 34.67
    assert truth.value.tolist() == [56.5, 36.0]
    assert truth.n_trials.tolist() == [2, 2]
    assert truth.n_trainings.tolist() == [4, 3]


def test_trainings_stand_beside_those_of_the_same_network() -> None:
    (key,) = SPACE.prefix(1)
    columns = make_generator_truth({key: [1.0, 2.0, 3.0, 4.0]}, seeds=[3, 0, 1, 6]).columns
    found = gather_trainings(columns, columns.where("tiles", "test", 5))
    expected = [[[2.0, 3.0], [1.0, np.nan], [4.0, np.nan]]]
    assert np.array_equal(found, expected, equal_nan=True)


def test_trainings_of_unknown_seed_have_networks_of_their_own() -> None:
    (key,) = SPACE.prefix(1)
    table = make_generator_truth({key: [1.0, 2.0, 3.0, 5.0]}, seeds=[-1, -1, 0, 1])
    assert sorted(table.trials(QUERY).value[0].tolist()) == [1.0, 2.0, 4.0]


def test_one_training_is_no_truth_of_a_generator() -> None:
    (key,) = SPACE.prefix(1)
    table = make_generator_truth({key: [1.0, 2.0, 3.0, 4.0]})
    for policy in ("trial=0", "seed=1"):
        with pytest.raises(TruthError, match="the truth of one is a mean over networks"):
            table.select(TruthQuery("tiles", "test", 5, policy))


def test_a_table_of_generators_is_stored_and_read_back(tmp_path: Path) -> None:
    table = make_generator_truth({key: [1.0, 2.0, 3.0, 4.0] for key in SPACE.prefix(3)})
    save_table(table, tmp_path / "t.parquet")
    assert load_table(tmp_path / "t.parquet", SPACE).sha256 == table.sha256


def test_a_space_says_how_its_truth_is_built() -> None:
    usual, own = Protocol.of(load_space("nb201")), Protocol.of(SPACE)
    assert usual == Protocol()
    assert (own.epochs, own.channels) == (5, 4)
    assert default_query("tiles", SPACE) == QUERY
    assert default_query("tiles", load_space("nb201")).epochs == 12


@pytest.mark.slow
def test_a_build_trains_each_network_twice(tmp_path: Path) -> None:
    (key,) = SPACE.prefix(1)
    protocol = replace(Protocol.of(SPACE), epochs=1, channels=1, batch_size=500)
    rows = build_truth(tmp_path / "rows.jsonl", protocol, [key], [0, 1, 2, 3], 1, space=SPACE)
    assert {row["seed"] for row in rows} == {0, 1, 2, 3}
    losses = [row["losses"][0] for row in rows if row["split"] == "valid"]
    assert len(set(losses)) == 4
