"""`harness truth stats`: accuracies by operation count, and their spread."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import figure, print_grid, print_line
from harness.cli.truth.choose import describe_place, describe_query, name_table, reads_truth

if TYPE_CHECKING:
    from harness.truth import TruthQuery, TruthTable
    from harness.truth.catalogue import Place
    from harness.truth.overview import Overview


@click.command(cls=StrictCommand)
@reads_truth
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def stats(place: Place, table: TruthTable, query: TruthQuery, as_json: bool) -> None:
    """Show accuracies by operation count, their quantiles, and the spread between trials."""
    from harness.truth.metric import ACCURACY
    from harness.truth.overview import describe_table

    overview = describe_table(table, query)
    if as_json:
        content = {
            "table": name_table(place, table),
            "query": asdict(query),
            **overview.to_dict(),
        }
        click.echo(json.dumps(content, indent=2))
        return
    print_line(describe_place(place, table))
    print_line(describe_query(query, overview.n, overview.n_missing))
    metric = table.metric(query.metric)
    _print_overview(
        overview, *(("accuracy", "percent") if metric == ACCURACY else (metric.name, metric.unit))
    )


def _print_overview(overview: Overview, what: str, unit: str) -> None:
    if overview.counts:  # a space need not count anything
        print_grid(
            f"{what[:1].upper()}{what[1:]} by what architectures are made of, {unit}",
            ("number of", "count", "n", "mean", "sd", "min", "max"),
            [
                (
                    row.what,
                    str(row.count),
                    f"{row.n:,}",
                    *(figure(value) for value in (row.mean, row.sd, row.low, row.high)),
                )
                for row in overview.counts
            ],
        )
    headings = [f"{100 * quantile:g}%" for quantile in overview.quantiles]
    cells = [figure(value) for value in overview.quantiles.values()]
    print_grid(f"Quantiles of {what}, {unit}", headings, [cells], texts=0)
    print_line(f"Mean {figure(overview.mean)}, sd {figure(overview.sd)} between architectures.")
    trials = ", ".join(f"{n:,} with {count}" for count, n in overview.trials.items())
    print_line(f"Trials: {trials} (architectures with so many).")
    if not overview.spread:
        print_line("No architecture has two trials, so their spread is not known.")
        return
    print_grid(
        f"Spread between trials, by mean {what}, {unit}",
        ("from", "to", "n", "sd of a training"),
        [
            (figure(row.low), figure(row.high), f"{row.n:,}", figure(row.sd))
            for row in overview.spread
        ],
        texts=0,
    )
