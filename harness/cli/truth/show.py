"""`harness truth show`: one architecture."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import figure, print_grid, print_line
from harness.cli.truth.choose import describe_place, name_table, reads_table
from harness.errors import ArchError
from harness.spaces import Architecture, Space

if TYPE_CHECKING:
    from harness.truth import TruthTable
    from harness.truth.catalogue import Place
    from harness.truth.profile import Profile, Standing

_INDEX = re.compile(r"[+-]?[0-9]+")


@click.command(cls=StrictCommand)
@click.argument("arch", metavar="ARCH|INDEX")
@reads_table
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(arch: str, place: Place, table: TruthTable, as_json: bool) -> None:
    """Show one architecture: its rows and rank, what it is equivalent to, and its size.

    ARCH is the space's string (in quotes, if it has '|'), INDEX the position in the published
    table, from 0.
    """
    from harness.truth.profile import describe_arch

    profile = describe_arch(table, parse_choice(arch, table.space))
    if as_json:
        content = {"table": name_table(place, table), **profile.to_dict()}
        click.echo(json.dumps(content, indent=2))
        return
    print_line(describe_place(place, table))
    _print_profile(profile, table.space)


def parse_choice(text: str, space: Space) -> Architecture:
    """Read an architecture's string or index.

    Args:
        text: As the user wrote it.
        space: The space.

    Returns:
        The architecture.

    Raises:
        ArchError: If it is neither.
    """
    stripped = text.strip()
    if space.index_column is None or not _INDEX.fullmatch(stripped):
        return space.parse(text)
    # Python refuses to read numbers of thousands of digits, so long ones are not read at all.
    if len(stripped) > len(str(space.size)) + 20:
        raise ArchError(
            f"An index of {len(stripped):,} characters was given; the published table has 0 to "
            f"{(space.size or 0) - 1}."
        )
    return space.at(int(stripped))


def _print_profile(profile: Profile, space: Space) -> None:
    from harness.spaces.lookup import arch_columns  # numpy
    from harness.truth.metric import ACCURACY

    columns = arch_columns(space)
    index = "" if columns.index is None else f" {profile.names[columns.index]}"
    print_line(f"Architecture{index}: {profile.names[columns.text]}")
    if profile.position is not None:
        print_line(
            f"Canonical permutation: number {profile.position:,} of {space.size:,} (it is among "
            "the first N from there on)."
        )
    for fact in profile.facts:
        print_line(fact.sentence)
    for cost in profile.costs:
        print_line(
            f"Size on {cost.dataset}: {cost.params / 1e6:.6f} million parameters, "
            f"{cost.flops / 1e6:.6f} million multiply-adds."
        )
    metrics = dict.fromkeys(standing.metric for standing in profile.standings)
    is_accuracy = list(metrics) == [ACCURACY]
    first = () if is_accuracy else ("metric",)
    print_grid(
        "Accuracy, percent" if is_accuracy else "Values, in the unit of their metric",
        (*first, "dataset", "split", "epochs", "trials (seed)", "mean", "rank", "of", "percentile"),
        [
            (*(standing.metric.title for _ in first), *_cells(standing))
            for standing in profile.standings
        ],
        texts=2 + len(first),
    )
    best = "highest" if is_accuracy else "best"
    worse = "lower" if is_accuracy else "worse"
    print_line(
        f"rank: 1 is the {best} mean; percentile: percent of the other architectures with a "
        f"{worse} one."
    )


def _cells(standing: Standing) -> tuple[str, ...]:
    trials = "  ".join(
        f"{value:.3f} ({'?' if seed is None else seed})" for _, seed, value in standing.trials
    )
    tied = f" (tied with {standing.n_tied:,})" if standing.n_tied else ""
    return (
        standing.dataset,
        standing.split,
        str(standing.epochs),
        trials,
        f"{standing.mean:.6f}",
        f"{standing.rank:,}{tied}",
        f"{standing.n_archs:,}",
        figure(standing.percentile, 2),
    )
