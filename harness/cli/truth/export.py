"""`harness truth export`: a table for other programs."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import clean
from harness.cli.truth.choose import (
    POLICY_HELP,
    describe_place,
    metric_option,
    name_table,
    reads_table,
)
from harness.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from harness.truth import TruthQuery, TruthTable
    from harness.truth.catalogue import Place

EXPORT_FORMATS = ("csv", "json", "parquet")


@click.command(cls=StrictCommand)
@reads_table
@click.option("--dataset", help="Only this data set.  [default: all; cifar10 with --means]")
@click.option("--split", help="Only this split. [valid|test]  [default: all; test with --means]")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Only this length of training.  [default: all; 200 with --means]",
)
@metric_option
@click.option("--means", is_flag=True, help="One row per architecture instead of one per training.")
@click.option("--policy", help=f"With --means: {POLICY_HELP}  [default: mean]")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(EXPORT_FORMATS),
    help="How to write it.  [default: as the name of --out ends, else csv]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write.  [default: standard output, but for parquet]",
)
@click.option("--force", is_flag=True, help="Replace the file of --out if it exists.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="The same as --format json; with --out, print what was written as JSON.",
)
def export(
    place: Place,
    table: TruthTable,
    dataset: str | None,
    split: str | None,
    epochs: int | None,
    metric: str | None,
    means: bool,
    policy: str | None,
    output_format: str | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a table's rows, or one number per architecture, for other programs.

    Rows of accuracies have the columns that 'harness truth import' reads, in full precision; those
    of other metrics are imported with --map metric=value --truth-metric NAME, and --unit and
    --lower-is-better where these are so. In CSV, a text that a spreadsheet would run as a formula
    begins with an apostrophe, and what does not print is written as an escape.
    """
    name = choose_format(output_format, out, as_json)
    if policy is not None and not means:
        raise UsageError(
            f"--policy {policy} was given without --means; rows are single trainings, whatever "
            "the policy. Add --means, or leave --policy out."
        )
    if out is not None:
        _check_free(out, force)

    from harness.truth.catalogue import choose_query
    from harness.truth.export import restrict

    query = None
    if means:
        query = choose_query(table, dataset, split, epochs, policy or "mean", metric)
    else:
        table = restrict(table, dataset, split, epochs, metric)
    click.echo(clean(describe_place(place, table)), err=True)
    n_rows = write(table, query, name, out)
    if out is not None and as_json:
        made: dict[str, Any] = {"path": str(out), "format": name, "n_rows": n_rows}
        made |= {"table": name_table(place, table)}
        made |= {"query": None if query is None else asdict(query)}
        click.echo(json.dumps(made, indent=2))
    elif out is not None:
        click.echo(f"{out}: {n_rows:,} rows.")


def _check_free(path: Path, force: bool) -> None:
    try:
        exists = path.exists()
    except OSError as error:
        raise UsageError(
            f"--out cannot be a file: {error.strerror} ('{str(path)[:100]}'). Name another one."
        ) from error
    if exists and not force:
        raise UsageError(f"'{path}' exists. Name another file, or add --force to replace it.")


def choose_format(given: str | None, out: Path | None, as_json: bool) -> str:
    """Choose how to write from what was asked for.

    Args:
        given: A key of `EXPORT_FORMATS`, or None.
        out: The file, or None for standard output.
        as_json: Whether JSON was asked for.

    Returns:
        A key of `EXPORT_FORMATS`.

    Raises:
        UsageError: If the wishes contradict each other.
    """
    if out is None and as_json:
        if given not in (None, "json"):
            raise UsageError(f"--json and --format {given} were given. Leave one of them out.")
        return "json"
    if given is None:
        suffix = "" if out is None else out.suffix.removeprefix(".").lower()
        given = suffix if suffix in EXPORT_FORMATS else "csv"
    if given == "parquet" and out is None:
        raise UsageError("Parquet cannot be written to standard output. Name a file with --out.")
    return given


def write(table: TruthTable, query: TruthQuery | None, name: str, out: Path | None) -> int:
    """Write a table's rows, or its numbers under a query.

    Args:
        table: The table.
        query: The query; None for rows.
        name: A key of `EXPORT_FORMATS`.
        out: The file; None for standard output.

    Returns:
        The number of rows written.

    Raises:
        TruthError: If the table has no such rows.
        StoreError: If the file cannot be written.
    """
    from harness.files.atomic import write_atomically
    from harness.truth import export as library
    from harness.truth import save_table

    if name == "parquet" and query is None and out is not None:
        save_table(table, out)
        return len(table.columns)
    frame = library.frame_of_rows(table) if query is None else library.frame_of_truth(table, query)
    head = library.head_of(table) | ({} if query is None else {"query": asdict(query)})
    if name == "parquet" and out is not None:
        texts = {f"of_{key}": json.dumps(value) for key, value in head.items()}
        write_atomically(out, lambda path: library.write_means_parquet(frame, texts, path))
    elif out is None:
        _write_text(frame, head, name, sys.stdout)
    else:

        def write_file(path: Path) -> None:
            with path.open("w", encoding="utf-8", newline="") as file:
                _write_text(frame, head, name, file)

        write_atomically(out, write_file)
    return len(frame)


def _write_text(frame: pd.DataFrame, head: dict[str, Any], name: str, file: IO[str]) -> None:
    from harness.truth.export import write_csv, write_json

    if name == "json":
        write_json(frame, head, file)
        return
    for text in write_csv(frame, file):
        click.echo(
            f"Note: the data set {text!r} begins like a formula, or has characters that do not "
            "print; in the CSV it has an apostrophe before it, or escapes.",
            err=True,
        )
