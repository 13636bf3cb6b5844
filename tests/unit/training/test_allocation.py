"""Memory that is freed stays with the process, so that the next operation need not fetch it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from harness.training.allocation import keep_freed_memory
assert sys.argv[1] == "plain" or keep_freed_memory()
x = torch.ones(10_000_000)  # more than glibc would ever keep by itself
for _ in range(3):
    (x + x) + (x + x)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    (x + x) + (x + x)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def count_faults(how: str) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True
    )
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_after_a_first_round_operations_fetch_no_more_pages() -> None:
    assert count_faults("kept") < count_faults("plain") / 5
