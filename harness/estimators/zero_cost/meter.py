"""What each proxy costs by itself, although passes are shared.

A shared pass is computed once and timed; every proxy that asks for it, directly or by way of
another pass, is charged all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, overload

T = TypeVar("T")
P = ParamSpec("P")


@dataclass
class _Frame:
    """One computation that is going on: the passes that it asked for, and their seconds."""

    needs: set[str] = field(default_factory=set)
    inner: float = 0.0


class Meter:
    """Times the passes of one network, and what is made of them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take a clock.

        Args:
            clock: Seconds, from any start; `time.process_time` on a CPU, so that other work on
                the machine does not count.
        """
        self._clock = clock
        self._passes: dict[str, tuple[Any, float, frozenset[str]]] = {}
        self._frames: list[_Frame] = []

    def charge(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, float]:
        """Return what a function returns, and its seconds, those of all passes that it asks for."""
        value, own, needs = self._time(function, *args, **kwargs)
        return value, own + sum(self._passes[name][1] for name in needs)

    def ask(self, name: str, compute: Callable[[], Any]) -> Any:
        """Return a pass, computed when it is first asked for."""
        if name not in self._passes:
            value, own, needs = self._time(compute)
            self._passes[name] = (value, own, needs | {name})
        value, _, needs = self._passes[name]
        if self._frames:
            self._frames[-1].needs |= needs
        return value

    def aside(self, name: str, compute: Callable[[], Any]) -> None:
        """Compute a pass within another that has what it takes, charged to who asks for it."""
        frame = self._frames[-1]
        needs = set(frame.needs)
        self.ask(name, compute)
        frame.needs = needs

    def _time(
        self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[T, float, frozenset[str]]:
        """Return also the seconds without those of passes, and the passes that were asked for."""
        frame = _Frame()
        self._frames.append(frame)
        started = self._clock()
        try:
            value = function(*args, **kwargs)
        finally:
            self._frames.pop()
        took = self._clock() - started
        if self._frames:
            self._frames[-1].inner += took
        return value, took - frame.inner, frozenset(frame.needs)


class _Metered(Protocol):
    meter: Meter


class SharedPass(Generic[T]):
    """A property that is computed once, and timed by the `meter` of its object."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        """Decorate a method without arguments."""
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, _owner: type, name: str) -> None:
        """Learn the name of the pass."""
        self._name = name

    @overload
    def __get__(self, passes: None, _owner: type) -> Self: ...
    @overload
    def __get__(self, passes: _Metered, _owner: type) -> T: ...
    def __get__(self, passes: _Metered | None, _owner: type) -> T | Self:
        """Return the pass."""
        if passes is None:
            return self
        found: T = passes.meter.ask(self._name, lambda: self._compute(passes))
        return found
