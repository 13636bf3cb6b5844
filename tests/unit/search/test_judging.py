from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.errors import TruthError
from harness.search.judging import Judged, Row, follow, judge_by_front, judge_by_regret
from harness.search.problem import Evaluation
from harness.search.showing import search_document, search_figures

TRUTH = {10: 50.0, 11: 70.0, 12: 60.0, 13: 90.0}
JUDGE = judge_by_regret(TRUTH, "points", "the best of 4 (90.00)")


def make_trials(
    keys: list[int],
    values: list[float],
    epochs: list[int] | None = None,
    spent: list[float] | None = None,
    seconds: float | None = 2.0,
) -> list[Evaluation]:
    """Make trials of one objective."""
    n = len(keys)
    columns = zip(keys, values, epochs or [0] * n, spent or [1.0] * n, strict=True)
    return [
        Evaluation(number, key, (value,), of, cost, seconds)
        for number, (key, value, of, cost) in enumerate(columns)
    ]


def test_regret_is_that_of_the_best_by_the_objective_so_far() -> None:
    course = follow(make_trials([10, 11, 13, 12], [1.0, 3.0, 2.0, 4.0]), JUDGE)
    assert course.figure.tolist() == [40.0, 20.0, 20.0, 30.0]
    assert course.found == (10, 11, 11, 12)
    assert course.seconds is not None
    assert course.seconds.tolist() == [2.0, 4.0, 6.0, 8.0]


def test_regret_equals_a_plain_loop() -> None:
    rng = np.random.RandomState(0)
    truth = dict(enumerate(rng.rand(30).tolist()))
    keys, values = rng.permutation(30).tolist(), rng.rand(30).tolist()
    course = follow(make_trials(keys, values), judge_by_regret(truth, "", ""))
    for n in range(1, 31):
        found = keys[int(np.argmax(values[:n]))]
        assert course.at(n) == max(truth.values()) - truth[found]


def test_of_equal_ones_the_first_was_found() -> None:
    assert follow(make_trials([10, 13], [1.0, 1.0]), JUDGE).found == (10, 10)


def test_a_longer_training_goes_before_a_better_short_one() -> None:
    trials = make_trials([10, 13, 11], [5.0, 9.0, 6.0], [8, 1, 8], [1.0, 0.125, 1.0])
    course = follow(trials, JUDGE)
    assert course.found == (10, 10, 11)
    assert (course.at(1), course.at(1.125), course.at(2), course.at(2.2)) == (40, 40, 40, 20)
    assert course.at(0.5) is None


def test_a_search_that_ran_out_has_no_figure_beyond_its_end() -> None:
    trials = make_trials([10, 11], [1.0, 3.0])
    ended, whole = (follow(trials, JUDGE, goes_on) for goes_on in (False, True))
    assert [ended.at(n) for n in (1, 2, 3)] == [40.0, 20.0, None]
    assert (ended.seconds_at(2), ended.seconds_at(3)) == (4.0, None)
    assert (whole.at(3), whole.seconds_at(3)) == (20.0, 4.0)
    row, chance = Row("order", (0,), (ended,)), Row("random", (0,), (whole,))
    assert row.beside(chance, 3) is None


def test_unknown_seconds_stay_unknown() -> None:
    course = follow(make_trials([10], [1.0], seconds=None), JUDGE)
    assert (course.seconds, course.seconds_at(1)) == (None, None)


def test_a_front_is_judged_by_the_area_of_its_true_values() -> None:
    first = {1: 1.0, 2: 0.5, 3: 0.2, 4: 0.0}
    second = {1: 0.2, 2: 0.5, 3: 0.4, 4: 1.0}
    judge = judge_by_front(first, second, "all 4")
    seen = {1: (3.0, 1.0), 2: (1.0, 3.0), 3: (2.0, 2.0), 4: (0.0, 0.0)}
    trials = [Evaluation(n, key, seen[key], 0, 1.0, None) for n, key in enumerate([3, 1, 2, 4])]
    course = follow(trials, judge)

    def area(keys: tuple[int, ...]) -> float:
        """Count the cells of a fine grid that a point dominates."""
        cells = [(i + 0.5) / 100 for i in range(100)]
        return sum(
            any(x < first[k] and y < second[k] for k in keys)
            for x, y in itertools.product(cells, cells)
        )

    # What is found is the front by the objectives that the search saw, not by the truth.
    fronts = [(3,), (1, 3), (1, 2, 3), (1, 2, 3)]
    whole = area((1, 2, 3, 4))
    assert course.figure.tolist() == pytest.approx([area(f) / whole for f in fronts], abs=0.01)


