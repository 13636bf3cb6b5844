"""`harness rank`: rank trained supernets again, with other settings of the ranking."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.computing import compute, show
from harness.cli.engine_options import engine_options, take_engine_options
from harness.cli.options import StrictCommand, archs_option
from harness.cli.run import parse_n_archs, read_list
from harness.cli.runs.choose import find, folder_option
from harness.distributed.launch import check_alone
from harness.errors import StoreError, UsageError
from harness.estimators import SUPERNET
from harness.settings.conflicts import find_idle
from harness.settings.layers import change_ranking, parse_assignments
from harness.settings.run import READOUTS, RunConfig
from harness.spaces import load_space

if TYPE_CHECKING:
    from harness.runs.folder import RunFolder
    from harness.runs.inventory import Run


@click.command(cls=StrictCommand)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@folder_option
@click.option("--n-archs", help="Architectures to rank: a number, or 'all'.  [default: as RUN]")
@archs_option
@click.option("--rank-images", type=int, help="Validation images to rank on.  [default: as RUN]")
@click.option(
    "--until-tau-se",
    type=float,
    help="Rank until the standard error that images leave in tau is at most this.",
)
@click.option("--bn-mode", help="Batch norm. [batch|recalibrated]  [default: as RUN]")
@click.option(
    "--readout",
    "rank_readout",
    help=f"What turns a path's features into a score. [{'|'.join(READOUTS)}]  [default: as RUN]",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of the ranking, such as rank_snapshots=4; repeatable.",
)
@engine_options
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON.")
def rank(
    runs: tuple[str, ...],
    folders: tuple[Path, ...],
    n_archs: str | None,
    archs_file: Path | None,
    assignments: tuple[str, ...],
    data_dir: Path | None,
    threads: int | None,
    retry_failed: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Rank the trained supernets of finished RUNs again; nothing is trained.

    RUN is a run's name, a unique prefix of its name, or its folder. Settings of the ranking that
    are not given are as in RUN. The new runs lie beside the old ones, and their records name these.
    Scores that RUN already has with the same settings are taken over: a larger --n-archs scores
    only the further architectures.
    """
    check_alone(os.environ, "rank")
    computing = take_engine_options(options)
    given = {key: value for key, value in options.items() if value is not None}
    assigned = parse_assignments(assignments)
    found = [find(name, folders) for name in dict.fromkeys(runs)]
    outs = {run.folder.path.parent.resolve(): run.folder.path.parent for run in found}
    if len(outs) > 1:
        raise UsageError(
            f"The runs lie in different folders: {', '.join(map(str, outs.values()))}. Rank those "
            "of one folder at a time."
        )
    configs = []
    counts = {} if n_archs is None else {"n_archs": n_archs}
    lists: dict[str, tuple[str, ...]] = {}  # by space: standard input can be read only once
    for run in found:
        stored, options = _read(run), dict(given)
        if archs_file is not None:
            if stored.space not in lists:
                space = load_space(stored.space)
                lists[stored.space] = read_list(archs_file, space, counts | assigned)
            options["archs"] = lists[stored.space]
        if n_archs is not None:
            options["n_archs"] = parse_n_archs(n_archs, load_space(stored.space))
        config = change_ranking(stored, options, assigned)
        if threads is not None:
            config = config.model_copy(update={"threads": threads})
        configs.append(config)
    for note in dict.fromkeys(n for c in configs for n in find_idle(c, {**given, **assigned})):
        click.echo(f"Without effect: {note}", err=True)

    # imports torch from here on, after all checks that do not need it
    from harness.execution.conditions import Conditions
    from harness.execution.runner import resolve_all

    (out,) = outs.values()
    conditions = Conditions(out, data_dir, retry_failed=retry_failed, trains=False)
    resolved = resolve_all(configs, conditions)
    changed = {**given, **assigned, **counts}
    for run, config in zip(found, resolved, strict=True):
        command = _command(run, changed, archs_file)
        _check_weights(run, config, conditions.folder(config), command)
    outcome = compute(resolved, conditions, computing)
    show(outcome, conditions, as_json)


def _read(run: Run) -> RunConfig:
    """Return the settings of a finished run of a supernet.

    Raises:
        StoreError: If it is damaged, not finished, or of another estimator.
    """
    from harness.runs.record import FINISHED

    if run.record is None:
        raise StoreError(str(run.reason))
    stored, command = RunConfig(**run.record.config), _command(run, {})
    if stored.estimator != SUPERNET:
        raise StoreError(
            f"Run {run.name} was scored by the estimator '{stored.estimator}', without a supernet. "
            f"`harness run --set estimator={stored.estimator}` scores other architectures."
        )
    if run.status != FINISHED:
        raise StoreError(
            f"Run {run.name} is {run.status}: only the supernet of a finished run is ranked again. "
            f"Finish it first: {command}"
        )
    return stored


def _check_weights(run: Run, config: RunConfig, target: RunFolder, command: str) -> None:
    """Check that a ranking needs no training.

    Args:
        run: The run whose supernet is to be ranked.
        config: The new ranking.
        target: Its folder.
        command: What trains the supernet.

    Raises:
        StoreError: If the trained weights are not there, or cannot be used.
    """
    from harness.estimators.supernet.reuse import has_begun, missing_weights

    if target.has_record() or has_begun(target.path):
        return
    path = run.folder.path
    if missing := missing_weights(config, path):
        raise StoreError(
            f"{path} lacks {', '.join(missing)}, which this ranking needs. Put what is missing "
            f"back, or train the supernet again: {command}"
        )
    if run.name.rpartition("-")[0] != config.name.rpartition("-")[0]:
        raise StoreError(
            f"{path} was stored by an earlier version or renamed, and its supernet cannot be "
            f"ranked again. To train it again: {command}"
        )


def _command(run: Run, changed: dict[str, Any], archs_file: Path | None = None) -> str:
    """Return the command that trains a run, or finishes it."""
    path = run.folder.path
    settings = [part for key, value in changed.items() for part in ("--set", f"{key}={value}")]
    config = ["--config", str(path / "config.toml")]
    settings += [] if archs_file is None else ["--archs", str(archs_file)]
    return shlex.join(["harness", "run", *config, *settings, "--out", str(path.parent)])
