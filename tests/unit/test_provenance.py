"""What is recorded of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import provenance

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
microcode\t: 0xa101148

processor\t: 1
model name\t: Another
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CPUINFO, ("AMD EPYC", "AuthenticAMD family 25 model 17 stepping 1")),
        ("processor\t: 0\nmodel name\t: Mine\n", ("Mine", None)),
        (None, ("whatever", None)),
    ],
)
def test_a_cpu_is_named_and_told_from_others_of_the_same_name(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: tuple[str, str | None]
) -> None:
    def read(self: Path, encoding: str) -> str:
        if text is None:
            raise FileNotFoundError(self)
        return text

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr("platform.processor", lambda: "whatever")
    assert provenance._cpu() == expected
