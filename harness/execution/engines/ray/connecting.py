"""The connection of this process to a Ray cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from harness.errors import UsageError
from harness.execution.cluster import LOCAL, START_ONE, check_listening


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to a cluster, unless this process is already connected.

    Args:
        address: From `choose_address`.

    Raises:
        UsageError: If there is no cluster at the address, or Ray does not start.
    """
    if ray.is_initialized():
        yield
        return
    check_listening(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no usage statistics
    try:
        with _keeping_signals():
            _connect(address)
        yield
    finally:
        ray.shutdown()  # also what a failed start left running


def _connect(address: str) -> None:
    try:
        ray.init(
            address=address,
            include_dashboard=False if address == LOCAL else None,
            log_to_driver=False,
            configure_logging=False,
        )
    except Exception as error:  # Ray raises a bare Exception when its own node is too slow to start
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if address == LOCAL:
            raise UsageError(
                f"Ray did not start on this machine: {reason} Run the same command again when the "
                "machine is less busy, or without --engine ray. Ray's logs are in "
                "/tmp/ray/session_latest/logs."
            ) from error
        raise UsageError(f"No Ray cluster at {address}: {reason} {START_ONE}") from error


@contextmanager
def _keeping_signals() -> Iterator[None]:
    """Restore the signal handlers that Ray replaces: Ctrl-C saves and stops."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
