"""Where commands compute: runs of `run` and `sweep`, trainings of `truth build` and `search`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.cli.options import Command, add_options
from harness.errors import UsageError
from harness.execution.cluster import choose_address
from harness.provenance import how_to_install

if TYPE_CHECKING:
    from harness.cli.monitors import SignalledMonitor
    from harness.execution.conditions import Conditions
    from harness.execution.engines.base import Engine
    from harness.monitor import Monitor
    from harness.training.pool import Pool

ENGINES = ("local", "ray")
WORKERS = 2
"""Trainings at a time on this machine."""

RAY_ONLY = ("address", "fetch", "gpus", "retries", "rank_workers")


def engine_options(command: Command) -> Command:
    """Add the options for where runs are computed, and how they report."""
    return add_options(
        click.option(
            "--data-dir",
            type=click.Path(path_type=Path),
            help="Data folder: image files, and a folder of tables for each space.  [default: "
            "$HARNESS_DATA]",
        ),
        click.option(
            "--jobs", type=click.IntRange(min=1), help="Runs at a time.  [default: by machine]"
        ),
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            help="CPU threads of each run. More are faster on an idle machine only, and the last "
            "digits of results depend on their number.  [default: 1; a run that resumes keeps its "
            "own]",
        ),
        click.option("--retry-failed", is_flag=True, help="Retry runs that failed before."),
        *_where("runs"),
        click.option(
            "--fetch",
            is_flag=True,
            help="Send results back; for clusters that do not share the --out folder (Ray).",
        ),
        click.option(
            "--gpus", type=click.FloatRange(min=0), help="GPUs per run (Ray).  [default: 0]"
        ),
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            help="Retries of a run whose worker is lost (Ray).  [default: 3]",
        ),
        click.option(
            "--rank-workers",
            type=click.IntRange(min=2),
            help="Spread each ranking over this many workers (Ray).",
        ),
        click.option(
            "--log-json",
            metavar="FILE",
            help="Append events and progress to FILE, one JSON object per line; '-' writes to "
            "standard error instead of the progress display.",
        ),
        click.option(
            "--tensorboard",
            type=click.Path(file_okay=False, path_type=Path),
            help="Write the curves of finished runs to this folder (extra `tensorboard`).",
        ),
    )(command)


def _where(what: str) -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            default="local",
            show_default=True,
            help=f"Where {what} are computed: this machine, or a Ray cluster (extra `ray`).",
        ),
        click.option(
            "--address",
            help="Address of the Ray cluster.  [default: $RAY_ADDRESS, or start one here]",
        ),
    )


def training_options(what: str = "") -> Callable[[Command], Command]:
    """Return a decorator that adds the options for where single trainings are computed.

    Args:
        what: Of what they are, in words.
    """
    return add_options(
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help=f"Trainings at a time, each with one thread{what}.  [default: {WORKERS}; on Ray "
            "as many as the cluster has CPUs]",
        ),
        *_where("trainings"),
    )


@contextmanager
def open_pool(engine: str, address: str | None, workers: int | None) -> Iterator[tuple[Pool, int]]:
    """Say where single trainings are computed, and how many at a time.

    Args:
        engine: Name of the engine.
        address: Of the Ray cluster, if one was given.
        workers: How many were asked for.

    Raises:
        UsageError: As `check_engine`, or if there is no cluster at the address.
    """
    check_engine(engine, address=address)
    if engine == "local":
        from harness.training.pool import compute_all

        yield compute_all, workers or WORKERS
        return
    from harness.execution.engines.ray.connecting import connected
    from harness.execution.engines.ray.jobs import compute_on_ray, count_cpus

    with connected(choose_address(address)):
        yield compute_on_ray, workers or count_cpus()


def check_engine(engine: str, **options: Any) -> dict[str, Any]:
    """Check the options of an engine before torch is imported.

    Args:
        engine: Its name.
        options: The options for Ray.

    Returns:
        The options that were given.

    Raises:
        UsageError: If an option is for another engine, Ray is not installed, or the address is not
            valid.
    """
    given = {key: v for key, v in options.items() if v is not None and v is not False}  # 0 stays
    if engine == "local":
        for key in given:
            raise UsageError(f"--{key.replace('_', '-')} needs --engine ray.")
    elif importlib.util.find_spec("ray") is None:
        raise UsageError(
            f"--engine ray was given, but Ray is not installed: {how_to_install('ray')}."
        )
    else:
        choose_address(given.get("address"))
    return given


class EngineOptions(NamedTuple):
    """Where a command's runs are computed, and how they report.

    Attributes:
        engine: Name of the engine.
        jobs: Runs at a time; None: as many as suit the machine.
        of_ray: The options for Ray that were given.
        log_json: Value of --log-json.
        tensorboard: Value of --tensorboard.
    """

    engine: str
    jobs: int | None
    of_ray: dict[str, Any]
    log_json: str | None
    tensorboard: Path | None

    def make_engine(self) -> Engine:
        """Make the engine."""
        if self.engine == "local":
            from harness.execution.engines.local import LocalEngine

            return LocalEngine(self.jobs)
        from harness.execution.engines.ray import RayEngine

        return RayEngine(jobs=self.jobs, **self.of_ray)

    def make_monitor(
        self, view: SignalledMonitor, conditions: Conditions, stack: ExitStack
    ) -> Monitor:
        """Enter the progress display, and add the other monitors that the options name.

        Args:
            view: The progress display.
            conditions: What all runs share.
            stack: Closes all monitors.

        Returns:
            One monitor.
        """
        from harness.cli.monitors import SignalledMonitor
        from harness.cli.watching import JsonLog, TensorBoardExport
        from harness.monitor import Tee

        quiet = self.log_json == "-"
        first: Monitor = stack.enter_context(SignalledMonitor(quiet=True) if quiet else view)
        others: list[Monitor] = []
        if self.log_json is not None:
            others.append(stack.enter_context(JsonLog(self.log_json)))
        if self.tensorboard is not None:
            others.append(TensorBoardExport(conditions.out, self.tensorboard))
        return Tee(first, others) if others else first


def take_engine_options(options: dict[str, Any]) -> EngineOptions:
    """Take those of `engine_options` out of a command's options, and check them.

    Left are `data_dir`, `threads` and `retry_failed`, which are not of the engine.

    Raises:
        UsageError: As `check_engine`.
    """
    engine, jobs = options.pop("engine"), options.pop("jobs")
    of_ray = check_engine(engine, **{key: options.pop(key) for key in RAY_ONLY})
    return EngineOptions(engine, jobs, of_ray, options.pop("log_json"), options.pop("tensorboard"))
