"""The disturbance report: over training, by shared weights, at equal loss; against plain loops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from harness.report.disturbance import EQUAL_LOSS, bin_over_steps, compare_training, split_by_shared
from harness.report.measures import estimate_figures
from harness.report.training import (
    RunTraining,
    load_run_training,
    summarise_disturbance,
)
from harness.runs.record import Record
from harness.settings.layers import make_config
from tests.made_runs import make_disturbance

SAME = {"rel": 1e-12, "abs": 1e-12}
"""The same numbers in float64, summed in another order."""


def make_training(
    probes: pd.DataFrame | None = None,
    curve: list[tuple[int, float]] | None = None,
    seed: int = 0,
    steps: int = 100,
) -> RunTraining:
    """A run's training out of tables."""
    config = make_config({"seed": seed, "steps": steps})
    if probes is not None:
        probes = probes.assign(pd_loss=probes["loss_after"] - probes["loss_before"])
    return RunTraining(
        record=Record(run_id="made-up", status="finished", started="", config={}),
        config=config,
        probes=probes,
        curve=None if curve is None else pd.DataFrame(curve, columns=["step", "train_loss"]),
        interim=None,
        final=pd.Series(dtype=np.float64),
        plasticity=None,
    )


def make_probes(rows: list[tuple[int, str, float, int]]) -> pd.DataFrame:
    """Probes out of (step, probe set, pd, shared convolutions)."""
    return pd.DataFrame(
        {
            "step": step,
            "probe_set": probe_set,
            "shared_convs": shared,
            "loss_before": 2.0,
            "loss_after": 2.0 + pd_loss,
            "accuracy_before": 50.0,
            "accuracy_after": 50.0,
            "logit_change": 0.1,
        }
        for step, probe_set, pd_loss, shared in rows
    )


def find(run_pairs: list[tuple[RunTraining, RunTraining]], figure: str, condition: str = "") -> Any:
    (found,) = (
        d.difference
        for d in compare_training(*zip(*run_pairs, strict=True), is_paired=True)
        if (d.figure, d.condition) == (figure, condition)
    )
    return found


def test_disturbance_is_summarised_as_a_loop_over_its_rows_would() -> None:
    table = make_disturbance(0.3)
    rows = table.to_dict("records")
    summary = summarise_disturbance(make_training(table))
    gains = [r["loss_before"] - r["loss_after"] for r in rows if r["probe_set"] == "trained"]
    assert summary["progress"] == pytest.approx(sum(gains) / 3, **SAME)
    for probe_set, n in (("recent", 12), ("fixed", 9)):
        for shared in (None, 0, 1, 2):
            chosen = [
                r
                for r in rows
                if r["probe_set"] == probe_set and shared in (None, r["shared_convs"])
            ]
            found = summary[probe_set]
            if shared is not None:
                found = found["by_shared_convs"].get(str(shared), {"n": 0})
            assert found["n"] == len(chosen) <= n
            if not chosen:
                continue
            changes = [r["loss_after"] - r["loss_before"] for r in chosen]
            k = len(chosen)
            expected = {
                "mean_pd": sum(changes) / k,
                "positive_pd": sum(max(change, 0) for change in changes) / k,
                "positive_frac": sum(change > 0 for change in changes) / k,
                "accuracy_change": sum(r["accuracy_after"] - r["accuracy_before"] for r in chosen)
                / k,
                "logit_change": sum(r["logit_change"] for r in chosen) / k,
            }
            assert {key: found[key] for key in expected} == pytest.approx(expected, **SAME)


def test_a_run_without_measured_disturbance_has_no_figures_of_it() -> None:
    assert summarise_disturbance(make_training()) == {}
    training = (make_training(),)
    figures = estimate_figures(training)
    assert (figures["mean_pd"].mean, figures["progress"].mean) == (None, None)
    assert (bin_over_steps(training), split_by_shared(training)) == ([], [])


