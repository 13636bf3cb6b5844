"""`harness truth build`: a table of one's own."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from harness.cli.engine_options import open_pool, training_options
from harness.cli.options import StrictCommand, data_dir_option
from harness.cli.run import parse_n_archs, parse_seeds
from harness.errors import UsageError
from harness.settings.own import find_own
from harness.spaces import DEFAULT, load_space


@click.command(cls=StrictCommand)
@click.option(
    "--space", default=DEFAULT, show_default=True, help="Search space, or package.module:Class."
)
@click.option(
    "--dataset",
    default="tiles",
    show_default=True,
    help="Images to train on: tiles, or your own, an npz file or a folder.",
)
@click.option("--n-archs", help="First so many, or 'all'.  [default: 600, or the space's own]")
@click.option("--seeds", help="Seeds of each architecture.  [default: 0,1,2, or the space's own]")
@click.option(
    "--share-classes",
    is_flag=True,
    help="Train one of each equivalence class for all its members: close, but not equal.",
)
@training_options()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The table; its journal of finished trainings lies beside it.  "
    "[default: <space>_tiles.parquet; of your own images, where 'harness run' looks for it]",
)
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def build(
    space: str,
    dataset: str,
    n_archs: str | None,
    seeds: str | None,
    share_classes: bool,
    workers: int | None,
    engine: str,
    address: str | None,
    out: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Train architectures from scratch and write their accuracies into a table.

    Rows are kept as they come: stop it at any time, and run the same command to resume.
    """
    chosen = load_space(space)
    own = find_own(dataset, {})
    if own is None and dataset != "tiles":
        raise UsageError(
            f"--dataset {dataset} was given; its truth is published. 'harness truth build' trains "
            "on tiles, or on your own images: give the path of an npz file or of a folder."
        )
    place = None
    if own is not None:
        from harness.truth.sources import built_table

        dataset = own.name
        place = built_table(dataset, data_dir, chosen)
        out = out or place
    out = out or Path(f"{chosen.name}_{dataset}.parquet")
    usual = {"n_archs": "600", "seeds": "0,1,2", **chosen.built}
    first = parse_n_archs(usual["n_archs"] if n_archs is None else n_archs, chosen)
    wanted = parse_seeds(usual["seeds"] if seeds is None else seeds)

    from harness.cli.progress import Display, counted
    from harness.execution.machine import count_cores  # torch, as all that follows
    from harness.files.atomic import make_folder
    from harness.images.own import load_own
    from harness.images.split import HALVES
    from harness.truth.build import Protocol, build_table

    images = None if own is None else load_own(own.path, HALVES, own.name)
    if out == place:
        make_folder(out.parent, "--out")

    with open_pool(engine, address, workers) as (compute, at_a_time), Display() as display:
        if engine == "local" and at_a_time < (cores := count_cores()):
            display.tell(
                f"{at_a_time} workers of one thread on {cores} cores: --workers {cores} is up to "
                f"{cores / at_a_time:.3g} times as fast on an idle machine, with the same rows."
            )
        watch = partial(display.update, "building", counted("trainings"))
        table = build_table(
            out,
            Protocol.of(chosen, dataset),
            first,
            wanted,
            at_a_time,
            share_classes,
            watch,
            chosen,
            lambda message: display.tell(f"Note: {message}"),
            images,
            compute,
        )
    if place not in (None, out):
        click.echo(f"'harness run' looks for this truth at {place}: copy it there.", err=True)
    if as_json:
        made = {"path": str(out), "n_rows": len(table.rows), "sha256": table.sha256}
        click.echo(json.dumps(made, indent=2))
    else:
        click.echo(f"{out}: {len(table.rows):,} rows, content {table.sha256[:12]}.")
