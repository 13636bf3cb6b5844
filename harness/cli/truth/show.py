"""`harness truth show`: one architecture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.printing import figure, print_grid, print_line
from harness.cli.truth.choose import describe_place, name_table, table_options
from harness.errors import ArchError
from harness.spaces.nb201.encoding import N_ARCHS, Arch, arch_at, parse_arch

if TYPE_CHECKING:
    from harness.truth.profile import Profile, Standing

SHOWN_MEMBERS = 8

_INDEX = re.compile(r"[+-]?[0-9]+")


@click.command()
@click.argument("arch", metavar="ARCH|INDEX")
@table_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(arch: str, table_name: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show one architecture: its rows and rank, what it is equivalent to, and its size.

    ARCH is the benchmark's string (in quotes: it has '|'), INDEX its position in the published
    table, 0 to 15624.
    """
    wanted = parse_choice(arch)

    from harness.truth.catalogue import open_table
    from harness.truth.profile import describe_arch

    place, table = open_table(table_name, data_dir)
    profile = describe_arch(table, wanted)
    if as_json:
        content = {"table": name_table(place, table), **profile.to_dict()}
        click.echo(json.dumps(content, indent=2))
        return
    print_line(describe_place(place, table))
    _print_profile(profile)


def parse_choice(text: str) -> Arch:
    """Read an architecture's string or index.

    Args:
        text: As the user wrote it.

    Returns:
        The architecture.

    Raises:
        ArchError: If it is neither.
    """
    stripped = text.strip()
    if not _INDEX.fullmatch(stripped):
        return parse_arch(text)
    # Python refuses to read numbers of thousands of digits, so long ones are not read at all.
    if len(stripped) > len(str(N_ARCHS)) + 20:
        raise ArchError(
            f"An index of {len(stripped):,} characters was given; the published table has 0 to "
            f"{N_ARCHS - 1}."
        )
    return arch_at(int(stripped))


def _print_profile(profile: Profile) -> None:
    print_line(f"Architecture {profile.nb201_index}: {profile.arch_str}")
    print_line(
        f"Canonical permutation: number {profile.position:,} of {N_ARCHS:,} (it is among the first "
        "N from there on)."
    )
    print_line(
        "Dead-edge class (of 9,445; the same function in the supernet): "
        f"{_list(profile.dead_edge_class)}; representative {profile.representative}; "
        f"{profile.live_edges} of 6 edges are live."
    )
    print_line(
        f"Isomorphism string of the benchmark (of 6,466; a label): "
        f"{_list(profile.isomorphism_class)}; {profile.isomorphism_string}"
    )
    for cost in profile.costs:
        print_line(
            f"Size on {cost.dataset}: {cost.params / 1e6:.6f} million parameters, "
            f"{cost.flops / 1e6:.6f} million multiply-adds."
        )
    print_grid(
        "Accuracy, percent",
        ("dataset", "split", "epochs", "trials (seed)", "mean", "rank", "of", "percentile"),
        [_cells(standing) for standing in profile.standings],
        texts=2,
    )
    print_line(
        "rank: 1 is the highest mean; percentile: percent of the other architectures with a lower "
        "one."
    )


def _cells(standing: Standing) -> tuple[str, ...]:
    trials = "  ".join(
        f"{accuracy:.3f} ({'?' if seed is None else seed})" for _, seed, accuracy in standing.trials
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


def _list(members: tuple[int, ...]) -> str:
    if len(members) == 1:
        return "alone in it"
    shown = ", ".join(map(str, members[:SHOWN_MEMBERS]))
    more = f", and {len(members) - SHOWN_MEMBERS:,} more" if len(members) > SHOWN_MEMBERS else ""
    return f"{len(members):,} members, {shown}{more}"
