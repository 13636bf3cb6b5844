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
    "--truth-dataset",
    "truth_datasets",
    multiple=True,
    help="Hold the rankings against this data set of their truth table, such as cifar100; "
    "repeated, against each.  [default: that of the images]",
)
@click.option(
    "--split", help="Images that truth was measured on. [valid|test]  [default: test, if any]"
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Length of the trainings behind it.  [default: the longest]",
)
@click.option(
    "--policy", help="Its trials: the mean, or one. [mean|trial=K|seed=S]  [default: mean]"
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    help="Folder with nb201/.  [default: $HARNESS_DATA]",
)
def report(
    folders: tuple[Path, ...],
    output_format: str,
    as_json: bool,
    truth_datasets: tuple[str, ...],
    split: str | None,
    epochs: int | None,
    policy: str | None,
    data_dir: Path | None,
) -> None:
    """Make the ranking-correlation table of the runs in DIR (default: results/runs).

    One row a data set and strategy, over its seeds, and then the paired differences between
    strategies. Needs no torch.

    Runs are held against the truth of their own images unless told otherwise. How a ranking
    transfers from CIFAR-10, say: --truth-dataset cifar10 --truth-dataset cifar100
    --truth-dataset ImageNet16-120.
    """
    from harness.report import TruthChoice, make_report, print_table, render
    from harness.store import find_runs

    truths = [TruthChoice(dataset, split, epochs, policy) for dataset in truth_datasets or (None,)]
    made = make_report(find_runs(folders or (Path("results/runs"),)), data_dir, truths)
    name = "json" if as_json else output_format
    if name == "table":
        print_table(made)
    else:
        click.echo(render(made, name).rstrip("\n"))
