"""Paired differences between strategies: same seeds, same architectures, same settings else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.config import RunConfig
from harness.estimators import BASELINE_STRATEGY
from harness.report.estimates import (
    Estimate,
    over_seeds_estimate,
    paired_tau_estimate,
    subtract,
    value_of,
)
from harness.report.results import RunResult

TWO_SUPERNETS = "these two supernets only (one seed)"
LEFT_OUT = "left out, as a score failed in one arm only, seed"


@dataclass(frozen=True)
class Comparison:
    """A paired difference between two strategies: same seeds, same architectures.

    Attributes:
        dataset: Images that the supernets were trained and ranked on.
        truth: What both rankings are held against; None for a metric that needs no truth.
        name: Such as "ogd minus spos".
        metric: What is compared.
        n: Architectures.
        seeds: Training seeds that both have.
        difference: First minus second.
        claim: What the interval speaks of.
    """

    dataset: str
    truth: str | None
    name: str
    metric: str
    n: int
    seeds: tuple[int, ...]
    difference: Estimate
    claim: str


def compare_all(
    groups: Sequence[Sequence[RunResult]], labels: Sequence[str]
) -> Iterable[Comparison]:
    """Compare every group of seeds with the baseline strategy of the same settings.

    Args:
        groups: Runs that differ in nothing but the seed, one group a row of the report.
        labels: The rows' labels.

    Yields:
        The differences of tau, PD+, progress and training loss.
    """
    for group, label in zip(groups, labels, strict=True):
        for baseline, baseline_label in zip(groups, labels, strict=True):
            if _are_comparable(group[0].config, baseline[0].config):
                yield from _compare(group, baseline, f"{label} minus {baseline_label}")


def _are_comparable(config: RunConfig, baseline: RunConfig) -> bool:
    """Say whether two runs differ in nothing but the strategy and its own settings."""
    own = {"strategy", "ogd", "seed", "preset"}
    return config.strategy != baseline.strategy == BASELINE_STRATEGY and config.model_dump(
        exclude=own
    ) == baseline.model_dump(exclude=own)


def _compare(
    group: Sequence[RunResult], baseline: Sequence[RunResult], name: str
) -> Iterable[Comparison]:
    by_seed = {r.config.seed: r for r in baseline}
    both = [(r, by_seed[r.config.seed]) for r in group if r.config.seed in by_seed]
    if not both:
        return
    pairs = [(a, b) for a, b in both if np.array_equal(a.indices, b.indices)]
    shared: dict[str, Any] = {
        "dataset": group[0].config.dataset,
        "name": name,
        "n": min((a.ranking.n for a, _ in pairs), default=0),
        "seeds": tuple(a.config.seed for a, _ in pairs),
    }
    over = f"over {len(pairs)} seeds" if len(pairs) > 1 else TWO_SUPERNETS
    left_out = [str(a.config.seed) for a, b in both if not np.array_equal(a.indices, b.indices)]
    if left_out:
        over = f"{over if pairs else 'nothing'}; {LEFT_OUT}: {', '.join(left_out)}"
    taus = [(a.ranking.tau, b.ranking.tau) for a, b in pairs]
    difference = over_seeds_estimate([subtract(value_of(a), value_of(b)) for a, b in taus])
    if have_same_archs([a for a, _ in pairs]):
        difference = paired_tau_estimate(taus)
    truth = str(group[0].query)
    yield Comparison(metric="tau", truth=truth, difference=difference, claim=over, **shared)
    for metric, get in (
        ("positive_pd", lambda r: recent_figure(r, "positive_pd")),
        ("progress", lambda r: r.disturbance.get("progress")),
        ("train_loss", lambda r: r.train_loss),
    ):
        values = [subtract(get(a), get(b)) for a, b in pairs]
        estimate = over_seeds_estimate(values)
        yield Comparison(metric=metric, truth=None, difference=estimate, claim=over, **shared)


def have_same_archs(results: Sequence[RunResult]) -> bool:
    """Say whether intervals over architectures can be put together over these seeds."""
    return all(np.array_equal(result.indices, results[0].indices) for result in results)


def recent_figure(result: RunResult, figure: str) -> float | None:
    """Return a figure of the disturbance of recent paths, or None where there is none."""
    value: float | None = result.disturbance.get("recent", {}).get(figure)
    return value
