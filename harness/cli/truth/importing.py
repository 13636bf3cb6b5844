"""`harness truth import`: published results become a table."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import StrictCommand, data_dir_option, find_space
from harness.cli.truth.choose import space_option
from harness.errors import UsageError
from harness.estimators.naming import split_names

if TYPE_CHECKING:
    from harness.truth import TruthTable


@click.command("import", cls=StrictCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "kind",
    default="auto",
    show_default=True,
    help="Format: nb201 (the official .pth), nats (a NATS-Bench folder), public "
    "(the small public tables), robust (accuracy under attacks), latency (a folder of devices), "
    "rows (CSV, JSON, Parquet, pickle, torch), or auto.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="NAME=COLUMN|VALUE,...",
    help="Which column of rows, or value for all, is the metric, dataset, split, epochs, trial, "
    "seed; repeatable.",
)
@click.option(
    "--arch-column",
    metavar="NAME",
    help="Column of rows that names architectures.  [default: found by its values]",
)
@click.option("--arch-form", metavar="NAME", help="Its form, where it can be read in several.")
@click.option(
    "--accuracy-scale", type=float, help="Multiply accuracies of rows, so that they are percent."
)
@click.option(
    "--truth-metric",
    metavar="NAME",
    help="What rows measure, such as latency:mine; their 'accuracy' is then its value.  [default: "
    "accuracy]",
)
@click.option("--unit", help="Unit of --truth-metric, such as ms.  [default: %]")
@click.option("--lower-is-better", is_flag=True, help="Lower values of --truth-metric are better.")
@click.option(
    "--curve-epochs",
    metavar="1,12,50",
    callback=lambda _context, _option, text: _parse_epochs(text),
    help="Of NAS-Bench-201's .pth and NATS-Bench, also keep accuracies after these epochs of the "
    "longest trainings.",
)
@click.option("--allow-missing", is_flag=True, help="Leave out architectures that lack records.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The table.  [default: truth.parquet in the space's folder in the data folder; of other "
    "metrics, latency.parquet and the like, of one of your own, metric-latency-mine.parquet]",
)
@click.option("--name", help="What reports call the table.  [default: its space]")
@space_option
@click.option("--force", is_flag=True, help="Replace a different table.")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def import_(
    path: Path,
    kind: str,
    maps: tuple[str, ...],
    out: Path | None,
    name: str | None,
    space: str | None,
    force: bool,
    data_dir: Path | None,
    as_json: bool,
    truth_metric: str | None,
    unit: str | None,
    lower_is_better: bool,
    **asked: Any,
) -> None:
    r"""Read published results, or rows of your own, and write them as a truth table.

    PATH is the official .pth of NAS-Bench-201, a NATS-Bench topology folder, its published robust
    accuracies or latencies, or a file of rows of any space. Nothing that a file names is run:
    pickles are read with a short list of what they may hold.

    Rows have a column of architectures (strings, places in the published order, lists of
    operations and other forms), and dataset, split (valid, test), epochs, accuracy (percent); seed
    (-1 if left out) and trial (if left out, by seed, or in order of appearance where seeds are
    unknown). Other names are mapped, and of wide tables several columns at once:

    \b
        --map metric=test_acc,dataset=cifar10,split=test,epochs=200
        --map metric={dataset}_{epochs},split=valid
    """
    from harness.cli.progress import SHARE, Display
    from harness.spaces import load_space
    from harness.truth.importers.importing import import_truth, place_table, truth_file
    from harness.truth.importers.mapping import parse_map
    from harness.truth.metric import make_metric

    chosen = find_space(space)
    if out is None:
        truth_file(data_dir, chosen)  # before an hour of reading: does the folder exist?
    with Display(transient=True) as display:
        display.begin("reading", SHARE)
        table = import_truth(
            path,
            kind,
            name=name,
            tell=lambda sentence: display.tell(f"Note: {sentence}"),
            space=chosen,
            watch=partial(display.update, "reading", SHARE),
            maps=[parse_map(text) for text in maps],
            metric=make_metric(
                truth_metric, unit, lower_is_better, (chosen or load_space()).baselines
            ),
            **asked,
        )
    place = out or truth_file(data_dir, table.space, table.columns.metrics)
    was_written = place_table(table, place, force)
    if as_json:
        click.echo(json.dumps(_describe(table, place, was_written), indent=2))
    else:
        verb = "" if was_written else " was there already:"
        click.echo(
            f"{place}:{verb} {table.n_archs:,} architectures, {len(table.columns):,} rows, content "
            f"{table.sha256[:12]}."
        )
        for line in table.describe():
            click.echo(f"  {line}")


def _parse_epochs(text: str | None) -> frozenset[int]:
    try:
        epochs = frozenset(map(int, split_names(text)))
    except ValueError:
        epochs = frozenset({0})
    if (text is not None and not epochs) or any(epoch < 1 for epoch in epochs):
        raise UsageError(f"--curve-epochs '{text}' is not a list of epochs from 1, such as 1,12.")
    return epochs


def _describe(table: TruthTable, place: Path, was_written: bool) -> dict[str, object]:
    groups = [group._asdict() for group in table.groups()]
    return {
        "path": str(place),
        "name": table.name,
        "space": table.space.name,
        "written": was_written,
        "n_archs": table.n_archs,
        "n_rows": len(table.columns),
        "sha256": table.sha256,
        "metadata": table.metadata,
        "groups": groups,
    }
