"""Choosing runs: options that the commands of `harness runs` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import Command, add_options
from harness.errors import UsageError, unknown_name

if TYPE_CHECKING:
    from harness.runs.inventory import Run

DEFAULT_FOLDER = Path("results")


def folder_option(command: Command) -> Command:
    """Add the option for where to look for runs by name."""
    return click.option(
        "--in",
        "folders",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Where to look for the runs; repeatable.  [default: results]",
    )(command)


def filter_options(command: Command) -> Command:
    """Add options that filter runs."""
    return add_options(
        click.option("--strategy", multiple=True, help="Only this strategy; repeatable."),
        click.option("--dataset", multiple=True, help="Only this data set; repeatable."),
        click.option("--seed", multiple=True, type=int, help="Only this seed; repeatable."),
        click.option(
            "--status",
            "statuses",
            multiple=True,
            help="Only this status: running, stopped (killed), interrupted, finished, failed or "
            "damaged; repeatable.",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="Only runs with this setting, such as ogd.c=3; repeatable.",
        ),
    )(command)


def choose_runs(
    folders: tuple[Path, ...],
    statuses: tuple[str, ...],
    assignments: tuple[str, ...],
    **filters: tuple[Any, ...],
) -> list[Run]:
    """List the runs in some folders that pass the filters.

    Args:
        folders: Where; none: the default folder.
        statuses: Wanted statuses; none: any.
        assignments: Settings that they have, as key=value.
        **filters: By setting, the values that are wanted; none: any.

    Raises:
        UsageError: If a status or a setting is unknown.
        StoreError: If a folder does not exist.
    """
    from harness.runs.inventory import STATUSES, Wanted, list_runs
    from harness.settings.dotted import flatten
    from harness.settings.layers import parse_assignments

    for status in statuses:
        if status not in STATUSES:
            raise unknown_name("status", status, STATUSES)
    settings = {key: values for key, values in filters.items() if values}
    assigned = flatten(parse_assignments(assignments))
    settings.update((key, (value,)) for key, value in assigned.items())
    return list_runs(folders or (DEFAULT_FOLDER,), Wanted(statuses, settings))


def find(name: str, folders: tuple[Path, ...]) -> Run:
    """Find one run by name.

    Raises:
        UsageError: If no run matches, or more than one.
    """
    from harness.runs.inventory import find_run

    if not folders and not DEFAULT_FOLDER.is_dir() and not Path(name).is_dir():
        raise UsageError(
            f"There is no folder {DEFAULT_FOLDER} here. Give another with --in FOLDER."
        )
    return find_run(name, folders or ((DEFAULT_FOLDER,) if DEFAULT_FOLDER.is_dir() else ()))


def describe(run: Run) -> dict[str, Any]:
    """Return a run as a row of the list."""
    record = run.record
    config = {} if record is None else record.config
    return {
        "run_id": run.name,
        "path": str(run.folder.path),
        "status": run.status,
        "reason": run.reason,
        "dataset": config.get("dataset"),
        "strategy": config.get("strategy"),
        "seed": config.get("seed"),
        "started": None if record is None else record.started,
        "finished": None if record is None else record.finished,
        "seconds": None if record is None else round(sum(record.timings.values()), 1),
        "tau": None if record is None else record.summary.get("tau"),
    }
