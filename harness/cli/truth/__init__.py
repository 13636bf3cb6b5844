"""`harness truth`: tables of ground truth. One module a command, imported when it is called."""

from __future__ import annotations

import click

from harness.cli.lazy import LazyGroup

COMMANDS = {
    "build": ("harness.cli.truth.build:build", "Train architectures from scratch into a table."),
    "ceiling": ("harness.cli.truth.ceiling:ceiling", "How well anything could rank this truth."),
    "export": ("harness.cli.truth.export:export", "Write a table as CSV, JSON or Parquet."),
    "import": ("harness.cli.truth.importing:import_", "Turn published results into a table."),
    "list": ("harness.cli.truth.list:list_", "Which tables there are, and what they hold."),
    "show": ("harness.cli.truth.show:show", "One architecture: rows, class, rank, cost."),
    "stats": ("harness.cli.truth.stats:stats", "Accuracies by operation count."),
}
"""Where each command is, and its short help."""


@click.group(cls=LazyGroup, commands=COMMANDS)
def truth() -> None:
    """Build, import and look at tables of ground truth."""
