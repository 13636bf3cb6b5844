"""`harness truth ceiling`: how well anything could rank a truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import figure, print_grid, print_line
from harness.cli.truth.choose import describe_place, describe_query, name_table, reads_truth

if TYPE_CHECKING:
    from harness.truth import TruthQuery, TruthTable
    from harness.truth.catalogue import Place

NOTES = (
    "one-seed reference: tau of one training against the mean of the other trainings of the same "
    "architecture, averaged over the choice of that training. It covers the architectures with the "
    "most trials; the other trainings alone select a top share.",
    "ceiling: expected tau of a noiseless estimator against this truth, from a model of the "
    "noise between trainings (its variance pooled by accuracy); +- is the Monte Carlo standard "
    "error of the draws and does not hold the model's own error.",
)


@click.command(cls=StrictCommand)
@reads_truth
@click.option(
    "--draws",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="Simulated truths.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the draws.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def ceiling(
    place: Place,
    table: TruthTable,
    query: TruthQuery,
    draws: int,
    seed: int,
    as_json: bool,
) -> None:
    """Say how well anything could rank this truth, which is itself noisy.

    Two numbers for all architectures, the top half and the top 10%: the one-seed reference and
    the modelled ceiling.
    """
    result = measure_ceilings(table, query, draws, seed)
    if as_json:
        content = {"table": name_table(place, table), "query": asdict(query), **result}
        click.echo(json.dumps(content, indent=2))
        return
    print_line(describe_place(place, table))
    print_line(describe_query(query, result["n"], result["n_missing"]))
    trials = ", ".join(f"{n:,} with {count}" for count, n in result["trials"].items())
    print_line(f"Trainings behind the model: {trials} (architectures with so many trials).")
    if result["noise"] is not None:
        print_line(_describe_noise(result["noise"]))
    headings = ("population", "one-seed reference", "n", "trials", "ceiling", "+-", "n", "draws")
    print_grid("What can be reached", headings, [_cells(row) for row in result["populations"]])
    for note in NOTES:
        print_line(note)


def measure_ceilings(table: TruthTable, query: TruthQuery, draws: int, seed: int) -> dict[str, Any]:
    """Compute both numbers for the three populations.

    Args:
        table: The table.
        query: The truth; under the policy of one trial or seed, its ceiling is that of single
            trainings, while the noise is still learned from all of them.
        draws: Simulated truths.
        seed: Seed of the draws.

    Returns:
        Plain values, ready for JSON; None for what there is too little truth for.

    Raises:
        TruthError: If the table has no such rows.
    """
    import numpy as np

    from harness.stats.ceiling import modelled_ceilings, one_seed_reference
    from harness.stats.nested import nested_noise
    from harness.stats.populations import TOP_10, TOP_HALF
    from harness.truth.select import gather_trainings

    shares = {"all": None, "top half": TOP_HALF, "top 10%": TOP_10}
    truth, trials = table.judged(query), table.trials(query)
    orient = table.metric(query.metric).orient
    own = orient(trials.value[np.isin(trials.keys, truth.keys)])
    ceilings = modelled_ceilings(own, orient(truth.value), list(shares.values()), draws, seed)
    populations = []
    for (name, share), found in zip(shares.items(), ceilings, strict=True):
        reference = one_seed_reference(own, share)
        populations.append(
            {
                "population": name,
                "share": share,
                "reference": None if reference is None else reference._asdict(),
                "ceiling": None if found is None else found._asdict(),
            }
        )
    rows = table.columns.where(query.dataset, query.split, query.epochs, query.metric)
    is_drawn = table.space.trainings_each is not None
    noise = nested_noise(gather_trainings(table.columns, rows)) if is_drawn else None
    sizes, counts = np.unique(np.isfinite(own).sum(axis=1), return_counts=True)
    return {
        "n": len(truth.keys),
        "n_missing": truth.n_missing,
        "trials": dict(zip(sizes.tolist(), counts.tolist(), strict=True)),
        "noise": noise and noise._asdict(),
        "draws": draws,
        "seed": seed,
        "populations": populations,
    }


def _describe_noise(noise: dict[str, Any]) -> str:
    return (
        "A trial is a drawn network, the mean of its trainings. Standard deviations: between "
        f"networks of an architecture {noise['draw_sd']:.3f}, between trainings of a network "
        f"{noise['training_sd']:.3f}, of the truth itself {noise['mean_sd']:.3f}; the draw of the "
        f"networks is {noise['draw_share']:.0%} of its square ({noise['n_archs']:,} architectures "
        "with several networks)."
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    reference, found = row["reference"], row["ceiling"]
    cells = ["too few", "-", "-"]
    if reference is not None:
        cells = [
            f"{reference['tau']:.4f}",
            f"{reference['n_archs']:,}",
            str(reference["n_trials"]),
        ]
    if found is None:
        return (row["population"], *cells, "too few", "-", "-", "-")
    return (
        row["population"],
        *cells,
        f"{found['tau']:.4f}",
        figure(found["se"], 4),
        f"{found['n_archs']:,}",
        str(found["draws"]),
    )
