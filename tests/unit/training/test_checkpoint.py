"""Checkpoints: what a kill, a full disk, a flipped bit or a stranger's file does to them."""

from __future__ import annotations

import errno
import io
import os
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import harness
from harness.errors import CheckpointError, StoreError
from harness.training import checkpoint
from harness.training.checkpoint import load_checkpoint, save_checkpoint
from tests.tiny import Recorder, assert_same_state

CURRENT, PREVIOUS = "checkpoint.pt", "checkpoint.prev.pt"


def make_state(step: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(step)
    weights = torch.randn(3, 2, 3, 3, generator=generator)
    return {
        "step": step,
        "network": {
            "weight": weights.contiguous(memory_format=torch.channels_last),
            "bias": torch.tensor([0.1, float("-inf")], dtype=torch.float64),
        },
        "recent": [(0, 1, 2, 3, 4, 0)],
        "log": {"steps": {"loss": torch.tensor([0.1 + 0.2, 5e-324], dtype=torch.float64)}},
        "timings": {"train": 1.5},
        "strategy": {},
    }


def load(folder: Path) -> tuple[int | None, list[str]]:
    """Return the step of the checkpoint that is found, and the notices."""
    monitor = Recorder()
    state = load_checkpoint(folder, monitor)
    return None if state is None else state["step"], monitor.notices


def save_two(folder: Path) -> None:
    save_checkpoint(folder, make_state(1))
    save_checkpoint(folder, make_state(2))


def write_sealed(path: Path, content: Any) -> None:
    """Write anything as a checkpoint whose checksum is right."""
    archive = io.BytesIO()
    torch.save(content, archive)
    path.write_bytes(checkpoint._seal(archive.getvalue()))


def test_a_state_comes_back_exactly(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state(7))
    state = load_checkpoint(tmp_path, Recorder())
    assert state is not None
    assert_same_state(state, {"schema": 1, **make_state(7)})
    assert state["timings"] == {"train": 1.5}


def test_a_folder_without_checkpoints_has_none(tmp_path: Path) -> None:
    assert load(tmp_path) == (None, [])


def test_the_newest_is_loaded_and_the_one_before_it_is_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, make_state(step))
    assert load(tmp_path) == (3, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == [PREVIOUS, CURRENT]
    (tmp_path / CURRENT).unlink()  # as a kill between two renames leaves it
    assert load(tmp_path) == (2, [])


def test_a_checkpoint_is_still_a_file_that_torch_can_load(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state(1))
    assert torch.load(tmp_path / CURRENT, weights_only=True)["step"] == 1


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_state(1))
    content = (tmp_path / CURRENT).read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        (tmp_path / CURRENT).write_bytes(damaged)
        step, notices = load(tmp_path)
        assert step is None, f"byte {position}"
        assert len(notices) == 1


def test_a_flipped_bit_among_a_tensors_numbers_goes_back_to_the_checkpoint_before(
    tmp_path: Path,
) -> None:
    save_two(tmp_path)
    content = bytearray((tmp_path / CURRENT).read_bytes())
    position = content.find(make_state(2)["log"]["steps"]["loss"].numpy().tobytes())
    assert position > 0
    content[position] ^= 1
    (tmp_path / CURRENT).write_bytes(content)
    step, notices = load(tmp_path)
    assert step == 1
    assert len(notices) == 1
    assert f"{tmp_path / CURRENT} is damaged (its checksum is wrong); going back" in notices[0]


