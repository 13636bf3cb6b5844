"""How the C library hands out memory, where that can be told."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's <malloc.h>
_LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Keep freed memory in this process instead of giving it back to the system each time.

    glibc gives large blocks back when they are freed. Activations are such blocks, and each
    operation makes one: the system then clears every page again, which took a fifth to a third of
    the time of evaluating a path on 250 images. What a process holds at its height is no more.

    Returns:
        Whether the C library took it; only glibc knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, 2**30)) and bool(mallopt(_TRIM_THRESHOLD, _LARGEST))
