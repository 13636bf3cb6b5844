"""The trade-off between the truth and a second objective, as a table, a sentence and a figure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.evaluation.trade_off import (
    PICKS,
    RANDOM_PICKS,
    RANDOM_SCORES,
    Picks,
    TradeOff,
)
from harness.report.contents import Section
from harness.report.figure import Figure, Series
from harness.report.markup import Block

NOTE = (
    "Trade-off: picks of k architectures by non-dominated sorting of an estimator's score and the "
    "known second objective (or, where the title says so, another estimator's score of it); "
    "hypervolume of their true values, scaled to the range of the tables, over that of the best k "
    f"that could be picked. {RANDOM_SCORES}: in place of an estimator's; {RANDOM_PICKS}: drawn "
    "uniformly. +-: standard deviation over seeds, or over draws."
)
"""Where there is a trade-off."""


def trade_off_blocks(section: Section) -> Iterator[Block]:
    """Make the table of what picks reach, if it was asked for, the best first."""
    found = section.trade_off
    if found is None:
        return
    rows = [(each.label, *(_write(each, k) for k in PICKS)) for each in _in_order(found)]
    title = (
        f"Trade-off with {found.second.axis}, against {section.truth.title}: share of the best "
        f"hypervolume (n={found.n:,}){_say_known(found)}"
    )
    yield Block(title, ("estimator", *(f"{k} picks" for k in PICKS)), rows)


def say_trade_off(section: Section) -> Iterator[str]:
    """Say what the estimators' picks reach, in a sentence."""
    found = section.trade_off
    if found is None:
        return
    k = PICKS[0]
    told = [f"{each.label} {_write(each, k)}" for each in _in_order(found) if k in each.shares]
    yield (
        f"Trade-off with {found.second.name} ({found.n:,} architectures): of the hypervolume of "
        f"the best {k} architectures, {k} picks reach {', '.join(told)}{_say_known(found)}."
    )
    if found.note:
        yield f"Trade-off: {found.note}"


def _say_known(found: TradeOff) -> str:
    score = found.second_score
    return "" if score is None else f"; picks know {found.second.name} by the scores of {score}"


def trade_off_figures(section: Section, suffix: str) -> Iterator[Figure]:
    """Make the figure of the true values of the largest picks, beside the Pareto front."""
    found = section.trade_off
    if found is None:
        return
    series = [_to_series(each.label, each.points, "points") for each in found.picks]
    k = max((k for each in found.picks for k in each.shares), default=0)
    yield Figure(
        f"trade-off{suffix}",
        "Trade-off",
        f"True values of the {k} picks of each estimator (of its first seed), and the Pareto front "
        f"of all {found.n:,} architectures; against {section.truth.title}.",
        found.second.axis,
        found.first.axis,
        (*series, _to_series("Pareto front", found.front, "reference")),
    )


def trade_off_rows(section: Section) -> Iterator[dict[str, object]]:
    """Yield the shares as rows of CSV."""
    found = section.trade_off
    if found is None:
        return
    for each in found.picks:
        for k, shares in each.shares.items():
            yield {
                "name": each.label,
                "figure": f"hypervolume share of {k} picks with {found.second.name}",
                "n": found.n,
                "value": float(np.mean(shares)),
                "sd_over_seeds": float(np.std(shares, ddof=1)) if len(shares) > 1 else "",
            }


def _in_order(found: TradeOff) -> list[Picks]:
    return sorted(found.picks, key=lambda each: -np.mean(each.shares.get(PICKS[0], (0.0,))))


def _write(picks: Picks, k: int) -> str:
    shares = picks.shares.get(k)
    if shares is None:
        return "too few"
    spread = f" +- {np.std(shares, ddof=1):.3f}" if len(shares) > 1 else ""
    return f"{np.mean(shares):.3f}{spread}"


def _to_series(label: str, points: tuple[tuple[float, float], ...], kind: str) -> Series:
    """Return points, whose first value is the truth, sorted by the second objective."""
    ordered = sorted((second, first) for first, second in points)
    x, y = zip(*ordered, strict=True) if ordered else ((), ())
    return Series(label, x, y, kind=kind)  # type: ignore[arg-type]
