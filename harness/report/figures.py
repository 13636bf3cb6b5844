"""The figures of a report as data.

`plots` draws them for print, `page` for the browser.
"""

from __future__ import annotations

from harness.report.contents import Contents, Section, TrainingResult
from harness.report.figure import Figure, Series, spread_series
from harness.report.training_figures import training_figures
from harness.stats import MetricResult


def make_figures(report: Contents) -> list[Figure]:
    """Make all figures that the report has the numbers for.

    Args:
        report: The report.

    Returns:
        For each truth: score against truth, tau by population, pairs in order by true gap, tau
        over training, tau against cost; for the runs: disturbance over training, against training
        loss and by shared weights, and training loss.
    """
    figures: list[Figure] = []
    for number, section in enumerate(report.sections):
        suffix = "" if len(report.sections) == 1 else f"-{number + 1}"
        figures += _section_figures(section, report, suffix)
    return figures + list(training_figures(report.trainings))


def _section_figures(section: Section, report: Contents, suffix: str) -> list[Figure]:
    made = [
        _scatter(section, suffix),
        _tau_by_population(section, suffix),
        _order_by_gap(section, suffix),
        _tau_over_training(section, suffix),
        _tau_against_cost(section, report.trainings, suffix),
    ]
    return [figure for figure in made if figure is not None and _has_values(figure)]


def _has_values(figure: Figure) -> bool:
    """Tell whether there is anything to see besides yardsticks: all may be "too few"."""
    shown = (series for series in figure.series if series.kind != "reference")
    return any(value is not None for series in shown for value in series.y)


def _where(section: Section) -> str:
    return f"{len(section.keys):,} architectures, against {section.title}"


def _scatter(section: Section, suffix: str) -> Figure:
    series = []
    for result in section.evaluations:
        scores = result.estimator.scores_of(section.keys).mean(axis=0)
        ranks = (-scores).argsort(kind="stable").argsort(kind="stable") + 1
        label = result.estimator.label
        series.append(
            Series(
                label,
                tuple(section.accuracy.tolist()),
                tuple(ranks.astype(float).tolist()),
                kind="points",
            )
        )
    return Figure(
        f"rank-against-truth{suffix}",
        "Estimated rank against truth",
        f"Rank by the mean score over seeds, 1 is the best; {_where(section)}.",
        "true accuracy, %",
        "estimated rank",
        tuple(series),
        is_y_reversed=True,
    )


def _tau_by_population(section: Section, suffix: str) -> Figure:
    names = list(section.evaluations[0].populations)
    series = [
        _metric_series(
            result.estimator.label,
            [part.metrics["tau"] for part in result.populations.values()],
        )
        for result in section.evaluations
    ]
    first = section.evaluations[0].populations.values()
    places = tuple(map(float, range(len(names))))
    floor = section.space.floor
    of_floor = "parameters" if floor == "params" else floor
    for label, values in (
        (of_floor, [part.baselines[floor].value for part in first]),
        ("one-seed reference", [part.reference and part.reference.tau for part in first]),
        ("ceiling", [part.ceiling and part.ceiling.tau for part in first]),
    ):
        series.append(Series(label, places, tuple(values), kind="reference"))
    return Figure(
        f"tau-by-population{suffix}",
        "Tau by population",
        f"Kendall's tau-b on parts of {_where(section)}. Bars: 95% intervals. "
        f"{of_floor.capitalize()}, the one-seed reference and the modelled ceiling are on the same "
        "architectures.",
        "population",
        "tau",
        tuple(series),
        tuple(names),
    )


def _metric_series(label: str, results: list[MetricResult]) -> Series:
    intervals = [result.interval or result.over_seeds for result in results]
    return Series(
        label,
        tuple(map(float, range(len(results)))),
        tuple(result.value for result in results),
        tuple(interval and interval.low for interval in intervals),
        tuple(interval and interval.high for interval in intervals),
        kind="points",
    )


def _order_by_gap(section: Section, suffix: str) -> Figure | None:
    series = []
    for result in section.evaluations:
        bins = result.figures.gap_curve.bins
        names = tuple(
            f"over {b.low:g}" if b.high is None else f"{b.low:g}\N{EN DASH}{b.high:g}" for b in bins
        )
        places = tuple(map(float, range(len(bins))))
        shares = tuple(b.concordant for b in bins)
        series.append(Series(result.estimator.label, places, shares))
    return Figure(
        f"order-by-gap{suffix}",
        "How big must a true difference be?",
        f"Share of pairs in the right order, by their true gap; {_where(section)}. A coin has 0.5.",
        "true gap, accuracy points",
        "share in the right order",
        (*series, Series("a coin", places, (0.5,) * len(places), kind="reference")),
        names,
    )


def _tau_over_training(section: Section, suffix: str) -> Figure | None:
    series = []
    n_archs: set[int] = set()
    for result in section.evaluations:
        label = result.estimator.label
        seeds = section.taus.get(label, ())
        steps = sorted({p["step"] for seed in seeds for p in seed if p["tau"] is not None})
        points = [[p for seed in seeds for p in seed if p["step"] == step] for step in steps]
        taus = [[p["tau"] for p in at if p["tau"] is not None] for at in points]
        n_archs |= {p["n"] for at in points for p in at if p["n"]}
        if len(steps) > 1:
            series.append(spread_series(label, steps, taus))
    if not series:
        return None
    sizes = " or ".join(f"{n:,}" for n in sorted(n_archs))
    return Figure(
        f"tau-over-training{suffix}",
        "Tau over training",
        f"Small rankings on the way, of the first {sizes} architectures of the permutation, mean "
        f"over seeds, against {section.title}; bands: least and most of any seed.",
        "step",
        "tau",
        tuple(series),
    )


def _tau_against_cost(
    section: Section, trainings: tuple[TrainingResult, ...], suffix: str
) -> Figure | None:
    costs = {training.label: training.figures["cost_s"].mean for training in trainings}
    series = []
    for result in section.evaluations:
        cost = costs.get(result.estimator.label)
        if cost is not None:
            tau = result.populations["all"].metrics["tau"]
            made = _metric_series(result.estimator.label, [tau])
            series.append(Series(made.label, (cost,), made.y, made.low, made.high, "points"))
    if not series:
        return None
    return Figure(
        f"tau-against-cost{suffix}",
        "Tau against cost",
        f"Seconds of a run on its machine, all parts together, mean over seeds; {_where(section)}. "
        "Bars: 95% intervals. Scores of files have no known cost.",
        "seconds a run",
        "tau",
        tuple(series),
    )