def test_shares_keep_between_none_and_all() -> None:
    values = {1: 1.0, 2: 0.02, 3: 0.0}
    judge = judge_by_front(values, values, "all 3")
    courses = tuple(
        follow([Evaluation(0, key, (1.0, 1.0), 0, 1.0, None)], judge) for key in (1, 1, 2)
    )
    interval = Row("nsga2", (0, 1, 2), courses, judge.limits).interval(1)
    assert interval is not None
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_a_front_without_an_area_is_refused() -> None:
    with pytest.raises(TruthError, match="Of all 2, each is the worst by one"):
        judge_by_front({1: 1.0, 2: 0.0}, {1: 0.0, 2: 1.0}, "all 2")


def test_where_lower_is_better_what_was_found_is_above_the_best() -> None:
    judge = judge_by_regret({1: -3.0, 2: -5.0}, "ms", "the best of 2 (3.00)", True)
    course = follow(make_trials([2], [1.0]), judge)
    assert course.figure.tolist() == [2.0]
    judged = Judged((Row("random", (0,), (course,)),), judge, 1)
    told = search_document(judged, "x").words[0]
    assert told.startswith("Regret after 1 evaluation (ms above the best of 2 (3.00); one seed)")


def make_judged(n_seeds: int = 3) -> Judged:
    """Judge a method that finds the best at once, and chance."""
    seeds = tuple(range(n_seeds))
    good = tuple(follow(make_trials([13, 10, 11], [9.0, 1.0, 2.0]), JUDGE) for _ in seeds)
    bad = tuple(
        follow(make_trials([10, 11 + (seed % 2), 10], [1.0, 2.0, 0.0]), JUDGE) for seed in seeds
    )
    return Judged((Row("good", seeds, good), Row("random", seeds, bad)), JUDGE, 3, (5.0, 4))


def test_methods_are_compared_by_seed() -> None:
    judged = make_judged()
    good, chance = judged.rows
    gap = good.beside(chance, 3)
    assert gap is not None
    assert gap[0] == pytest.approx(-np.mean([20.0, 30.0, 20.0]))
    assert gap[1] is not None
    assert gap[1].low < gap[0] < gap[1].high < 0.0
    assert good.beside(Row("other", (7, 8, 9), chance.courses), 3) is None


def test_the_document_says_the_best_first_and_what_is_significant() -> None:
    document = search_document(make_judged(), "the table")
    (block,) = document.blocks
    assert [row[0] for row in block.rows] == ["good", "random"]
    assert block.headings[2:5] == ("@1", "@2", "@3")
    assert document.words[0].startswith("Regret after 3 evaluations (points below the best of 4")
    assert "good minus random search: -23.333" in document.words[1]
    assert document.words[1].endswith(": better.")
    told = "Scoring all 4 candidates and taking the best by the objective has 5.000."
    assert document.words[2] == told, "no search of it need end there"
    assert "architectures that are one network are evaluated once" in document.notes[0]


def test_one_seed_has_no_interval() -> None:
    document = search_document(make_judged(1), "the table")
    assert not any("[" in cell for row in document.blocks[0].rows for cell in row)
    assert not any("minus random" in line for line in document.words)


def test_the_figures_are_the_means_over_seeds() -> None:
    by_evaluations, by_seconds = search_figures(make_judged(), "the table")
    good, chance = by_evaluations.series
    assert (good.x, good.y) == ((1.0, 2.0, 3.0), (0.0, 0.0, 0.0))
    assert chance.y == pytest.approx((40.0, 70 / 3, 70 / 3))
    assert by_seconds.series[0].x == (2.0, 4.0, 6.0)


def test_without_seconds_there_is_no_figure_of_them() -> None:
    course = follow(make_trials([10], [1.0], seconds=None), JUDGE)
    judged = Judged((Row("random", (0,), (course,)),), JUDGE, 1)
    assert [figure.name for figure in search_figures(judged, "x")] == ["regret-against-evaluations"]