def test_a_folder_with_an_empty_table_has_no_disturbance(tmp_path: Path) -> None:
    from harness.truth import find_truth
    from tests.made_runs import N, make_run

    folder = make_run(tmp_path, np.arange(N, dtype=float), truth=find_truth("tiles"))
    folder.write_table("disturbance", make_disturbance(0.1).iloc[:0])
    assert load_run_training(folder, folder.read_record()).probes is None


def test_a_probe_set_without_victims_says_that_it_has_none() -> None:
    table = make_disturbance(0.1)
    summary = summarise_disturbance(make_training(table[table["probe_set"] != "recent"]))
    assert summary["recent"] == {"n": 0, "by_shared_convs": {}}
    assert summary["fixed"]["n"] == 9


def test_over_training_each_part_averages_its_own_measurements() -> None:
    rows = [(step, "recent", step / 100, 0) for step in range(0, 100, 10) for _ in range(3)]
    rows += [(step, "trained", -0.5, 0) for step in range(0, 100, 10)]
    runs = tuple(make_training(make_probes(rows), seed=seed) for seed in (0, 1))
    bins = bin_over_steps(runs)
    assert [part.step for part in bins] == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]
    for part, step in zip(bins, range(0, 100, 10), strict=True):
        assert part.mean_pd.values == pytest.approx((step / 100,) * 2, **SAME)
        assert part.progress.mean == pytest.approx(0.5, **SAME)
        assert part.train_loss is None


def test_the_training_loss_of_a_part_is_read_off_the_curve() -> None:
    rows = [(step, "recent", 0.1, 0) for step in range(0, 100, 10)]
    run = make_training(make_probes(rows), [(20, 3.0), (60, 2.0), (80, 2.5), (100, 1.0)])
    losses = {part.step: part.train_loss for part in bin_over_steps((run,))}
    assert losses[5] is None  # before the first measurement
    assert losses[25] == pytest.approx(3.0 - 5 / 40, **SAME)
    assert losses[75] == pytest.approx(2.0, **SAME)  # the lowest so far
    assert losses[95] == pytest.approx(2.0 - 15 / 20, **SAME)


def test_disturbance_splits_by_shared_convolutions() -> None:
    rows = [(step, "recent", 0.1 * shared, shared) for step in (1, 2) for shared in (0, 1, 3)]
    run = make_training(make_probes([*rows, (1, "recent", -0.7, 3)]))
    parts = split_by_shared((run,))
    assert [(part.shared_convs, part.n) for part in parts] == [(0, 2), (1, 2), (3, 3)]
    assert parts[2].mean_pd.mean == pytest.approx((0.3 + 0.3 - 0.7) / 3, **SAME)
    assert parts[2].positive_pd.mean == pytest.approx(0.2, **SAME)
    assert parts[2].positive_frac.mean == pytest.approx(2 / 3, **SAME)


def test_a_slower_learner_does_not_win_by_standing_still() -> None:
    """Harm depends on the loss alone; the slow run spends its steps where there is least."""

    def harm(loss: float) -> float:
        return 0.01 * (3.5 - loss)  # more of it, the more was learned

    def train(rate: float) -> RunTraining:
        curve = [(step, 3.0 - rate * step / 100) for step in range(0, 101, 5)]
        rows = [
            (step, "recent", harm(3.0 - rate * step / 100), 0)
            for step in range(0, 100)
            for _ in range(5)
        ]
        return make_training(make_probes(rows), curve)

    pairs = [(train(1.0), train(2.0))]
    whole, equal = find(pairs, "positive_pd"), find(pairs, "positive_pd", EQUAL_LOSS)
    assert whole.mean == pytest.approx(-0.005, rel=0.02)  # it looks as if it did less harm
    assert equal.mean == pytest.approx(0.0, abs=1e-4)


def test_at_equal_loss_a_difference_is_found_where_there_is_one() -> None:
    def train(rate: float, harm: float) -> RunTraining:
        curve = [(step, 3.0 - rate * step / 100) for step in range(0, 101, 5)]
        rows = [(step, "recent", harm, 0) for step in range(100) for _ in range(5)]
        rows += [(step, "trained", -0.2 * harm, 0) for step in range(100)]
        return make_training(make_probes(rows), curve)

    pairs = [(train(1.0, 0.3 + d), train(2.0, 0.1)) for d in (0.0, 0.02)]
    equal = find(pairs, "positive_pd", EQUAL_LOSS)
    assert equal.values == pytest.approx((0.2, 0.22), **SAME)
    assert find(pairs, "progress", EQUAL_LOSS).values == pytest.approx((0.04, 0.044), **SAME)
    assert equal.interval is not None


