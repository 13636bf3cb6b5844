"""Features of predictors: what they are made of, log ranks, missing scores."""

from __future__ import annotations

import numpy as np
import pytest

from harness.errors import UsageError
from harness.estimators.predictors.features import (
    check_encodings,
    draw_encodings,
    log_ranks,
    make_prior,
    make_table,
    read_features,
    read_prior,
)
from harness.spaces import load_space
from harness.spaces.base import Space
from tests.spaces.endless import Endless
from tests.spaces.toy import Toy

SPACE = load_space()
KEYS = np.array(SPACE.prefix(300), dtype=np.int64)
FloatArray = np.ndarray


def refuse(name: str) -> FloatArray:
    raise AssertionError(f"{name} was not asked for")


def test_members_of_a_class_have_the_same_features() -> None:
    values = make_table(["graf", "one-hot", "free"], KEYS, SPACE, refuse).values
    classes = [SPACE.key(SPACE.canonical(SPACE.at(key))) for key in KEYS.tolist()]
    _, first, inverse = np.unique(classes, return_index=True, return_inverse=True)
    assert len(first) < len(KEYS)
    np.testing.assert_array_equal(values, values[first][inverse])
    assert len(np.unique(values, axis=0)) == len(first)


def test_free_scores_are_log_ranks_among_the_architectures_of_the_run() -> None:
    names, values, imputed = make_table(["free"], KEYS, SPACE, refuse)
    free = ("params", "flops", "live_params", "live_flops")
    assert names == tuple(f"rank of {name}" for name in free)
    assert dict(imputed) == {}
    live = SPACE.baselines["live_params"].score
    scores = np.array([live(SPACE.at(key)) for key in KEYS.tolist()])
    ranks = [((scores < own).sum() + (scores <= own).sum() + 1) / 2 for own in scores]
    np.testing.assert_allclose(values[:, names.index("rank of live_params")], np.log(ranks))
    alone = make_table(["live_flops"], KEYS, SPACE, refuse)
    assert alone.names == ("rank of live_flops",)
    np.testing.assert_array_equal(alone.values[:, 0], values[:, 3])


def test_a_missing_score_has_the_mean_log_rank_of_the_others_and_is_counted() -> None:
    scores = np.array([3.0, np.nan, 1.0, 2.0, np.nan])
    ranks, n_missing = log_ranks(scores)
    known = np.log([3, 1, 2])
    np.testing.assert_allclose(ranks, [known[0], known.mean(), *known[1:], known.mean()])
    assert n_missing == 2
    table = make_table(
        ["jacov", "nwot"],
        np.arange(5),
        SPACE,
        {"jacov": scores, "nwot": -np.arange(5.0)}.__getitem__,
    )
    assert (table.names, dict(table.imputed)) == (("jacov", "nwot"), {"jacov": 2})
    np.testing.assert_array_equal(table.values[:, 0], ranks)
    np.testing.assert_allclose(table.values[:, 1], np.log([5, 4, 3, 2, 1]))


def test_a_prior_is_the_sum_of_the_log_ranks_of_its_scores() -> None:
    scores = {"jacov": np.array([3.0, np.nan, 1.0, 2.0, np.nan]), "nwot": -np.arange(5.0)}
    prior = make_prior(["jacov", "nwot"], np.arange(5), SPACE, scores.__getitem__)
    np.testing.assert_allclose(prior, log_ranks(scores["jacov"])[0] + np.log([5, 4, 3, 2, 1]))
    assert read_prior(None, SPACE) == []
    assert read_prior("live_params + jacov", SPACE, nests=True) == ["live_params", "jacov"]
    with pytest.raises(UsageError, match="Unknown score for a prior on 'nb201'"):
        read_prior("graf", SPACE, nests=True)


def test_a_score_that_no_architecture_has_says_nothing() -> None:
    ranks, n_missing = log_ranks(np.full(3, np.nan))
    assert (ranks.tolist(), n_missing) == ([0.0, 0.0, 0.0], 3)


@pytest.mark.parametrize(
    ("space", "text", "names"),
    [
        (SPACE, "graf+free", ["graf", "free"]),
        (SPACE, "one-hot + live_params+one-hot+jacov", ["one-hot", "live_params", "jacov"]),
        (SPACE, "jacov(cells=1,batch_size = 8)+ogd", ["jacov(cells=1, batch_size=8)", "ogd"]),
        (Toy(), "one-hot", ["one-hot"]),
        (Endless(), "free", ["free"]),
    ],
)
def test_features_are_named_with_plus_signs(space: Space, text: str, names: list[str]) -> None:
    assert read_features(text, space, nests=True) == names


@pytest.mark.parametrize(
    ("space", "text", "words"),
    [
        (SPACE, "grad", r"Unknown feature of space 'nb201' 'grad'\. Did you mean 'graf'"),
        (Toy(), "graf", r"of space 'toy' 'graf'.* Available: .*free.*one-hot"),
        (Endless(), "one-hot", r"of space '.*' 'one-hot'"),
        (SPACE, "jacov", r"Unknown feature of space 'nb201' 'jacov'"),  # they need a run
    ],
)
def test_what_the_space_has_not_is_refused(space: Space, text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_features(text, space)


def test_labels_appear_in_isomorphic_encodings_and_other_features_stay_as_they_are() -> None:
    names = ["layers", "live_params", "graf"]
    table = make_table(names, KEYS, SPACE, refuse)
    places = np.arange(20, 60)
    found = draw_encodings(names, table, places, KEYS, SPACE, 5)
    assert found.shape == (40, 5, table.values.shape[1])
    np.testing.assert_array_equal(found[:, 0], table.values[places])
    is_layer = np.array([name.startswith(("place", "node")) for name in table.names])
    same = np.broadcast_to(table.values[places][:, None, ~is_layer], found[:, :, ~is_layer].shape)
    np.testing.assert_array_equal(found[:, :, ~is_layer], same)
    # How many places are empty is the same in any order.
    empty = [place for place, name in enumerate(table.names) if name.endswith("empty")]
    counts = found[:, :, empty].sum(axis=2)
    np.testing.assert_array_equal(counts, counts[:, :1].repeat(5, axis=1))
    distinct = [len(np.unique(own, axis=0)) for own in found]
    assert np.mean(distinct) > 3


def test_encodings_that_no_feature_tells_apart_are_refused() -> None:
    check_encodings(["graf"], SPACE, 1)
    check_encodings(["graf", "layers"], SPACE, 8)
    with pytest.raises(
        UsageError, match=r"encodings = 8 .* graf\+free is the same .* are not: layers"
    ):
        check_encodings(["graf", "free"], SPACE, 8)
    with pytest.raises(UsageError, match=r"Of space 'toy', these features are not: none"):
        check_encodings(["one-hot"], Toy(), 2)
