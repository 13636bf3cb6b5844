"""Which columns are scores, which rows are meant, and what ranks last."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import DataError
from harness.scores import ReadOptions, make_score_sets
from harness.scores.columns import select_rows
from harness.spaces.nb201.encoding import arch_at

KEYS = [3, 7, 11, 19]
ARCHS = [str(arch_at(key)) for key in KEYS]
TABLE = pd.DataFrame(
    {
        "net_str": ARCHS,
        "zen": [0.5, 1.5, -2.0, 7.0],
        "jacov": ["-1.5", "2", "0.25", "4"],
        "a,b": [4, 3, 2, 1],
        "epochs": 200,
        "": [0, 1, 2, 3],
        "host": ["x", "y", "z", "x"],
    }
)


def columns_of(asked: Any, **options: Any) -> list[str]:
    sets = make_score_sets(TABLE, "mine", ReadOptions(score_column=asked, **options)).sets
    return [each.column for each in sets]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("zen", ["zen"]),
        (["jacov", "zen"], ["jacov", "zen"]),
        ("jacov,zen", ["jacov", "zen"]),
        ("jacov, zen", ["jacov", "zen"]),
        ("a,b", ["a,b"]),
        (["zen", "zen,jacov"], ["zen", "jacov"]),
        ("*", ["zen", "jacov", "a,b"]),
        ("?e*", ["zen"]),
        (["epochs", "z*"], []),
    ],
)
def test_several_columns_are_an_estimator_each(asked: Any, expected: list[str]) -> None:
    if not expected:  # named, not matched: then it is refused as for anybody's constant scores
        with pytest.raises(DataError, match="'epochs' has one and the same score"):
            columns_of(asked)
        return
    assert columns_of(asked) == expected


def test_each_column_keeps_its_own_scores_and_bad_rows() -> None:
    frame = TABLE.assign(zen=[0.5, None, -2.0, 7.0], jacov=[1.0, 2.0, "x", 4.0])
    asked = ReadOptions(score_column="zen,jacov", exclude_bad=True, lower_in=["jacov"])
    zen, jacov = make_score_sets(frame, "mine", asked).sets
    assert (zen.keys.tolist(), zen.score.tolist()) == ([3, 11, 19], [[0.5, -2.0, 7.0]])
    assert (jacov.keys.tolist(), jacov.score.tolist()) == ([3, 7, 19], [[-1.0, -2.0, -4.0]])
    assert (zen.exclusions, jacov.exclusions) == ({"no score": 1}, {"score not a number": 1})
    assert (zen.lower_is_better, jacov.lower_is_better) == (False, True)


def test_what_a_pattern_passes_over_is_said() -> None:
    notes = make_score_sets(TABLE, "mine", ReadOptions(score_column="*")).notes
    assert notes == (
        "mine: column 'epochs' has the same number in all rows, and is not taken for scores.",
        "mine: column '' numbers the rows, and is not taken for scores.",
    )


def test_columns_and_methods_multiply() -> None:
    frame = pd.concat([TABLE.assign(method=name) for name in ("mine", "theirs")])
    sets = make_score_sets(frame, "both", ReadOptions(score_column="zen,jacov")).sets
    assert [each.name for each in sets] == ["mine zen", "theirs zen", "mine jacov", "theirs jacov"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("zan", "Unknown column of scores 'zan'. Did you mean 'zen'.*--score-column '.'"),
        ("zen,jacof", "Unknown column of scores 'jacof'. Did you mean 'jacov'"),
        ("x*", r"no column of scores fits 'x\*'; there is net_str, zen"),
        ("score", "Unknown column of scores 'score'"),
    ],
)
def test_a_column_that_is_not_there_is_named(asked: str, message: str) -> None:
    with pytest.raises(DataError, match=f"mine: .*{message}"):
        columns_of(asked)


REPEATED = pd.concat(
    [
        TABLE.assign(dataset=name, epochs=epochs, zen=TABLE["zen"] + shift)
        for shift, (name, epochs) in enumerate(
            [("cifar10", 12), ("cifar10", 200), ("cifar100", 12), ("cifar100", 200)]
        )
    ],
    ignore_index=True,
)


def test_rows_are_selected_by_text_and_by_number() -> None:
    options = ReadOptions(score_column="zen", rows={"dataset": "cifar100", "epochs": "200.0"})
    (only,) = make_score_sets(REPEATED, "mine", options).sets
    assert only.score.tolist() == [[3.5, 4.5, 1.0, 10.0]]
    assert len(select_rows(REPEATED, {"dataset": ["cifar10", "cifar100"], "epochs": 12}, "")) == 8
    assert len(select_rows(REPEATED, {"dataset": " cifar10 "}, "")) == 8


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"dataset": "tiles"}, "no row has dataset=tiles. Column 'dataset' has cifar10, cifar100"),
        ({"dataset": "cifar10", "epochs": "90"}, "no row has epochs=90. .* has 12, 200"),
        ({"datasat": "cifar10"}, "Unknown column 'datasat'. Did you mean 'dataset'"),
    ],
)
def test_rows_that_are_not_there_are_named(rows: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"mine: .*{message}"):
        make_score_sets(REPEATED, "mine", ReadOptions(score_column="zen", rows=rows))


def test_the_columns_that_tell_repeats_apart_are_named() -> None:
    def message(frame: pd.DataFrame, **rows: str) -> str:
        with pytest.raises(DataError, match="repeats an architecture, with other sc") as caught:
            make_score_sets(frame, "mine", ReadOptions(score_column="zen", rows=rows))
        return str(caught.value)

    assert (
        "The repeats differ in column 'dataset' (cifar10, cifar100): select rows such as --rows "
        "'dataset=cifar10' (in" in message(REPEATED[REPEATED["epochs"] == 12])
    )
    assert (
        "The repeats differ in columns 'epochs' (12, 200) and 'dataset' (cifar10, cifar100): "
        "select rows such as --rows 'epochs=12' --rows 'dataset=cifar10'" in message(REPEATED)
    )
    assert "differ in column 'epochs' (12, 200)" in message(REPEATED, dataset="cifar10")


def test_another_column_of_scores_tells_no_repeats_apart() -> None:
    """Each of its values is one row's, so that nothing could be selected by it."""
    frame = REPEATED.assign(jacov=np.arange(len(REPEATED)) / 7)
    with pytest.raises(DataError, match="repeats an architecture") as caught:
        make_score_sets(frame.drop(columns="epochs"), "mine", ReadOptions(score_column="zen"))
    assert "The repeats differ" not in str(caught.value)


