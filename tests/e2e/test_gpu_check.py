"""`scripts/gpu/check.sh`, rehearsed on the CPU: the whole sequence, and how it plans its time."""

from __future__ import annotations

import json
import lzma
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts.gpu.check import Check, plan_steps

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "gpu" / "check.sh"


def check(data: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GPU_DATA": str(data), "PYTHON": sys.executable}
    command = [str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)


def test_images_are_put_outside_the_tree_also_from_packed_files(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1.bin").write_bytes(b"one")
    (tmp_path / "data_batch_2.bin.xz").write_bytes(lzma.compress(b"two"))
    (tmp_path / "truth_rows.parquet").write_bytes(b"truth")
    data = tmp_path / "data"
    assert check(data, "images", tmp_path / "data_batch_1.bin").returncode == 0
    done = check(data, "images", tmp_path / "data_batch_2.bin.xz", tmp_path / "truth_rows.parquet")
    assert done.returncode == 0, done.stderr
    images = data / "cifar-10-batches-bin"
    assert (images / "data_batch_1.bin").read_bytes() == b"one"
    assert (images / "data_batch_2.bin").read_bytes() == b"two"
    assert (data / "nb201" / "truth_rows.parquet").read_bytes() == b"truth"
    refused = check(data, "images", tmp_path / "weights.zip")
    assert refused.returncode == 2
    assert "neither a batch of CIFAR-10" in refused.stderr
    assert check(data).returncode == 2


@pytest.mark.slow
def test_the_whole_sequence_runs_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--device", "cpu", "--rehearse", "--seconds", 500, "--out", out)
    done = check(tmp_path / "data", "work", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr + (out / "log.txt").read_text()
    known = json.loads((out / "check.json").read_text())
    assert known["tests"]["exit"] == 0
    assert "1 passed" in known["tests"]["last_line"][0]
    (steps,) = known["measured"]["steps"].values()
    assert set(steps["ms"]) == {"naive", "float32", "each_read", "bf16", "ogd"}
    assert known["measured"]["several"]["throughput"]["1"] == 1.0
    runs = known["experiment"]["runs"]
    assert len(runs) == 4
    assert {run["status"] for run in runs.values()} == {"finished"}
    assert all(run["ranking"] is not None for run in runs.values())
    with tarfile.open(out / "runs.tar.gz") as archive:
        names = archive.getnames()
    assert sum(name.endswith("scores.parquet") for name in names) == 4
    assert not any(name.endswith(".pt") for name in names)


def test_all_runs_get_as_many_steps_as_fit() -> None:
    ms = {"float32": 10.0, "ogd": 20.0}
    measured = {"steps": {"N5-B256": {"ms": ms}, "N1-B256": {"ms": ms}}}
    measured["ranking"] = {f"N{n}-B1000": {"shared_ms": 1.0} for n in (1, 5)}
    plan = plan_steps(measured, 200.0, 256)
    # 70% of the time, less 3.2 s for each of four rankings, over 60 ms a step of all four
    assert plan["steps"] == int((140 - 4 * 3.2) / 0.060)
    assert plan["at_once"] == 1
    faster = plan_steps({**measured, "several": {"throughput": {"4": 2.0}}}, 200.0, 256)
    assert faster["steps"] == int((280 - 4 * 3.2) / 0.060)
    assert faster["at_once"] == 4
    assert plan_steps({}, 1.0, 256)["steps"] == 200


@pytest.mark.parametrize("hangs", [["sleep", "60"], ["sh", "-c", "trap '' INT; sleep 60"]])
def test_a_command_that_hangs_is_ended_and_what_is_known_stays(
    tmp_path: Path, hangs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.gpu.check.STOPPING_S", 0.5)
    session = Check(tmp_path, "cpu", 60.0, rehearse=False)
    session.note(first=1)
    assert session.run([hangs, ["true"]], limit_s=0.5) == [None, 0]
    session.note(second=2)
    known = json.loads((tmp_path / "check.json").read_text())
    assert (known["first"], known["second"]) == (1, 2)
