"""Predictors over crossed seeds: the same labels with several supernets among the features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from harness.estimators.matrix import SUPERNET_SEED
from harness.evaluation import Evaluated, JointEvaluation
from harness.report.cells import write_ends
from harness.report.markup import Block
from harness.report.sample_efficiency import gather_alike, leave_out
from harness.stats import TAU_LIMITS, CrossedMean, crossed_mean

OVER = "supernets and label seeds"
METRICS = {"tau": "tau [95%]", "tau_top_50": "top half [95%]", "tau_top_10": "top 10% [95%]"}
"""What is averaged, with its heading."""


class Grid(NamedTuple):
    """Predictors of the same settings and label seeds, each with another supernet held.

    Attributes:
        label: Their common name.
        supernets: Seeds of the supernets, [row].
        seeds: Label seeds, [column].
        means: By metric, on all architectures, each label seed without its labels; None where a
            cell has no value.
    """

    label: str
    supernets: tuple[int, ...]
    seeds: tuple[int | None, ...]
    means: dict[str, CrossedMean | None]

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        means = {name: mean and mean.to_dict() for name, mean in self.means.items()}
        return {**self._asdict(), "means": means, "over": OVER}


def find_grids(evaluations: Sequence[Evaluated]) -> list[Grid]:
    """Gather the predictors that differ only in the supernet that is held."""
    grids = []
    for alike in gather_alike(evaluations, SUPERNET_SEED):
        seeds = alike[0].estimator.seeds
        rows = {r.estimator.held_supernets: r for r in alike if r.estimator.seeds == seeds}
        if min(len(rows), len(seeds)) > 1 and all(len(held) == 1 for held in rows):
            rows = dict(sorted(rows.items()))
            means = {name: _average(list(rows.values()), name) for name in METRICS}
            supernets = tuple(held[0] for held in rows)
            grids.append(Grid(leave_out(alike[0].label, SUPERNET_SEED), supernets, seeds, means))
    return grids


def _average(rows: Sequence[Evaluated], metric: str) -> CrossedMean | None:
    found = [result.populations["all"].metrics[metric] for result in rows]
    if any(each.value is None for each in found):
        return None
    return crossed_mean([each.per_seed for each in found], OVER, TAU_LIMITS)


def grid_blocks(section: JointEvaluation) -> Iterator[Block]:
    """Make the table of the grids, if there are any, a row each."""
    rows = []
    for grid in find_grids(section.evaluations):
        sizes = f"{len(grid.supernets)} x {len(grid.seeds)}"
        tau = grid.means["tau"]
        sds = (tau.row_sd, tau.column_sd, tau.rest_sd) if tau is not None else ()
        spread = ", ".join(f"{sd:.3f}" for sd in sds) or "-"
        rows.append((grid.label, sizes, *map(_write, grid.means.values()), spread))
    headings = ("predictor", "supernets x label seeds", *METRICS.values())
    if rows:
        title = f"Over {OVER}, on these architectures, against {section.truth.title}"
        yield Block(title, (*headings, "SD of tau: supernets, labels, rest"), rows)


def _write(mean: CrossedMean | None) -> str:
    return "-" if mean is None else f"{mean.value:.3f}{write_ends(mean.interval)}"


def say_grids(section: JointEvaluation) -> Iterator[str]:
    """Say tau over each grid, in sentences."""
    for grid in find_grids(section.evaluations):
        tau = grid.means["tau"]
        if tau is not None:
            yield (
                f"Over {len(grid.supernets)} supernets and {len(grid.seeds)} label seeds, each "
                f"with every other, {grid.label} has tau {tau.value:.3f}"
                f"{write_ends(tau.interval)} (95% over {OVER}, on these architectures)."
            )