def test_a_flipped_bit_in_the_archives_directory_cannot_change_numbers_unnoticed(
    tmp_path: Path,
) -> None:
    save_checkpoint(tmp_path, make_state(1))
    content = (tmp_path / CURRENT).read_bytes()
    directory = content.index(b"PK\x01\x02")
    for position in range(directory, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10  # in the attributes: "a directory", which torch reads as empty
        (tmp_path / CURRENT).write_bytes(damaged)
        assert load(tmp_path)[0] is None, f"byte {position}"


@pytest.mark.parametrize("keep", [0, 1, 63, 64, 200, -64, -1])
def test_a_checkpoint_that_was_cut_short_goes_back_to_the_one_before(
    tmp_path: Path, keep: int
) -> None:
    save_two(tmp_path)
    path = tmp_path / CURRENT
    path.write_bytes(path.read_bytes()[:keep])
    step, notices = load(tmp_path)
    assert (step, len(notices)) == (1, 1)


def test_when_both_are_damaged_there_is_none_and_both_are_named(tmp_path: Path) -> None:
    save_two(tmp_path)
    for name in (CURRENT, PREVIOUS):
        (tmp_path / name).write_bytes(b"not a checkpoint")
    step, notices = load(tmp_path)
    assert step is None
    assert [name in notice for name, notice in zip((CURRENT, PREVIOUS), notices, strict=True)] == [
        True,
        True,
    ]


def test_a_damaged_checkpoint_does_not_push_out_the_good_one_at_the_next_save(
    tmp_path: Path,
) -> None:
    save_two(tmp_path)
    (tmp_path / CURRENT).write_bytes(b"not a checkpoint")
    assert load(tmp_path)[0] == 1
    save_checkpoint(tmp_path, make_state(3))
    (tmp_path / CURRENT).write_bytes(b"not a checkpoint either")
    assert load(tmp_path)[0] == 1


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_that_would_run_code_is_refused_unrun(tmp_path: Path, how: str) -> None:
    victim = tmp_path / "it-ran"
    state = {"schema": 1, "step": 5, "x": Malicious(victim)}
    if how == "torch":
        write_sealed(tmp_path / CURRENT, state)
        expected = "is damaged (it holds objects that no checkpoint of ours has)"
    else:
        (tmp_path / CURRENT).write_bytes(pickle.dumps(state))
        expected = "is damaged (its checksum is wrong)"
    step, notices = load(tmp_path)
    assert step is None
    assert expected in notices[0]
    assert not victim.exists()


@pytest.mark.parametrize("content", [{"step": 5}, [1, 2], torch.ones(2)])
def test_a_torch_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: Any) -> None:
    write_sealed(tmp_path / CURRENT, content)
    step, notices = load(tmp_path)
    assert step is None
    assert "is damaged (it is not a checkpoint of this program)" in notices[0]


def test_a_newer_schema_is_refused_and_kept_whatever_older_one_there_is(tmp_path: Path) -> None:
    save_two(tmp_path)
    write_sealed(tmp_path / CURRENT, {"schema": 2, "else": 1})
    content = (tmp_path / CURRENT).read_bytes()
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt has schema 2, .* up to 1\. Update"):
        load_checkpoint(tmp_path, Recorder())
    assert (tmp_path / CURRENT).read_bytes() == content


def test_a_full_disk_leaves_both_older_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_two(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    write_whole = Path.write_bytes

    def write_half(path: Path, content: bytes) -> None:
        write_whole(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(StoreError, match=r"is full: 'checkpoint\.new\.pt' could not be"):
            save_checkpoint(tmp_path, make_state(3))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    save_checkpoint(tmp_path, make_state(3))
    assert load(tmp_path) == (3, [])


def test_nothing_in_the_package_unpickles_what_a_file_names() -> None:
    """Checkpoints are tensors and plain values only; results have an unpickler of their own."""
    root = Path(harness.__file__).parent
    for path in root.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("torch.load(") == text.count("weights_only=True"), path
        assert "weights_only=False" not in text, path
        if path.name != "pool.py":  # whose workers read what their own parent sends them
            assert not re.search(r"pickle\.loads?\(|allow_pickle=True|\bread_pickle", text), path


def test_a_state_that_is_no_trainers_is_refused_by_name(tmp_path: Path) -> None:
    weights = {"w": torch.ones(3)}
    good = {"step": 1, "momentum": {"w": torch.zeros(3)}, "log": {"t": {"step": torch.zeros(2)}}}
    checkpoint.check_state(good, weights, 5)
    for bad in (
        {"step": 6},
        {"step": 1.0},
        {"momentum": {"w": torch.zeros(2)}},
        {"momentum": {"v": torch.zeros(3)}},
        {"log": {"t": {"step": torch.zeros(2), "y": torch.zeros(3)}}},
        {"log": {"t": {"x": torch.zeros(2)}}},
    ):
        message = r"checkpoint\.pt does not fit this run .* Remove it to train from the start"
        refused = pytest.raises(CheckpointError, match=message)
        with refused, checkpoint.refuse_misfits(tmp_path):
            checkpoint.check_state(good | bad, weights, 5)
