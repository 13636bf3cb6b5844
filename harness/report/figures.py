"""The figures of a report as data; `plots` draws them for print, `page` for the browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from harness.estimators.cost import CORE_S, GPU_S, PUBLISHED_S
from harness.report.cells import find_interval
from harness.report.contents import Contents, Section
from harness.report.figure import Figure, Series, make_series, spread_series
from harness.report.leaderboard import find_units, make_leaderboard, of_unit
from harness.report.sample_efficiency import efficiency_figures
from harness.report.trade_offs import trade_off_figures
from harness.report.training_figures import training_figures
from harness.stats import PopulationResult
from harness.stats.gaps import MOST_COMPARED

_NAMES = {CORE_S: "cost", GPU_S: "gpu-cost", PUBLISHED_S: "given-cost"}
"""Of the figures of tau against cost, by unit."""


def make_figures(report: Contents) -> list[Figure]:
    """Make all figures for which the report has the numbers.

    Args:
        report: The report.

    Returns:
        For each truth: score against truth, tau by population, pairs in the right order by true
        gap, tau over training, tau against cost, the trade-off if asked for, and against labels and
        their cost. For the runs: disturbance over training, against training loss and by shared
        weights, and training loss.
    """
    figures: list[Figure] = []
    for number, section in enumerate(report.sections):
        suffix = "" if len(report.sections) == 1 else f"-{number + 1}"
        figures += [
            _scatter(section, suffix),
            _tau_by_population(section, suffix),
            _order_by_gap(section, suffix),
            _tau_over_training(section, suffix),
            *_tau_against_cost(section, suffix),
            *trade_off_figures(section, suffix),
            *efficiency_figures(section, suffix, _where(section)),
        ]
    return list(filter(_has_values, figures + training_figures(report.trainings)))


def _has_values(figure: Figure) -> bool:
    """Tell whether there is a value besides yardsticks: all may be "too few"."""
    shown = (series for series in figure.series if series.kind != "reference")
    return any(value is not None for series in shown for value in series.y)


def _where(section: Section) -> str:
    return f"{len(section.keys):,} architectures, against {section.truth.title}"


def _scatter(section: Section, suffix: str) -> Figure:
    series = []
    for result in section.evaluations:
        scores = result.estimator.scores_of(section.keys)
        judged = np.isfinite(scores).any(axis=0)  # by some seed: the others were fitted to it
        mean = np.nanmean(scores[:, judged], axis=0)
        ranks = (-mean).argsort(kind="stable").argsort(kind="stable") + 1.0
        is_drawn = np.isin(np.flatnonzero(judged), section.drawn)
        own, shown = section.value[judged][is_drawn].tolist(), ranks[is_drawn].tolist()
        series.append(Series(result.label, tuple(own), tuple(shown), kind="points"))
    n_drawn = len(section.drawn)
    part = "" if n_drawn == len(section.keys) else f" {n_drawn:,} of them are drawn."
    return Figure(
        f"rank-against-truth{suffix}",
        "Estimated rank against truth",
        f"Rank by the mean score over seeds (1 is best); {_where(section)}.{part}",
        f"true {section.truth.metric.axis}",
        "estimated rank",
        tuple(series),
        is_y_reversed=True,
    )


def _tau_by_population(section: Section, suffix: str) -> Figure:
    names = list(section.evaluations[0].populations)
    places = tuple(map(float, range(len(names))))
    series = [
        _tau_series(result.label, places, result.populations.values())
        for result in section.evaluations
    ]
    first = section.evaluations[0].populations.values()
    floor = section.space.floor
    for label, values in (
        (floor, [part.baselines[floor].value for part in first]),
        ("one-seed reference", [part.reference and part.reference.tau for part in first]),
        ("ceiling", [part.ceiling and part.ceiling.tau for part in first]),
    ):
        series.append(Series(label, places, tuple(values), kind="reference"))
    return Figure(
        f"tau-by-population{suffix}",
        "Tau by population",
        f"Kendall's tau-b by population; {_where(section)}. Bars: 95% intervals. "
        f"The space's floor ({floor}), one-seed reference and modelled ceiling are on the same "
        "architectures.",
        "population",
        "tau",
        tuple(series),
        tuple(names),
    )


def _tau_series(label: str, x: Sequence[float], parts: Iterable[PopulationResult]) -> Series:
    taus = [part.metrics["tau"] for part in parts]
    values = [tau.value for tau in taus]
    return make_series(label, x, values, map(find_interval, taus), "points")


def _order_by_gap(section: Section, suffix: str) -> Figure:
    series = []
    is_part = any(result.figures.gap_curve.is_sample for result in section.evaluations)
    part = f" The pairs are of at most {MOST_COMPARED:,}, drawn at random." if is_part else ""
    for result in section.evaluations:
        bins = result.figures.gap_curve.bins
        names = tuple(
            f"over {b.low:g}" if b.high is None else f"{b.low:g}\N{EN DASH}{b.high:g}" for b in bins
        )
        places = tuple(map(float, range(len(bins))))
        shares = tuple(b.concordant for b in bins)
        series.append(Series(result.label, places, shares))
    return Figure(
        f"order-by-gap{suffix}",
        "How large must a true difference be?",
        f"Share of pairs in the right order, by true gap; {_where(section)}.{part} "
        "Chance gives 0.5.",
        f"true gap, {section.truth.metric.difference}",
        "share in the right order",
        (*series, Series("chance", places, (0.5,) * len(places), kind="reference")),
        names,
    )


def _tau_over_training(section: Section, suffix: str) -> Figure:
    series = []
    n_archs: set[int] = set()
    for result in section.evaluations:
        seeds = section.taus.get(result.label, ())
        steps = sorted({p["step"] for seed in seeds for p in seed if p["tau"] is not None})
        points = [[p for seed in seeds for p in seed if p["step"] == step] for step in steps]
        taus = [[p["tau"] for p in at if p["tau"] is not None] for at in points]
        n_archs |= {p["n"] for at in points for p in at if p["n"]}
        if len(steps) > 1:
            series.append(spread_series(result.label, steps, taus))
    sizes = " or ".join(f"{n:,}" for n in sorted(n_archs))
    return Figure(
        f"tau-over-training{suffix}",
        "Tau over training",
        f"Tau during training, on the first {sizes} architectures of the permutation, against "
        f"{section.truth.title}; mean over seeds, bands: lowest and highest seed.",
        "step",
        "tau",
        tuple(series),
    )


def _tau_against_cost(section: Section, suffix: str) -> Iterator[Figure]:
    """Make a figure for each unit of cost: what is free stands in each."""
    places = make_leaderboard(section)
    has_labels = any(place.labels for place in places)
    for unit in find_units(place.whole_cost for place in places):
        series, front = [], []
        for place, cost in of_unit(places, unit):
            everything = [place.result.populations["all"]]
            series.append(_tau_series(place.result.label, [cost.total], everything))
            if place.is_on_front and place.result.tau is not None:
                front.append((cost.total, place.result.tau))
        x, y = zip(*sorted(front), strict=True) if front else ((), ())
        yield Figure(
            f"tau-against-{_NAMES[unit]}{suffix}",
            "Tau against cost",
            f"All that an estimator costs, in {unit}: preparation and all architectures that it "
            f"scored, one seed; {_where(section)}. Bars: 95% intervals. The Pareto front joins "
            "those that no other beats for less."
            + (
                " Estimators with labels, which cost trainings beside, are not shown."
                if has_labels
                else ""
            ),
            unit,
            "tau",
            (*series, Series("Pareto front", x, y, kind="reference")),
            is_x_log=True,
        )
