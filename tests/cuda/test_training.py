"""Training steps on a GPU: the laws of every strategy, agreement with the CPU, no waiting."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from harness.testing import tiny
from harness.testing.strategies import LAWS, Row, make
from tests.contract.strategies import ROWS

STEPS = 4


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.cuda)], indirect=True)
def test_every_strategy_keeps_the_law_that(
    device: torch.device, row: Row, law: Callable[[Row, Path], None], tmp_path: Path
) -> None:
    """The same bits for the same seed, and for a resumed run, are among the laws."""
    law(row, tmp_path)


@contextmanager
def refusing_to_wait() -> Iterator[None]:
    """Make whatever waits for the GPU an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.cuda)], indirect=True)
def test_a_step_does_not_wait(device: torch.device, row: Row) -> None:
    """Without a GPU, `tests/unit/training/test_device.py` holds steps to this."""
    if row.name == "ogd-nullspace":
        pytest.skip("torch's eigendecomposition waits")
    trainer = make(row)
    with refusing_to_wait():
        for _ in range(STEPS):
            trainer.train_step()


@pytest.mark.parametrize("strategy", ["spos", "ogd", "fairnas", "wpl"])
@pytest.mark.parametrize("space", ["nb201", "macro"])
def test_the_first_steps_are_those_of_the_cpu(
    device: torch.device, monkeypatch: pytest.MonkeyPatch, space: str, strategy: str
) -> None:
    row = Row(strategy, strategy, {"space": space, "steps": STEPS, "lr": 0.01, "probe_every": 2})
    here = make(row)
    data = tiny.tiny_data().to(torch.device("cpu"))
    monkeypatch.setattr(tiny, "tiny_data", lambda: data)
    there = make(row)
    for _ in range(STEPS):
        here.train_step()
        there.train_step()
    assert here.weights["classifier.weight"].device.type == device.type
    for table, column in (("steps", "loss"), ("disturbance", "loss_after")):
        expected = there.log.tables[table][column]
        # float32: a GPU adds in another order, and batch norm of 16 small images magnifies it
        assert here.log.tables[table][column] == pytest.approx(expected, rel=1e-2)
    assert here.log.tables["steps"]["loss"][0] == pytest.approx(
        there.log.tables["steps"]["loss"][0], rel=1e-4
    )


def test_images_are_cropped_and_flipped_as_on_the_cpu(device: torch.device) -> None:
    data = replace(tiny.tiny_data(), crop_padding=2, flip=True)
    generator = torch.Generator()
    batch = data.train.pixels[:8]
    ours = data.augment(batch, generator.manual_seed(3))
    assert ours.device.type == device.type
    theirs = data.augment(batch.cpu(), generator.manual_seed(3))
    assert torch.equal(ours.cpu(), theirs)
    assert not torch.equal(theirs, batch.cpu())
