"""What a table's accuracies look like as a whole: by operations, and between trials."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.spaces import Grid
from harness.spaces.lookup import are_judged
from harness.truth.query import Trials, TruthQuery
from harness.truth.table import TruthTable

QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
N_BINS = 10

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CountRow:
    """The architectures that have something a given number of times.

    Attributes:
        what: What the space counts (`Space.counts`), such as an operation.
        count: How often they have it.
        n: Such architectures.
        mean: Their mean accuracy, percent; None without any.
        sd: Standard deviation between them; None for fewer than two.
        low: Their lowest accuracy; None without any.
        high: Their highest accuracy; None without any.
    """

    what: str
    count: int
    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class SpreadRow:
    """Spread between trainings of one architecture, for architectures of similar accuracy.

    Attributes:
        low: Lowest mean accuracy of the bin, percent.
        high: Highest one.
        n: Architectures with two trials or more.
        sd: Standard deviation between trainings of one architecture, pooled, percent.
    """

    low: float
    high: float
    n: int
    sd: float


@dataclass(frozen=True)
class Overview:
    """The whole.

    Attributes:
        n: Architectures under the query.
        n_missing: Architectures that lack the trial or seed that was asked for.
        mean: Mean accuracy, percent.
        sd: Standard deviation between architectures; None for one.
        quantiles: Accuracy by quantile, 0-1.
        trials: Architectures by number of trials.
        counts: By what the space counts.
        spread: Between trials, in bins of equally many architectures; empty without any
            architecture of two trials.
    """

    n: int
    n_missing: int
    mean: float
    sd: float | None
    quantiles: dict[float, float]
    trials: dict[int, int]
    counts: tuple[CountRow, ...]
    spread: tuple[SpreadRow, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)


def describe_table(table: TruthTable, query: TruthQuery) -> Overview:
    """Describe the accuracies that a query selects.

    Args:
        table: The table.
        query: What to select; the spread between trials is over all trials, whatever its policy.

    Returns:
        The overview.

    Raises:
        TruthError: If the table has no such rows.
    """
    space, truth, trials = table.space, table.judged(query), table.trials(query)
    judged = are_judged(trials.keys, space)
    trials = Trials(trials.keys[judged], trials.value[judged])
    counted = [space.counts(space.at(key)) for key in truth.keys.tolist()]
    by_name = {name: np.array([counts[name] for counts in counted]) for name in counted[0]}
    highest = max((int(counts.max()) for counts in by_name.values()), default=0)
    if isinstance(space, Grid):
        highest = max(highest, len(space.slots))
    rows = [
        row
        for what, counts in by_name.items()
        for row in _count_rows(what, counts, highest, truth.value)
    ]
    sizes, n_archs = np.unique(np.isfinite(trials.value).sum(axis=1), return_counts=True)
    values = np.quantile(truth.value, QUANTILES)
    return Overview(
        n=len(counted),
        n_missing=truth.n_missing,
        mean=float(truth.value.mean()),
        sd=_sd(truth.value),
        quantiles=dict(zip(QUANTILES, values.tolist(), strict=True)),
        trials=dict(zip(sizes.tolist(), n_archs.tolist(), strict=True)),
        counts=tuple(rows),
        spread=_spread(trials),
    )


def _count_rows(
    what: str, counts: npt.NDArray[np.int64], highest: int, accuracy: FloatArray
) -> list[CountRow]:
    rows = []
    for number in range(highest + 1):
        own = accuracy[counts == number]
        figures = (own.mean(), own.min(), own.max()) if len(own) else (None, None, None)
        mean, low, high = (None if figure is None else float(figure) for figure in figures)
        rows.append(CountRow(what, number, len(own), mean, _sd(own), low, high))
    return rows


def _sd(values: FloatArray) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _spread(trials: Trials) -> tuple[SpreadRow, ...]:
    """Pool the variance between trials in bins of equally many architectures."""
    n_trials = np.isfinite(trials.value).sum(axis=1)
    several = trials.value[n_trials > 1]
    if len(several) == 0:
        return ()
    means = np.nanmean(several, axis=1)
    squares = np.nansum((several - means[:, None]) ** 2, axis=1)
    freedom = np.isfinite(several).sum(axis=1) - 1
    order = np.argsort(means, kind="stable")
    return tuple(
        SpreadRow(
            low=float(means[part].min()),
            high=float(means[part].max()),
            n=len(part),
            sd=float(np.sqrt(squares[part].sum() / freedom[part].sum())),
        )
        for part in np.array_split(order, min(N_BINS, len(order)))
    )
