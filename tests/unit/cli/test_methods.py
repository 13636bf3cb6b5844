"""The estimators that a command names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import pytest

from harness.cli.methods import GROUPS, Method, parse_methods, parse_options, spell_out
from harness.errors import UsageError
from harness.estimators import PROXIES, SUPERNET, is_free
from harness.settings.run import RunConfig
from harness.spaces import REGISTRY, load_space
from harness.spaces.base import Baseline
from tests.spaces.toy import CONV, Toy


def test_names_are_strategies_estimators_and_groups_each_once() -> None:
    found = parse_methods(["ogd"], ["supernets", "jacov", "live_params", "jacov"])
    assert found == [
        Method(SUPERNET, "ogd"),
        Method(SUPERNET, "spos"),
        Method("jacov", None),
        Method("live_params", None),
    ]


def test_groups_hold_every_proxy_and_every_free_score() -> None:
    assert [method.estimator for method in parse_methods((), ["zero-cost"])] == list(PROXIES)
    for space in map(load_space, REGISTRY):
        free = [method.estimator for method in parse_methods((), ["free"], space)]
        assert free == list(space.baselines)


@pytest.mark.parametrize("name", REGISTRY)
def test_floor_stands_for_the_floor_of_the_space(name: str) -> None:
    space = load_space(name)
    asked = parse_options(None, "floor,floor+2*jacov", space)
    assert asked.methods == [Method(space.floor, None), Method("jacov", None)]
    assert asked.combinations == [f"{space.floor}+2*jacov"]
    with pytest.raises(UsageError, match=f"names {space.floor} twice"):
        parse_options(None, f"floor+{space.floor}+jacov", space)


class WithConvs(Toy):
    """A space of one's own, with a free score of its own."""

    @cached_property
    def baselines(self) -> Mapping[str, Baseline]:
        """Count convolutions, besides."""
        own = Baseline("convolutions", lambda arch: float(arch.choices.count(CONV)))
        return {**super().baselines, "n_convs": own}


def test_a_free_score_of_ones_own_space_can_be_asked_for() -> None:
    space = load_space(f"{__name__}:WithConvs")
    assert parse_methods((), ["n_convs"], space) == [Method("n_convs", None)]
    assert Method("n_convs", None) in parse_methods((), ["free"], space)
    asked = parse_options(None, "n_convs+spos,n_convs+params", space)
    assert asked.methods == [
        Method(SUPERNET, "spos"),
        Method("n_convs", None),
        Method("params", None),
    ]
    config = RunConfig(space=f"{__name__}:WithConvs", estimator="n_convs")
    assert is_free(config)
    assert spell_out("n_convs+2*spos", config) == "n_convs+2*spos"


def test_a_free_score_of_another_space_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^Unknown estimator 'depth'\."):
        parse_methods((), ["depth"])
    assert parse_methods((), ["depth"], load_space("macro")) == [Method("depth", None)]


def test_a_class_of_ones_own_is_a_strategy_or_an_estimator() -> None:
    strategy = "harness.strategies.spos:SinglePathOneShot"
    proxy = "harness.estimators.zero_cost.jacov:Jacov"
    found = parse_methods((), [strategy, proxy])
    assert found == [Method(SUPERNET, strategy), Method(proxy, None)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jacof", r"^Unknown estimator 'jacof'\. Did you mean 'jacov'\?"),
        ("zero_cost", r"Did you mean 'zero-cost'\?"),
        ("supernet", r"Did you mean 'supernets'\?"),
        ("harness.settings.run:RunConfig", r"not a subclass of harness\.estimators\.base"),
    ],
)
def test_anything_else_is_refused_with_the_nearest_name(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_methods((), [name])


def test_each_has_its_run_of_a_seed() -> None:
    (jacov,) = parse_methods((), ["jacov"])
    assert jacov.configure(RunConfig(), 2).name.startswith("tiles-jacov-s2-")
    assert set(GROUPS) == {"zero-cost", "supernets", "free"}
