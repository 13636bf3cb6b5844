"""What a truth measures: accuracy, accuracy under an attack, latency on a device, or one's own.

A metric is called by a family and, after colons, what it depends on: `robust:pgd@linf:eps=1` is
accuracy under PGD within 1/255 of an image in the maximum norm, `latency:raspi4` milliseconds on
that device.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from harness.errors import TruthError, UsageError

PERCENT = "%"


class TruthMetric(NamedTuple):
    """One metric.

    Attributes:
        name: What it is asked for by.
        unit: Unit of its values, such as "%" or "ms"; "" where it has none.
        is_lower_better: Whether a lower value is the better one.
    """

    name: str
    unit: str
    is_lower_better: bool = False

    @property
    def family(self) -> str:
        """The first part of its name."""
        return self.name.partition(":")[0]

    @property
    def title(self) -> str:
        """Its name with its unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    @property
    def axis(self) -> str:
        """What an axis of a figure says."""
        return f"{self.title} (lower is better)" if self.is_lower_better else self.title

    @property
    def difference(self) -> str:
        """What a difference of two values is in, as a word to follow a number."""
        if self == ACCURACY:
            return "accuracy points"
        return "points" if self.unit == PERCENT else self.unit or f"of {self.name}"

    def orient(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return values of which a higher one is better, in the same unit.

        Differences keep their size, so gaps and regret are in the metric's unit.
        """
        return -values if self.is_lower_better else values


ACCURACY = TruthMetric("accuracy", PERCENT)
"""What a table has that names no metric: percent of images classified correctly."""


_NAME = re.compile(r"[a-z0-9_]+(:[A-Za-z0-9_.@=+-]+)*")


def make_metric(
    name: str | None, unit: str | None, is_lower_better: bool, taken: Collection[str] = ()
) -> TruthMetric | None:
    """Make a metric of one's own.

    Args:
        name: Such as "latency:mine"; None for accuracy.
        unit: Its unit; percent unless given.
        is_lower_better: Whether a lower value is the better one.
        taken: Names that mean something else, such as free scores of the space.

    Returns:
        The metric; None if nothing was given.

    Raises:
        UsageError: If the name is no metric's or is taken, or a unit or direction was given
            without one.
    """
    if name is None and (unit is not None or is_lower_better):
        raise UsageError(
            "A unit or direction was given without the metric that has it. Name it with "
            "--truth-metric, such as latency:mine."
        )
    if name is None:
        return None
    if not _NAME.fullmatch(name) or len(name) > 100 or name == ACCURACY.name:
        raise UsageError(
            f"'{name:.100}' is no name of a metric of one's own: it is a family in lower-case "
            "letters and, after colons, what the metric depends on, such as latency:mine."
        )
    if name in taken:
        raise UsageError(
            f"'{name}' is a free score, which '--where {name} < 1' would mean. Give the metric "
            f"another name, such as {name}:mine."
        )
    return TruthMetric(name, PERCENT if unit is None else unit, is_lower_better)


def write_metrics(metrics: Sequence[TruthMetric]) -> str:
    """Write metrics as a table's file has them."""
    return json.dumps(list(metrics))


def read_metrics(text: str, source: str) -> tuple[TruthMetric, ...]:
    """Read what `write_metrics` wrote.

    Args:
        text: JSON of lists of name, unit and direction.
        source: What to call the file in an error.

    Returns:
        The metrics.

    Raises:
        TruthError: If it is anything else.
    """
    try:
        metrics = tuple(TruthMetric(*row) for row in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        metrics = ()
    names = [metric.name for metric in metrics if isinstance(metric.name, str) and metric.name]
    if (
        not metrics
        or sorted(set(names)) != names
        or len(names) != len(metrics)
        or not all(isinstance(each.unit, str) for each in metrics)
        or not all(isinstance(each.is_lower_better, bool) for each in metrics)
    ):
        raise TruthError(
            f"{source}: its metrics are '{text:.100}', which are no names in ascending order "
            "with unit and direction. The file is damaged; get or make it again."
        )
    return metrics