def test_runs_that_never_had_the_same_loss_are_not_compared_at_equal_loss() -> None:
    probes = make_probes([(step, "recent", 0.1, 0) for step in range(100)])
    high = make_training(probes, [(0, 3.0), (100, 2.5)])
    low = make_training(probes, [(0, 2.0), (100, 1.0)])
    unknown = make_training(probes, [(100, 2.7)])
    for pair in ((high, low), (high, unknown), (high, make_training(probes))):
        assert find([pair], "positive_pd", EQUAL_LOSS).mean is None
        assert find([pair], "positive_pd").mean == pytest.approx(0.0, **SAME)


def test_differences_by_shared_weights_are_seed_by_seed() -> None:
    runs = [
        make_training(
            make_probes([(1, "recent", level * (1 + shared), shared) for shared in (0, 2)]),
            seed=seed,
        )
        for level in (0.3, 0.1)
        for seed in (0, 1)
    ]
    pairs = [(runs[0], runs[2]), (runs[1], runs[3])]
    for shared in (0, 2):
        found = find(pairs, "positive_pd", f"with {shared} shared convolutions")
        assert found.values == pytest.approx((0.2 * (1 + shared),) * 2, **SAME)
    conditions = {d.condition for d in compare_training(*zip(*pairs, strict=True), is_paired=True)}
    assert "with 1 shared convolutions" not in conditions


def test_intervals_stay_within_what_is_possible() -> None:
    rows = {0: [0.1, -0.1, -0.1], 1: [0.1, 0.1, 0.1]}
    runs = tuple(
        make_training(make_probes([(1, "recent", value, 0) for value in values]), seed=seed)
        for seed, values in rows.items()
    )
    figures = estimate_figures(runs)
    assert figures["positive_frac"].interval == (0.0, 1.0)
    interval = figures["positive_pd"].interval
    assert interval is not None
    assert interval[0] == 0.0


def test_a_loss_that_rose_is_positive_disturbance_as_read_from_a_folder(tmp_path: Path) -> None:
    from harness.truth import find_truth
    from tests.made_runs import N, make_run

    folder = make_run(tmp_path, np.arange(N, dtype=float), truth=find_truth("tiles"))
    risen = make_disturbance(0.1).assign(loss_before=1.0, loss_after=1.25)
    folder.write_table("disturbance", risen)
    training = load_run_training(folder, folder.read_record())
    assert training.probes is not None
    assert set(training.probes["pd_loss"]) == {0.25}
    assert summarise_disturbance(training)["recent"]["mean_pd"] == 0.25
    assert summarise_disturbance(training)["progress"] == -0.25


def test_independent_seeds_are_compared_by_their_means_and_every_seed_counts() -> None:
    """As for tau: Welch's interval, with no seed paired by its place in the order."""

    def train(harm: float) -> RunTraining:
        curve = [(step, 3.0 - step / 100) for step in range(0, 101, 5)]
        rows = [(step, "recent", harm, 0) for step in range(100)]
        return make_training(make_probes(rows), curve)

    harms = [0.3, 0.34, 0.5], [0.1, 0.12]
    sides = [[train(harm) for harm in side] for side in harms]
    found = compare_training(*sides, is_paired=False)
    welch = scipy.stats.ttest_ind(*harms, equal_var=False).confidence_interval()
    for condition in ("", EQUAL_LOSS, "with 0 shared convolutions"):
        (difference,) = (
            d.difference for d in found if (d.figure, d.condition) == ("positive_pd", condition)
        )
        assert difference.mean == pytest.approx(0.38 - 0.11, **SAME)
        assert difference.interval == pytest.approx((welch.low, welch.high), **SAME)
        assert difference.values == ()
