"""Rules of the regression gate: which figure is watched, and how much worse it may become.

A rule is written `figure:margin`, such as `tau:0.02` (in its own units) or `positive_pd:10%` (a
share of the baseline). The margin is the largest loss that does not matter, not the one that is
expected: a difference within it is not a regression, however certain.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from harness.errors import UsageError
from harness.scores import show
from harness.stats.correlation import FloatArray
from harness.stats.metrics import BEST_OF, METRICS

DEFAULT_RULE = "tau:0.02"

_RULE = re.compile(r"([A-Za-z_0-9]+):([0-9]{1,9}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})(%?)")
_MOST_PCT = 1000.0


@dataclass(frozen=True)
class Quantity:
    """A figure that a rule can watch.

    Attributes:
        name: What a rule calls it.
        title: What it is, in words.
        metric: Key of `harness.stats.METRICS`; None for a figure that runs measure in training,
            where lower is better.
        most: Largest margin in its own units; beyond it a rule would let everything pass. Infinite
            where that depends on the truth.
    """

    name: str
    title: str
    metric: str | None
    most: float

    @property
    def takes_share(self) -> bool:
        """Whether a margin may be a share: only where the figure is above zero."""
        return self.metric is None

    @property
    def is_extreme(self) -> bool:
        """Whether it rests on a single architecture: regret, where lower is better."""
        return self.metric is not None and METRICS[self.metric].is_extreme


_ROWS = (
    Quantity("tau", "Kendall's tau-b", "tau", 1.0),
    Quantity("tau_top_half", "tau within the top half of truth", "tau_top_50", 1.0),
    Quantity("tau_top_20", "tau within the top 20% of truth", "tau_top_20", 1.0),
    Quantity("tau_top_10", "tau within the top 10% of truth", "tau_top_10", 1.0),
    Quantity("spearman", "Spearman's rank correlation", "spearman", 1.0),
    *(
        Quantity(f"regret_at_{k}", f"regret@{k}, in the truth's unit", f"regret_at_{k}", math.inf)
        for k in BEST_OF
    ),
    Quantity("positive_pd", "mean positive disturbance of recent paths, nats", None, 100.0),
    Quantity("train_loss", "training loss at the end, nats", None, 100.0),
)

_IN_REPORTS = {"tau_top_50": "tau_top_half"}
"""Names that reports have for a figure, which a rule may use as well."""

QUANTITIES: dict[str, Quantity] = {row.name: row for row in _ROWS}
"""What can be watched, by name. Adding one that `METRICS` has is one row."""


@dataclass(frozen=True)
class Rule:
    """How much worse a figure may become.

    The differences of the gate are on the rule's scale, where they are added and averaged: the
    figure's own, or for a share its logarithm. A difference of logarithms is a ratio, whatever the
    baseline's own noise, and its mean over seeds is that of the geometric mean.

    Attributes:
        quantity: What is watched.
        margin: How much worse it may become: 0 or more.
        is_share: Whether the margin is a share of the baseline, not in the figure's own units.
    """

    quantity: Quantity
    margin: float
    is_share: bool = False

    def __str__(self) -> str:
        """Write the rule as it is given."""
        margin = f"{100 * self.margin:g}%" if self.is_share else f"{self.margin:g}"
        return f"{self.quantity.name}:{margin}"

    @property
    def limit(self) -> float:
        """The margin on the rule's scale."""
        return math.log1p(self.margin) if self.is_share else self.margin

    def to_scale(self, values: FloatArray) -> FloatArray:
        """Bring values [seed] to the rule's scale.

        Raises:
            UsageError: If a share is asked for of a figure that is not above 0.
        """
        if not self.is_share:
            return values
        if not (values > 0.0).all():
            raise UsageError(
                f"Rule '{self}' was given, but {self.quantity.title} is {values.min():g} for a "
                "seed: a share of zero is undefined. Give the margin in its own units, such as "
                f"{self.quantity.name}:0.001."
            )
        return np.log(values)

    def to_value(self, mean: float) -> float:
        """Bring a mean on the rule's scale back to the figure's own."""
        return math.exp(mean) if self.is_share else mean

    def to_margin(self, difference: float | None) -> float | None:
        """Bring a difference on the rule's scale, if there is one, to the units of the margin."""
        if difference is None or not self.is_share:
            return difference
        return math.expm1(min(difference, 700.0))

    def show(self, difference: float) -> str:
        """Write a difference in the units of the margin."""
        digits = 4 if self.quantity.metric is None else 3
        text = f"{difference:.1%}" if self.is_share else f"{difference:.{digits}f}"
        return text if text.strip("-0.%") else text.removeprefix("-")


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Args:
        text: Such as `tau:0.02`, or `positive_pd:10%`, which is relative to the baseline.

    Returns:
        The rule.

    Raises:
        UsageError: If it is not `figure:margin`, the figure is unknown, or the margin is out of
            range or a share of a figure that may be 0 or below.
    """
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise _refuse(text, "it is not figure:margin with a margin of 0 or more")
    name, number, percent = match[1], float(match[2]), match[3] == "%"
    name = _IN_REPORTS.get(name, name)
    if name not in QUANTITIES:
        nearest = difflib.get_close_matches(name, QUANTITIES, n=1, cutoff=0.5)
        hint = f"; did you mean '{nearest[0]}'?" if nearest else ""
        raise _refuse(text, f"there is no figure '{show(name)}'{hint}")
    quantity = QUANTITIES[name]
    if percent and not quantity.takes_share:
        undefined = f"{quantity.title} may be 0 or below, so that a share of it is undefined"
        raise _refuse(text, f"{undefined}; use, say, {name}:0.02")
    most = _MOST_PCT if percent else quantity.most
    if number > most:
        unit = "%" if percent else ""
        raise _refuse(text, f"the margin is {number:g}{unit}; at most {most:g}{unit} is allowed")
    return Rule(quantity, number / 100.0 if percent else number, percent)


def parse_rules(texts: Iterable[str]) -> tuple[Rule, ...]:
    """Read rules; if there are none, the default rule.

    Args:
        texts: As for `parse_rule`.

    Returns:
        At least one rule, each for a different figure.

    Raises:
        UsageError: As `parse_rule`, or if a figure has two rules.
    """
    rules = tuple(parse_rule(text) for text in texts) or (parse_rule(DEFAULT_RULE),)
    names = [rule.quantity.name for rule in rules]
    twice = [str(rule) for rule in rules if names.count(rule.quantity.name) > 1]
    if twice:
        raise UsageError(
            f"Rules {' and '.join(twice)} are about the same figure; only the stricter one would "
            "ever decide. Give one rule for each figure."
        )
    return rules


def _refuse(text: str, reason: str) -> UsageError:
    shares = [row.name for row in _ROWS if row.takes_share]
    return UsageError(
        f"Rule '{show(text)}' is not allowed: {reason}. A rule is FIGURE:MARGIN, such as "
        f"{DEFAULT_RULE}, with FIGURE one of {', '.join(QUANTITIES)}; of {' and '.join(shares)} "
        "MARGIN may be a share of the baseline, such as positive_pd:10%."
    )
