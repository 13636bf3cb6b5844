"""What the commands that read a table share: which table, and which numbers of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import add_options, data_dir_option, find_space

if TYPE_CHECKING:
    from harness.truth import TruthQuery, TruthTable
    from harness.truth.catalogue import Place

POLICY_HELP = "How trials become one number. [mean|trial=K|seed=S]"


space_option = click.option(
    "--space",
    metavar="NAME|MODULE:CLASS",
    help="Search space of the table.  [default: nb201, or that of the file]",
)


metric_option = click.option(
    "--truth-metric", "metric", metavar="NAME", help="What is measured.  [default: accuracy]"
)


def reads_table(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that name a table, and call the command with its `place` and `table`."""

    @wraps(command)
    def open_first(
        *, table_name: str | None, data_dir: Path | None, space: str | None, **given: Any
    ) -> None:
        from harness.truth.catalogue import open_table

        place, table = open_table(table_name, data_dir, find_space(space))
        command(place=place, table=table, **given)

    return add_options(
        click.option(
            "--table",
            "table_name",
            metavar="NAME|PATH",
            help="A table of 'harness truth list', or a file.  [default: the published one where "
            "it is found, else a bundled one]",
        ),
        data_dir_option,
        space_option,
    )(open_first)


def reads_truth(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `reads_table` and of a query, and call the command with the `query`."""

    @wraps(command)
    def choose_first(
        *,
        table: TruthTable,
        dataset: str | None,
        split: str | None,
        epochs: int | None,
        policy: str,
        metric: str | None,
        **given: Any,
    ) -> None:
        from harness.truth.catalogue import choose_query

        query = choose_query(table, dataset, split, epochs, policy, metric)
        command(table=table, query=query, **given)

    options = add_options(
        click.option("--dataset", help="Data set, as the table spells it.  [default: cifar10]"),
        click.option("--split", help="Images of the accuracy. [valid|test]  [default: test]"),
        click.option(
            "--epochs", type=click.IntRange(min=1), help="Length of training.  [default: 200]"
        ),
        click.option("--policy", default="mean", show_default=True, help=POLICY_HELP),
        metric_option,
    )
    return reads_table(options(choose_first))


def name_table(place: Place, table: TruthTable) -> dict[str, Any]:
    """Say which table it is, ready for JSON."""
    return {
        "name": place.name,
        "path": str(place.path),
        "origin": place.origin,
        "space": table.space.name,
        "n_rows": len(table.columns),
        "n_archs": table.n_archs,
        "sha256": table.sha256,
    }


def describe_place(place: Place, table: TruthTable) -> str:
    """Say which table it is, in a line."""
    return (
        f"Table {place.name} ({place.path}): {len(table.columns):,} rows, {table.n_archs:,} "
        f"architectures, content {table.sha256[:12]}."
    )


def describe_query(query: TruthQuery, n: int, n_missing: int) -> str:
    """Say which numbers are meant, of how many architectures, and how many lack them."""
    line = f"Truth: {query}; {n:,} architectures"
    if n_missing:
        line += f" ({n_missing:,} more have such rows, but not this {query.rule.kind})"
    return line + "."
