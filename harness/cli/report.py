"""`harness report`: the ranking-correlation table of finished runs."""

from __future__ import annotations

from pathlib import Path

import click

FORMATS = ("table", "csv", "json", "markdown")
"""Named here too: asking `harness.report` would import pandas and scipy for `--help`."""


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[DIR]...")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print it.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder with nb201/.  [default: $HARNESS_DATA]",
)
def report(
    folders: tuple[Path, ...], output_format: str, as_json: bool, data_dir: Path | None
) -> None:
    """Make the ranking-correlation table of the runs in DIR (default: results/runs).

    One row a data set and strategy, over its seeds, and then the paired differences between
    strategies. Needs no torch.
    """
    from harness.report import make_report, print_table, render
    from harness.store import find_runs

    made = make_report(find_runs(folders or (Path("results/runs"),)), data_dir)
    name = "json" if as_json else output_format
    if name == "table":
        print_table(made)
    else:
        click.echo(render(made, name).rstrip("\n"))
