"""What each costs alone, although passes are shared."""

from __future__ import annotations

import pytest

from harness.estimators.zero_cost.meter import Meter, SharedPass


class Clock:
    """A clock that work moves on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Passes:
    """A pass that needs another, and one by itself."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.meter = clock, Meter(clock)
        self.computed: list[str] = []

    def work(self, name: str, seconds: float) -> str:
        self.computed.append(name)
        self.clock.now += seconds
        return name

    @SharedPass
    def forward(self) -> str:
        """One pass."""
        return self.work("forward", 1.0)

    @SharedPass
    def backward(self) -> str:
        """Another, which needs it."""
        assert self.forward == "forward"
        return self.work("backward", 10.0)

    @SharedPass
    def other(self) -> str:
        """A pass by itself."""
        return self.work("other", 100.0)


def first(passes: Passes) -> str:
    return passes.work("first", 0.25) + passes.backward


def second(passes: Passes) -> str:
    return passes.backward + passes.forward + passes.work("second", 0.5)


def third(passes: Passes) -> str:
    return passes.other + passes.forward


def test_every_one_that_asks_is_charged_all_passes_that_it_needs() -> None:
    passes = Passes(Clock())
    charged = [passes.meter.charge(one, passes)[1] for one in (first, second, third)]
    assert charged == pytest.approx([11.25, 11.5, 101.0])
    assert passes.computed == ["first", "forward", "backward", "second", "other"]
    assert passes.meter.charge(first, passes) == ("firstbackward", pytest.approx(11.25))


def test_what_is_computed_beside_a_pass_is_charged_to_those_who_ask_for_it() -> None:
    passes = Passes(Clock())
    meter = passes.meter

    def both() -> str:
        meter.aside("extra", lambda: passes.work("extra", 1_000.0) + passes.forward)
        return passes.work("both", 10.0)

    def ask_extra() -> str:
        return f"{meter.ask('both', both)}{meter.ask('extra', str)}"

    assert meter.charge(meter.ask, "both", both)[1] == pytest.approx(10.0)
    value, seconds = meter.charge(ask_extra)
    assert (value, seconds) == ("bothextraforward", pytest.approx(1_011.0))
    assert passes.computed == ["extra", "forward", "both"]


def test_a_pass_that_fails_charges_nobody_and_is_tried_again() -> None:
    passes = Passes(Clock())

    def fail() -> str:
        passes.clock.now += 5.0
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        passes.meter.charge(lambda: passes.meter.ask("broken", fail))
    assert passes.meter.charge(third, passes)[1] == pytest.approx(101.0)
    assert isinstance(Passes.forward, SharedPass)
    assert Passes.forward.__doc__ == "One pass."