def test_infinite_and_overflowing_scores_rank_last_as_ties_and_are_counted() -> None:
    scores = [0.5, -math.inf, "1e999", 10**400, -2.0]
    frame = pd.DataFrame(
        {"nb201_index": [3, 7, 11, 19, 23], "score": pd.Series(scores, dtype=object)}
    )
    with pytest.raises(DataError, match=r"'score' is infinite in 3 of 5 rows.*--worst-if-bad"):
        make_score_sets(frame, "mine")
    (only,) = make_score_sets(frame, "mine", ReadOptions(worst_if_bad=True)).sets
    lowest = np.nextafter(-2.0, -math.inf)
    assert only.score.tolist() == [[0.5, lowest, lowest, lowest, -2.0]]
    assert (only.ranked_last.tolist(), only.exclusions) == ([7, 11, 19], {})
    lower = ReadOptions(worst_if_bad=True, lower_is_better=True)
    (only,) = make_score_sets(frame, "mine", lower).sets
    lowest = np.nextafter(-0.5, -math.inf)
    assert only.score.tolist() == [[-0.5, lowest, lowest, lowest, 2.0]]


def test_what_is_missing_does_not_rank_last_and_each_seed_has_its_own_bottom() -> None:
    frame = pd.DataFrame(
        {
            "nb201_index": [3, 7, 11, 3, 7, 11],
            "score": [1.0, 2.0, -math.inf, 10.0, math.inf, 30.0],
            "seed": [0, 0, 0, 1, 1, 1],
        }
    )
    (only,) = make_score_sets(frame, "mine", ReadOptions(worst_if_bad=True)).sets
    below = [np.nextafter(low, -math.inf) for low in (1.0, 10.0)]
    assert only.score.tolist() == [[1.0, 2.0, below[0]], [10.0, below[1], 30.0]]
    assert only.ranked_last.tolist() == [7, 11]
    frame.loc[0, "score"] = None
    with pytest.raises(DataError, match="'score' is missing or NaN in 1 of 6 rows"):
        make_score_sets(frame, "mine", ReadOptions(worst_if_bad=True))
    both = ReadOptions(worst_if_bad=True, exclude_bad=True)
    assert make_score_sets(frame, "mine", both).sets[0].exclusions == {"no score": 1}


def test_nothing_but_infinite_scores_ranks_nothing() -> None:
    frame = pd.DataFrame({"nb201_index": [3, 7], "score": [math.inf, -math.inf]})
    with pytest.raises(DataError, match="one and the same score for all"):
        make_score_sets(frame, "mine", ReadOptions(worst_if_bad=True))
    alone = pd.DataFrame({"nb201_index": [3], "score": [math.inf]})
    (only,) = make_score_sets(alone, "mine", ReadOptions(worst_if_bad=True)).sets
    assert np.isfinite(only.score).all()
