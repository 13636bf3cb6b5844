"""Named random streams: one run seed gives independent, reproducible generators.

Nothing here touches a global generator. A stream is addressed by names and counters, such as
`derive_seed(0, "paths", 1234)`, so a resumed run needs no generator state: step 1,234 always
draws the same numbers, whichever process reaches it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def derive_seed(run_seed: int, *address: str | int) -> int:
    """Derive the seed of one stream from the run's seed and the stream's address.

    Args:
        run_seed: The seed that the user gave.
        *address: Names and counters of the stream.

    Returns:
        An integer in [0, 2**63).
    """
    text = "/".join(str(part) for part in (run_seed, *address))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_rng(run_seed: int, *address: str | int) -> np.random.RandomState:
    """Make a numpy generator for one stream.

    `RandomState` is used for its promise: numpy keeps its streams unchanged for ever, which
    `Generator` does not promise.

    Args:
        run_seed: The seed that the user gave.
        *address: Names and counters of the stream.

    Returns:
        A generator of its own.
    """
    import numpy as np  # here: it would be half of the time that help takes

    return np.random.RandomState(derive_seed(run_seed, *address) % 2**32)


def draw_places(n: int, most: int, *address: str | int) -> npt.NDArray[np.int64]:
    """Draw places where there are too many, the same ones every time.

    Args:
        n: How many there are.
        most: How many to draw at most.
        *address: Names and counters of the stream.

    Returns:
        All places from 0 to n - 1, or `most` of them, ascending.
    """
    import numpy as np

    if n <= most:
        return np.arange(n)
    return np.sort(make_rng(0, *address).permutation(n)[:most])
