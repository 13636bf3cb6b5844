"""One architecture's profile and a table's overview, against counting by hand."""

from __future__ import annotations

import itertools
import math
import statistics
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import TruthError
from harness.spaces import load_space
from harness.spaces.lookup import name_archs
from harness.spaces.nb201.cost import BENCHMARK_SHAPES, count_flops, count_params
from harness.spaces.nb201.encoding import OPS, arch_at, sample_indices
from harness.spaces.values import NetworkShape
from harness.truth import TruthQuery, TruthTable, make_table
from harness.truth.overview import describe_table
from harness.truth.profile import describe_arch

INDICES = sample_indices(60)
QUERY = TruthQuery("cifar10", "test", 200)


def make_mixed_table(**metadata: str) -> TruthTable:
    """60 architectures with one to three trials, accuracies in whole percent (so with ties)."""
    rng = np.random.RandomState(0)
    rows: list[dict[str, Any]] = []
    for number, index in enumerate(INDICES):
        for split, trial in itertools.product(("test", "valid"), range(1 + number % 3)):
            rows.append(
                {
                    "nb201_index": index,
                    "arch_str": str(arch_at(index)),
                    "dataset": "cifar10",
                    "split": split,
                    "epochs": 200,
                    "trial": trial,
                    "seed": 777 if trial == 0 else -1,
                    "accuracy": float(rng.randint(60, 70)),
                }
            )
    return make_table(pd.DataFrame(rows), "mixed", metadata)


def means_by_hand(table: TruthTable) -> dict[int, float]:
    values: dict[int, list[float]] = {}
    for row in table.rows.to_dict("records"):
        if row["split"] == "test":
            values.setdefault(row["nb201_index"], []).append(row["accuracy"])
    return {index: round(statistics.fmean(own), 6) for index, own in values.items()}


@pytest.mark.parametrize("index", INDICES[:12])
def test_rank_ties_and_percentile_are_those_counted_by_hand(index: int) -> None:
    table = make_mixed_table()
    means = means_by_hand(table)
    standing = describe_arch(table, arch_at(index)).standings[0]
    assert (standing.dataset, standing.split, standing.epochs) == ("cifar10", "test", 200)
    own = means[index]
    assert standing.mean == own
    assert standing.rank == 1 + sum(mean > own for mean in means.values())
    assert standing.n_tied == sum(mean == own for mean in means.values()) - 1
    assert standing.percentile == pytest.approx(
        100 * sum(mean < own for mean in means.values()) / 59
    )
    assert standing.n_archs == 60


def test_some_architectures_are_tied_so_that_ties_are_tested() -> None:
    table = make_mixed_table()
    profiles = [describe_arch(table, arch_at(index)) for index in INDICES]
    assert any(profile.standings[0].n_tied for profile in profiles)


def test_all_trials_are_shown_and_an_unknown_seed_is_none() -> None:
    table = make_mixed_table()
    standing = describe_arch(table, arch_at(INDICES[2])).standings[0]
    assert [(trial, seed) for trial, seed, _ in standing.trials] == [(0, 777), (1, None), (2, None)]
    assert standing.mean == pytest.approx(
        statistics.fmean(accuracy for _, _, accuracy in standing.trials), abs=1e-6
    )


def test_a_profile_knows_the_space() -> None:
    arch = arch_at(INDICES[7])
    profile = describe_arch(make_mixed_table(), arch)
    said = profile.to_dict()
    assert (said["nb201_index"], said["arch_str"]) == (INDICES[7], str(arch))
    assert said["position"] == 8
    assert INDICES[7] in said["dead_edge_class"]
    assert INDICES[7] in said["isomorphism_class"]
    assert said["representative"] == str(arch.representative)
    (cost,) = profile.costs
    shape = BENCHMARK_SHAPES["cifar10"]
    assert (cost.params, cost.flops) == (count_params(arch, shape), count_flops(arch, shape))


def test_an_architecture_that_the_table_lacks_is_refused_with_what_to_do() -> None:
    absent = sample_indices(61)[-1]
    with pytest.raises(
        TruthError,
        match=rf"Architecture {absent}, \|.* is not in the truth table 'mixed', which has 60 of "
        r"the 15,625\. Ask another table .* trains it where N is 61 or more",
    ):
        describe_arch(make_mixed_table(), arch_at(absent))


