"""Estimators are found by name, and what is not one is refused."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.estimators import REGISTRY, estimator_of, is_free, load_estimator
from harness.estimators.base import Estimator
from harness.settings.run import RunConfig
from harness.spaces import REGISTRY as SPACES
from harness.spaces import load_space


def test_every_registered_estimator_is_one_under_its_own_name() -> None:
    for name in REGISTRY:
        found = load_estimator(name)
        assert issubclass(found, Estimator)
        assert found.name == name
    assert RunConfig().estimator in REGISTRY


@pytest.mark.parametrize("space", [*SPACES, "tests.spaces.toy:Toy"])
def test_a_free_score_is_an_estimator_of_the_spaces_that_have_it(space: str) -> None:
    for name in load_space(space).baselines:
        config = RunConfig(space=space, estimator=name)
        assert is_free(config)
        assert estimator_of(config).name == "free"
    assert not is_free(RunConfig(space=space))
    with pytest.raises(UsageError, match=r"^Unknown estimator 'depth'\."):
        load_estimator("depth", "nb201")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("supernets", r"^Unknown estimator 'supernets'\. Did you mean 'supernet'\?"),
        ("no.such:Thing", r"module 'no\.such' cannot be imported"),
        ("harness.settings.run:RunConfig", r"'RunConfig' .* is not a subclass of harness\.est"),
        (":X", r"is not of the form package\.module:Class"),
    ],
)
def test_what_is_not_an_estimator_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_estimator(name)


def test_the_estimator_that_stored_runs_had_is_not_in_the_name_and_others_are() -> None:
    other = RunConfig(estimator="mine.module:Proxy")
    assert RunConfig(estimator="supernet").run_id == RunConfig().run_id
    assert other.training_sha256 != RunConfig().training_sha256
    assert other.run_id.startswith("tiles-mine-module-Proxy-s0-")
