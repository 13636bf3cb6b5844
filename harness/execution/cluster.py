"""Where a Ray cluster is said to be. Imports neither Ray nor torch."""

from __future__ import annotations

import os
import socket

from harness.errors import UsageError

CONNECT_S = 10.0
VARIABLE = "RAY_ADDRESS"
LOCAL = "local"
WORDS = ("auto", LOCAL)
"""Ray's own: a cluster that runs on this machine, or one made here for as long as it is needed."""

START_ONE = "Start one with `ray start --head`, and give its address, such as 10.0.0.1:6379."


def choose_address(given: str | None) -> str:
    """Say which cluster is meant.

    Args:
        given: `--address`, if given; else $RAY_ADDRESS decides, else a cluster is made here.

    Returns:
        HOST:PORT of its head, or one of `WORDS`.

    Raises:
        UsageError: If it is neither, such as `ray://HOST:PORT`, the address for Ray's client: the
            driver has to be on a node of the cluster, where its mailbox is placed beside it.
    """
    address = os.environ.get(VARIABLE) or LOCAL if given is None else given
    host, _, port = address.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16
    if address in WORDS or (host and "/" not in host and is_port):
        return address
    option = f"${VARIABLE} = '{address}'" if given is None else f"--address '{address}'"
    raise UsageError(
        f"{option} is no address of a cluster's head: HOST:PORT, or {' or '.join(WORDS)}. "
        f"{START_ONE}"
    )


def check_listening(address: str) -> None:
    """Find out in seconds what would take Ray minutes: that nobody listens there.

    Args:
        address: From `choose_address`.

    Raises:
        UsageError: If it is so.
    """
    if address in WORDS:
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"No Ray cluster at {address}: {error}. {START_ONE}") from error
