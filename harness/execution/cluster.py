"""The address of a Ray cluster. Imports neither Ray nor torch."""

from __future__ import annotations

import os
import socket

from harness.errors import UsageError

CONNECT_S = 10.0
VARIABLE = "RAY_ADDRESS"
LOCAL = "local"
WORDS = ("auto", LOCAL)
"""Ray's words for a cluster running on this machine, and for one started by this command."""

START_ONE = "Start one with `ray start --head`, and give its address, such as 10.0.0.1:6379."


def choose_address(given: str | None) -> str:
    """Choose the cluster.

    Args:
        given: `--address`; None: $RAY_ADDRESS, or else start a cluster on this machine.

    Returns:
        HOST:PORT of its head, or one of `WORDS`.

    Raises:
        UsageError: If it is neither, such as a `ray://HOST:PORT` of Ray's client: the driver must
            run on a node of the cluster, where its mailbox is.
    """
    address = os.environ.get(VARIABLE) or LOCAL if given is None else given
    host, _, port = address.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16
    if address in WORDS or (host and "/" not in host and is_port):
        return address
    option = f"${VARIABLE} = '{address}'" if given is None else f"--address '{address}'"
    raise UsageError(
        f"{option} is not the address of a cluster's head: HOST:PORT, or {' or '.join(WORDS)}. "
        f"{START_ONE}"
    )


def check_listening(address: str) -> None:
    """Check within seconds that a server listens at the address; Ray would take minutes.

    Args:
        address: From `choose_address`.

    Raises:
        UsageError: If no server does.
    """
    if address in WORDS:
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, UnicodeError) as error:
        raise UsageError(f"No Ray cluster at {address}: {error}. {START_ONE}") from error
