"""Files that nobody meant: of any of them, only documented errors come out, soon, and in bounds.

Each input has a number, the seed of all that is random in it. The ordinary suite reads the first
hundred for each reader, `make test-full` 10,000. `FUZZ_FROM` is the number to begin with, as in
FUZZ_FROM=10000 for others, and `FUZZ_N` how many: a failure names the two that bring it back.
"""

from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from harness.errors import HarnessError
from tests.fuzz.guard import MEMORY, memory_limit, time_limit
from tests.fuzz.readers import READERS

FEW, MANY = 100, 10_000
FIRST = int(os.environ.get("FUZZ_FROM", "0"))


@dataclass(frozen=True)
class Finding:
    """An input of which something came out that no reader may let out."""

    number: int
    content: bytes


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.mark.parametrize("n", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READERS)
def test_of_a_hostile_file_only_documented_errors_come_out(
    tmp_path: Path, folder: Path, name: str, n: int
) -> None:
    n = int(os.environ.get("FUZZ_N", n))
    reader = READERS[name]
    make = reader.content()
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    outcomes: Counter[str] = Counter()
    findings: dict[str, Finding] = {}
    began = time.process_time()

    def check(number: int) -> None:
        content = make(Random(number))
        path.write_bytes(content)
        try:
            with time_limit():
                reader.read(path)
            outcomes["read"] += 1
        except HarnessError as error:
            outcomes[type(error).__name__] += 1
        except Exception as error:  # gathered: all findings at once, the shortest file of each
            outcomes["finding"] += 1
            found = f"{type(error).__name__} in {_last_frames(error)}"
            if found not in findings or len(content) < len(findings[found].content):
                findings[found] = Finding(number, content)

    with memory_limit():
        for number in range(FIRST, FIRST + n):
            check(number)
    seconds = time.process_time() - began
    print(f"\n{name}: {n:,} inputs in {seconds:.1f} s of CPU; {dict(outcomes)}")
    if findings:
        pytest.fail("\n".join(_keep(found, tmp_path) for found in findings.items()), pytrace=False)
    assert outcomes.total() == n, outcomes


def _keep(found: tuple[str, Finding], folder: Path) -> str:
    """Write a finding's bytes beside the test, and say where and which they are."""
    what, how = found
    place = folder / f"input-{how.number}"
    place.write_bytes(how.content)
    return f"{what}\n  {len(how.content):,} bytes in {place}, of FUZZ_FROM={how.number} FUZZ_N=1"


def _last_frames(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/harness/" in f.filename]
    return " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[-3:])
