"""How this process was started: alone, or by torchrun as one of several. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from harness.errors import UsageError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


class Launch(NamedTuple):
    """This process among those that torchrun started.

    Attributes:
        rank: Its number among all, from 0.
        size: How many there are.
        local_rank: Its number among those on this machine, from 0.
        local_size: How many there are on this machine.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int


def read_launch(variables: Mapping[str, str]) -> Launch | None:
    """Read from environment variables what torchrun says.

    Args:
        variables: Such as `os.environ`.

    Returns:
        This process's place; None if it was started in another way, or is the only rank.

    Raises:
        UsageError: If the variables are not whole numbers.
    """
    # the last two are torchrun's own: a batch system may set the others, and mean nothing by them
    if any(name not in variables for name in (*VARIABLES, "MASTER_ADDR", "MASTER_PORT")):
        return None
    try:
        launch = Launch(
            int(variables["RANK"]),
            int(variables["WORLD_SIZE"]),
            int(variables["LOCAL_RANK"]),
            int(variables["LOCAL_WORLD_SIZE"]),
        )
    except ValueError as error:
        given = ", ".join(f"{name}={variables[name]}" for name in VARIABLES)
        raise UsageError(
            f"The environment says {given}; torchrun sets whole numbers. Start ranks with "
            "torchrun, or unset RANK to start one process."
        ) from error
    return launch if launch.size > 1 else None


def check_launch(
    launch: Launch, n_runs: int, jobs: int | None, profile: bool, engine: str = "local"
) -> None:
    """Check that what was asked for is a single run, which ranks can train together.

    Args:
        launch: How this process was started.
        n_runs: Runs that were asked for.
        jobs: `--jobs`, if given.
        profile: Whether `--profile` was given.
        engine: `--engine`.

    Raises:
        UsageError: If it is not.
    """
    started = _started(launch)
    if engine != "local":
        raise UsageError(
            f"{started}; --engine {engine} was given. Leave it and its options out, or leave "
            "torchrun out."
        )
    if n_runs != 1:
        raise UsageError(
            f"{started}; {n_runs} runs were asked for. Name one, such as --strategies spos "
            "--seeds 0, or run without torchrun, which has a higher throughput for several runs."
        )
    if jobs not in (None, 1):
        raise UsageError(
            f"{started}; --jobs {jobs} was given. Leave it out, or leave torchrun out."
        )
    if profile:
        raise UsageError(f"{started}; --profile looks at one process. Profile without torchrun.")


def check_alone(variables: Mapping[str, str], command: str) -> None:
    """Check that this process is not one of several ranks, for commands that ranks cannot share.

    Args:
        variables: Such as `os.environ`.
        command: Such as "sweep".

    Raises:
        UsageError: If torchrun started it, with others.
    """
    launch = read_launch(variables)
    if launch is not None:
        raise UsageError(
            f"{_started(launch)}; `harness {command}` was given. Run torchrun with `harness run "
            f"...`, one run at a time, or `harness {command}` without torchrun."
        )


def _started(launch: Launch) -> str:
    return f"torchrun started {launch.size} ranks, which train one supernet together"
