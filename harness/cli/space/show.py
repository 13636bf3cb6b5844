"""`harness space show`: one architecture, without a truth."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from harness.cli.options import StrictCommand
from harness.cli.printing import print_line
from harness.cli.truth.show import parse_choice
from harness.errors import ArchError, UsageError
from harness.spaces import REGISTRY, Architecture, Space, load_space


@click.command(cls=StrictCommand)
@click.argument("arch", metavar="ARCH|INDEX")
@click.option(
    "--space",
    "name",
    help="Its search space, or package.module:Class.  [default: the first that reads ARCH]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of a generator, the training seed whose network is shown.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw it into this file: .png, .svg or .pdf.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def show(arch: str, name: str | None, seed: int, out: Path | None, as_json: bool) -> None:
    """Show one architecture: its graphs, its class and its size; --out draws it.

    ARCH is the space's string (in quotes, if it has '|' or '('), INDEX the position in a published
    table, from 0, for which --space is needed.
    """
    space, chosen = _find(arch, name)
    graphs = space.graphs(chosen, seed)
    if out is not None:
        if not graphs:
            raise UsageError(f"Space '{space.name}' draws no pictures. Leave out --out.")
        from harness.report.architecture import save_picture

        save_picture(graphs, space.format(chosen), out)
    shape = space.baseline_shape
    cost = space.cost(chosen, shape)
    facts = space.facts(chosen)
    if as_json:
        content: dict[str, Any] = {"space": space.name, "arch": space.format(chosen)}
        content |= {"facts": [dict(fact.values) for fact in facts]}
        content |= {"shape": asdict(shape), "cost": cost._asdict()}
        content |= {"graphs": [graph._asdict() for graph in graphs]}
        click.echo(json.dumps(content, indent=2))
        return
    from harness.report.architecture import write_graph

    print_line(f"Space '{space.name}': {space.format(chosen)}")
    for fact in facts:
        print_line(fact.sentence)
    mean = "" if space.trainings_each is None else ", mean of a few draws"
    print_line(
        f"Size at C={shape.channels}, N={shape.cells}, {shape.image_size} pixels, {shape.classes} "
        f"classes: {cost.params / 1e6:.6f} million parameters, {cost.flops / 1e6:.6f} million "
        f"multiply-adds{mean}."
    )
    for graph in graphs:
        for line in write_graph(graph):
            print_line(line)
    if out is not None:
        print_line(f"Drawn into {out}.")


def _find(text: str, name: str | None) -> tuple[Space, Architecture]:
    """Return the architecture of a text, and its space: the first that reads it unless named."""
    if name is not None:
        space = load_space(name)
        return space, parse_choice(text, space)
    for known in map(load_space, REGISTRY):
        with contextlib.suppress(ArchError):
            return known, known.parse(text)
    raise ArchError(
        f"'{text:.80}' is no architecture of any space ({', '.join(REGISTRY)}). Name the space "
        "with --space, which says what its strings look like; an index needs it too."
    )
