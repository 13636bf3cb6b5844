"""The parts of a report, by which its sentences, tables and notes can be asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from harness.errors import UsageError, unknown_name
from harness.estimators.naming import split_names

LEADERBOARD, POPULATIONS, DIFFERENCES = "leaderboard", "populations", "differences"
UNCERTAINTY, TRADE_OFF, DISTURBANCE = "uncertainty", "trade-off", "disturbance"
CAVEATS = "caveats"

PARTS = {
    LEADERBOARD: "tau, tops, cost and added value of each estimator",
    POPULATIONS: "tau by population, beside free scores and the ceiling",
    DIFFERENCES: "paired differences, and whether the winner depends on the population",
    UNCERTAINTY: "what the uncertainty of each tau comes from",
    TRADE_OFF: "picks by score and the objective of --trade-off",
    DISTURBANCE: "disturbance, progress and cost of training",
    CAVEATS: "truth, kind of scores, what was left out",
}
"""Names, and what each part has."""

Content = TypeVar("Content")


def parse_parts(text: str | None) -> tuple[str, ...]:
    """Split a comma-separated list of parts, each once; None gives none.

    Raises:
        UsageError: If it names none, or one that is unknown.
    """
    found = tuple(split_names(text))
    if text is not None and not found:
        raise UsageError(
            f"--section '{text}' names no section. Give names such as {LEADERBOARD},{POPULATIONS}."
        )
    for name in found:
        if name not in PARTS:
            raise unknown_name("section", name, PARTS)
    return found


def check_content(names: Collection[str], found: Iterable[str]) -> None:
    """Refuse parts of which a report has nothing.

    Args:
        names: What was asked for.
        found: The parts that have content.

    Raises:
        UsageError: If there is one.
    """
    there = {*found}
    absent = [name for name in names if name not in there]
    if absent:
        raise UsageError(
            f"This report has nothing under --section {', '.join(absent)} "
            f"({'; '.join(PARTS[name] for name in absent)}). It has: "
            f"{', '.join(name for name in PARTS if name in there)}."
        )


def pick(tagged: Iterable[tuple[str, Content]], names: Collection[str]) -> Iterator[Content]:
    """Yield what belongs to parts; everything if none are named."""
    return (content for part, content in tagged if not names or part in names)
