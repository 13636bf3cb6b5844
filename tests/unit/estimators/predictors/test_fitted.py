"""Predictors of a user's own accuracies: fitted, applied, saved, loaded, judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import ArchError, DataError, UsageError
from harness.estimators.predictors.fitted import FittedPredictor
from harness.spaces import load_space
from harness.truth import default_query, find_truth
from tests.spaces.endless import Endless
from tests.spaces.toy import Toy

SPACE = load_space()
TRUTH = find_truth("tiles").mean(default_query("tiles"))
KEYS = SPACE.prefix(40)
ACCURACY = {key: TRUTH.by_index()[key] for key in KEYS}


@pytest.fixture(scope="module")
def fitted() -> FittedPredictor:
    return harness.fit_predictor({str(SPACE.at(key)): ACCURACY[key] for key in KEYS})


def test_a_csv_a_series_and_a_mapping_give_the_same_predictor(
    fitted: FittedPredictor, tmp_path: Path
) -> None:
    archs = [str(SPACE.at(key)) for key in KEYS]
    frame = pd.DataFrame({"cell": archs, "accuracy": list(ACCURACY.values())})
    frame.to_csv(tmp_path / "mine.csv", index=False)
    series = frame.set_index("cell")["accuracy"]
    asked = ["|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|", 7, SPACE.at(9)]
    expected = fitted.predict(asked)
    assert expected.shape == (3,)
    for given in (tmp_path / "mine.csv", series, ACCURACY):
        found = harness.fit_predictor(given)
        np.testing.assert_array_equal(found.keys, np.sort(KEYS))
        np.testing.assert_array_equal(found.predict(asked), expected)


def test_a_prediction_does_not_depend_on_which_others_are_asked_for(
    fitted: FittedPredictor,
) -> None:
    np.testing.assert_array_equal(fitted.predict(range(100))[[3, 50]], fitted.predict([3, 50]))


def test_where_lower_is_better_predictions_are_turned() -> None:
    errors = {key: 100 - value for key, value in ACCURACY.items()}
    turned = harness.fit_predictor(errors, model="gp", lower_is_better=True)
    ours = harness.fit_predictor(ACCURACY, model="gp").predict(range(50))
    np.testing.assert_allclose(turned.predict(range(50)), ours, rtol=1e-9)


def test_saved_and_loaded_it_predicts_the_same_bits(
    fitted: FittedPredictor, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "mine.json")
    loaded = harness.load_predictor(tmp_path / "mine.json")
    np.testing.assert_array_equal(loaded.predict(range(60)), fitted.predict(range(60)))
    content = json.loads((tmp_path / "mine.json").read_text())
    assert content["labels"] == {str(SPACE.at(key)): ACCURACY[key] for key in KEYS}
    assert (content["model"], content["features"], content["seed"]) == ("forest+gp", "graf", 0)


def test_its_prior_is_saved_and_an_older_file_has_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    fitted = harness.fit_predictor(ACCURACY, model="gp", prior="live_params")
    without = harness.fit_predictor(ACCURACY, model="gp")
    fitted.save(path)
    found = harness.load_predictor(path).predict(range(60))
    np.testing.assert_array_equal(found, fitted.predict(range(60)))
    assert not np.allclose(found, without.predict(range(60)))
    content = json.loads(path.read_text())
    assert content.pop("prior") == "live_params"
    path.write_text(json.dumps(content))
    loaded = harness.load_predictor(path)
    np.testing.assert_array_equal(loaded.predict(range(60)), without.predict(range(60)))


def test_encodings_are_saved_and_members_of_a_class_still_tie(tmp_path: Path) -> None:
    few = harness.fit_predictor(ACCURACY, model="forest", features="layers")
    fitted = harness.fit_predictor(ACCURACY, model="forest", features="layers", encodings=4)
    fitted.save(tmp_path / "mine.json")
    found = harness.load_predictor(tmp_path / "mine.json").predict(range(300))
    np.testing.assert_array_equal(found, fitted.predict(range(300)))
    assert not np.allclose(found, few.predict(range(300)))
    classes = [SPACE.key(SPACE.canonical(SPACE.at(key))) for key in range(300)]
    np.testing.assert_array_equal(found, fitted.predict(classes))


def test_it_is_never_judged_on_its_labels(fitted: FittedPredictor) -> None:
    own = fitted.to_estimator(label="mine")
    assert not set(own.keys.tolist()) & set(KEYS)
    assert len(own.keys) == 15_625 - len(KEYS)
    result = harness.evaluate(own, "tiles")
    assert result.label == "mine"
    assert result.figures.n_per_seed == (len(TRUTH.keys) - len(KEYS),)
    assert (result.tau or 0.0) > 0.7  # 0.75
    few = fitted.to_estimator([*KEYS[:5], *range(9)])
    assert set(few.keys.tolist()) == set(range(9)) - set(KEYS)


def test_a_space_without_graph_features_has_its_own(tmp_path: Path) -> None:
    toy = Toy()
    archs = [toy.at(key) for key in toy.prefix(60)]
    accuracies = {str(arch): 50.0 + str(arch).count("c") for arch in archs}
    model = harness.fit_predictor(accuracies, space=toy, features="one-hot", model="gp")
    most, least = model.predict(["ccc/ccc", "xxx/xxx"])
    assert most > least
    model.save(tmp_path / "toy.json")
    with pytest.raises(DataError, match="'toy', which this version does not know"):
        harness.load_predictor(tmp_path / "toy.json")
    loaded = harness.load_predictor(tmp_path / "toy.json", toy)
    assert loaded.predict(["ccc/ccc"]) == most


def test_a_space_that_cannot_be_listed_is_predicted_where_it_is_asked_for() -> None:
    endless = Endless()
    accuracies = {"k" * n: 50.0 + n for n in range(1, 12)}
    model = harness.fit_predictor(accuracies, space=endless, features="free", model="gp")
    short, long = model.predict(["kik", "kkkikkkk"])
    assert short < long
    with pytest.raises(UsageError, match="too large to be listed"):
        model.to_estimator()
    assert model.to_estimator(["kik"]).score.shape == (1, 1)


@pytest.mark.parametrize(
    ("given", "options", "error", "words"),
    [
        ({1: 50.0, 2: 50.0, 3: 50.0}, {}, DataError, "one and the same score"),
        ({1: 50.0}, {}, UsageError, "1 labels were given, of 1 different"),
        (ACCURACY, {"model": "tree"}, UsageError, "Unknown model of a predictor 'tree'"),
        (ACCURACY, {"encodings": 3}, UsageError, "encodings = 3 .* graf is the same"),
        (ACCURACY, {"features": "jacov"}, UsageError, "Unknown feature of space 'nb201' 'jacov'"),
        ({"nonsense": 1.0, "more": 2.0}, {}, DataError, "nonsense"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    given: dict[Any, float], options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        harness.fit_predictor(given, **options)


def test_accuracies_of_several_methods_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"nb201_index": [1, 2, 1, 2], "method": [*"aabb"], "accuracy": range(4)})
    frame.to_csv(tmp_path / "two.csv", index=False)
    with pytest.raises(DataError, match=r"two\.csv: it has the labels of 2 methods"):
        harness.fit_predictor(tmp_path / "two.csv")
    one = harness.fit_predictor(tmp_path / "two.csv", rows={"method": "b"})
    assert one.accuracy.tolist() == [2.0, 3.0]


def test_an_unknown_architecture_is_not_predicted(fitted: FittedPredictor) -> None:
    with pytest.raises(ArchError):
        fitted.predict([15_625])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "is no saved predictor, or is damaged"),
        ('{"format": "predictor/2"}', "format"),
        ("[" * 10_000, "is no saved predictor"),
    ],
)
def test_a_damaged_file_is_refused(content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(DataError, match=words):
        harness.load_predictor(tmp_path / "bad.json")
    with pytest.raises(DataError, match=r"nowhere\.json cannot be read"):
        harness.load_predictor(tmp_path / "nowhere.json")
