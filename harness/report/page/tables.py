"""Tables that only the page has: every metric by population, and the numbers behind each figure."""

from __future__ import annotations

from typing import NamedTuple

from harness.report.cells import write_figure
from harness.report.contents import Section
from harness.report.figure import Figure
from harness.report.leaderboard import TAU
from harness.report.markup import Block
from harness.report.page.charts import write_point
from harness.report.tables import metric_names
from harness.stats import METRICS


class MetricTable(NamedTuple):
    """Every metric of every estimator on one population.

    Attributes:
        population: Its name.
        n: Architectures in it.
        block: The table.
    """

    population: str
    n: int
    block: Block


def lead_with_tau(block: Block) -> Block:
    """Move the leaderboard's figures before what describes an estimator, for narrow windows."""
    first = next(place for place, name in enumerate(block.headings) if name == TAU)
    order = [0, *range(first, len(block.headings)), *range(1, first)]
    headings = tuple(block.headings[place] for place in order)
    rows = [tuple(row[place] for place in order) for row in block.rows]
    return Block(block.title, headings, rows)


def metric_tables(section: Section) -> list[MetricTable]:
    """Make the tables of one truth, one a population."""
    first = section.evaluations[0]
    return [_metric_table(section, name) for name in first.populations]


def _metric_table(section: Section, name: str) -> MetricTable:
    parts = [result.populations[name] for result in section.evaluations]
    population = parts[0].population
    rows = []
    for metric in metric_names(parts[0]):
        results = [part.metrics[metric] for part in parts]
        cells = (write_figure(result, with_spread=True) for result in results)
        rows.append((METRICS[metric].title, f"{results[0].n:,}", *cells))
    labels = (result.estimator.label for result in section.evaluations)
    title = f"Metrics [95%] on {population.description}; n={population.n:,}"
    return MetricTable(name, population.n, Block(title, ("metric", "n", *labels), rows))


def figure_block(figure: Figure) -> Block:
    """Make the table of a figure's numbers: one row for each place, one column for each series."""
    places = sorted({x for series in figure.series for x in series.x})
    by_place = [{x: place for place, x in enumerate(series.x)} for series in figure.series]
    rows = []
    for x in places:
        name = f"{x:,.6g}" if figure.categories is None else figure.categories[round(x)]
        cells = (
            write_point(series, found[x]) if x in found else "\N{EN DASH}"
            for series, found in zip(figure.series, by_place, strict=True)
        )
        rows.append((name, *cells))
    headings = (figure.x_label, *(series.label for series in figure.series))
    return Block(f"{figure.title}: {figure.y_label}", headings, rows)