def test_the_only_architecture_of_a_table_has_a_rank_and_no_percentile() -> None:
    rows = make_mixed_table().rows
    table = make_table(rows[rows["nb201_index"] == INDICES[0]], "one", {})
    standing = describe_arch(table, arch_at(INDICES[0])).standings[0]
    assert (standing.rank, standing.n_archs, standing.percentile) == (1, 1, None)


@pytest.mark.parametrize(
    ("metadata", "shape"),
    [
        ({"protocol": '{"channels": 8, "cells": 1}'}, NetworkShape(8, 1, 16, 1, 37)),
        ({"protocol": '{"channels": 4, "cells": 2}'}, NetworkShape(4, 2, 16, 1, 37)),
        ({}, None),
        ({"protocol": "no JSON"}, None),
        ({"protocol": "[1]"}, None),
        ({"protocol": '{"channels": null, "cells": 1}'}, None),
    ],
)
def test_the_size_on_tiles_follows_from_the_protocol_in_the_metadata(
    metadata: dict[str, str], shape: NetworkShape | None
) -> None:
    table = make_table(make_mixed_table().rows.assign(dataset="tiles"), "tiles", metadata)
    arch = arch_at(INDICES[0])
    costs = describe_arch(table, arch).costs
    expected = [] if shape is None else [count_params(arch, shape)]
    assert [cost.params for cost in costs] == expected


def test_accuracies_by_operation_are_those_counted_by_hand() -> None:
    table = make_mixed_table()
    means = means_by_hand(table)
    rows = {(row.what, row.count): row for row in describe_table(table, QUERY).counts}
    assert len(rows) == (len(OPS) + 1) * 7
    for (what, count), row in rows.items():
        own = [
            mean
            for index, mean in means.items()
            if count
            == (
                len(arch_at(index).live_conv_edges)
                if what == "live conv edges"
                else str(arch_at(index)).count(f"{what}~")
            )
        ]
        assert row.n == len(own)
        assert row.mean == (pytest.approx(statistics.fmean(own)) if own else None)
        assert row.sd == (pytest.approx(statistics.stdev(own)) if len(own) > 1 else None)
        assert (row.low, row.high) == ((min(own), max(own)) if own else (None, None))


def test_the_overview_counts_trials_and_pools_their_spread() -> None:
    table = make_mixed_table()
    overview = describe_table(table, QUERY)
    assert overview.trials == {1: 20, 2: 20, 3: 20}
    assert overview.quantiles[0.5] == pytest.approx(
        statistics.median(means_by_hand(table).values())
    )
    assert sum(row.n for row in overview.spread) == 40
    assert [row.low for row in overview.spread] == sorted(row.low for row in overview.spread)
    trials = table.trials(QUERY).value
    several = [row[np.isfinite(row)] for row in trials if np.isfinite(row).sum() > 1]
    several = sorted(several, key=lambda row: float(row.mean()))[:4]
    squares = sum(float(((row - row.mean()) ** 2).sum()) for row in several)
    freedom = sum(len(row) - 1 for row in several)
    assert overview.spread[0].sd == pytest.approx(math.sqrt(squares / freedom))


def test_an_overview_follows_the_policy_and_says_who_lacks_it() -> None:
    overview = describe_table(make_mixed_table(), TruthQuery("cifar10", "test", 200, "trial=2"))
    assert (overview.n, overview.n_missing) == (20, 40)


def test_without_repeated_trials_the_spread_is_empty() -> None:
    rows = make_mixed_table().rows
    table = make_table(rows[rows["trial"] == 0], "single", {})
    assert describe_table(table, QUERY).spread == ()


def test_another_name_of_a_network_has_its_rows() -> None:
    space = load_space("macro")
    arch = space.parse("00000001")  # an identity after the first block is a no-op
    listed = space.identity(arch)
    assert listed != arch
    rows = pd.DataFrame(name_archs([space.key(listed)], space)).assign(
        dataset="cifar10", split="test", epochs=50, trial=0, seed=-1, accuracy=90.0
    )
    table = make_table(rows, "mine", {}, space=space)
    profile, other = describe_arch(table, arch), describe_arch(table, listed)
    assert profile.standings == other.standings
    assert (profile.names["arch"], profile.standings[0].mean) == ("00000001", 90.0)
    with pytest.raises(TruthError, match="00000022 is not in the truth table 'mine'"):
        describe_arch(table, space.parse("00000022"))
