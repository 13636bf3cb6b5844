"""Files that nobody meant: of any of them, only documented errors come out, soon, and in bounds."""

from __future__ import annotations

import traceback
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from harness.errors import HarnessError
from tests.fuzz.guard import memory_limit, time_limit
from tests.fuzz.readers import READERS

FEW, MANY = 100, 10_000


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("n", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", READERS)
def test_of_a_hostile_file_only_documented_errors_come_out(
    tmp_path: Path, name: str, n: int
) -> None:
    reader = READERS[name]
    path = tmp_path / reader.file
    path.parent.mkdir(exist_ok=True)
    outcomes: Counter[str] = Counter()
    findings: dict[str, bytes] = {}

    @settings(
        max_examples=n,
        deadline=None,
        database=None,
        derandomize=n == FEW,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=reader.content())
    def check(content: bytes) -> None:
        path.write_bytes(content)
        try:
            with time_limit():
                reader.read(path)
            outcomes["read"] += 1
        except HarnessError as error:
            outcomes[type(error).__name__] += 1
        except Exception as error:  # gathered: all findings at once, the shortest file of each
            outcomes["finding"] += 1
            found = f"{type(error).__name__} in {_last_frames(error)}: {str(error)[:200]}"
            if len(content) < len(findings.get(found, content + b"x")):
                findings[found] = content

    with memory_limit():
        check()
    if findings:
        lines = (
            f"{what}\n  from {len(how):,} bytes, {how[:120]!r}" for what, how in findings.items()
        )
        pytest.fail("\n".join(lines), pytrace=False)
    assert outcomes.total() >= n, outcomes


def _last_frames(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/harness/" in f.filename]
    return " > ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[-3:])
