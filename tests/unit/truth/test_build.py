"""Trainings from scratch: side by side as one by one, and shared between a class where asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from harness.errors import DivergedError
from harness.images import load_images
from harness.images.dataset import ImageData
from harness.spaces import load_space
from harness.spaces.nb201.encoding import arch_at, sample_indices
from harness.training.from_scratch import measure, train
from harness.truth import TruthQuery, load_table
from harness.truth import build as truth_build
from harness.truth.build import Job, Protocol, Stack, Trained, build_table, train_from_scratch

PROTOCOL = Protocol(channels=4, epochs=1)
ARCH = ("nb201_index", "arch_str")


@pytest.fixture(scope="module")
def data() -> ImageData:
    """Return a little of tiles: enough to learn something from in one epoch."""
    whole = load_images("tiles")
    few = [
        None if images is None else type(images)(images.pixels[:512], images.labels[:512])
        for images in (whole.train, whole.validation, whole.test)
    ]
    assert few[0] is not None
    assert few[1] is not None
    return replace(whole, train=few[0], validation=few[1], test=few[2])


def test_seeds_side_by_side_train_to_what_they_train_to_alone(data: ImageData) -> None:
    index = sample_indices(2)[1]
    losses = []
    for seeds in ((0, 1, 2), (0,), (1,), (2,)):
        shape = data.network_shape(PROTOCOL.channels, PROTOCOL.cells)
        network = load_space().networks(shape).standalone(arch_at(index), seeds).double()
        losses.append(train(network, seeds, PROTOCOL.recipe, _as_double(data))[-1])
    # eight steps in float64: rounding grows from 1e-16, not to what a seed changes
    torch.testing.assert_close(losses[0], torch.cat(losses[1:]), rtol=1e-6, atol=1e-6)
    assert len(set(losses[0].tolist())) == 3


def _as_double(data: ImageData) -> ImageData:
    """Return images whose batches come in float64."""

    class Doubled(ImageData):
        def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
            return super().normalise(pixels).double()

    return Doubled(**{name: getattr(data, name) for name in data.__dataclass_fields__})


def test_every_seed_gets_a_row_for_every_split(data: ImageData) -> None:
    index = sample_indices(1)[0]
    rows = train_from_scratch(arch_at(index), (3, 5), PROTOCOL, data, load_space())
    assert [(row["seed"], row["trial"], row["split"]) for row in rows] == [
        (3, 3, "valid"),
        (3, 3, "test"),
        (5, 5, "valid"),
        (5, 5, "test"),
    ]
    assert {row["arch_str"] for row in rows} == {str(arch_at(index))}
    assert all(0 < row["accuracy"] <= 100 for row in rows)
    assert rows == [
        row | {"cost_s": row_again["cost_s"]}
        for row, row_again in zip(
            train_from_scratch(arch_at(index), (3, 5), PROTOCOL, data, load_space()),
            rows,
            strict=True,
        )
    ]


def test_a_training_that_diverges_is_named_with_its_seed(data: ImageData) -> None:
    wild = replace(PROTOCOL, max_lr=1e30)
    arch = arch_at(sample_indices(1)[0])
    with pytest.raises(DivergedError, match=r"with seed 7 ended at a loss of (nan|inf)"):
        train_from_scratch(arch, (7,), wild, data, load_space())


def test_only_what_is_missing_is_trained_a_few_seeds_at_a_time() -> None:
    done = {Job(8, 1), Job(9, 0), Job(9, 1), Job(9, 2)}
    assert truth_build._stack_missing((8, 9, 7), (0, 1, 2), done) == [
        Stack(8, (0, 2)),
        Stack(7, (0, 1, 2)),
    ]
    many = truth_build._stack_missing((8,), range(6), set())
    assert many == [Stack(8, (0, 1, 2, 3)), Stack(8, (4, 5))]


def test_with_shared_classes_members_get_the_rows_of_their_representative(
    tmp_path: Path, data: ImageData, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def pretend(stacks: list[Stack], *_: object) -> object:
        for index, seeds in stacks:
            trained.append(index)
            rows = [
                {
                    "nb201_index": index,
                    "arch_str": str(arch_at(index)),
                    "dataset": "tiles",
                    "split": "test",
                    "epochs": 1,
                    "trial": seed,
                    "seed": seed,
                    "accuracy": index / 1000 + seed,
                    "cost_s": 2.0,
                }
                for seed in seeds
            ]
            yield Trained(rows, wall_s=20.0, cpu_s=5.0)

    monkeypatch.setattr(truth_build, "_train_all", pretend)
    path = tmp_path / "shared.parquet"
    notices: list[str] = []
    table = build_table(path, PROTOCOL, 60, (0, 1), 1, share_classes=True, notice=notices.append)
    few, notice = notices  # each said once
    assert few.startswith("Trainings have")
    assert "Trainings take 4.0 times as long as on an idle core" in notice
    assert "Fewer --workers" in notice
    classes = {arch_at(i).representative.nb201_index for i in sample_indices(60)}
    assert sorted(trained) == sorted(classes)
    assert len(classes) < 60  # or this test shows nothing
    rows = load_table(path).rows
    assert len(rows) == 120
    for row in rows.itertuples():
        representative = arch_at(row.nb201_index).representative.nb201_index
        assert row.accuracy == representative / 1000 + row.seed
        assert row.arch_str == str(arch_at(row.nb201_index))
    assert json.loads(table.metadata["share_classes"]) is True
    assert table.metadata["n_archs_trained"] == str(len(classes))
    assert table.metadata["cost_cpu_s"] == str(2 * 2 * len(classes))


@pytest.fixture
def trained_here(data: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train on a little of tiles, in this process."""

    def train_all(stacks: list[Stack], protocol: Protocol, *_: object) -> object:
        for index, seeds in stacks:
            rows = train_from_scratch(arch_at(index), seeds, protocol, data, load_space())
            yield Trained(rows, wall_s=1.0, cpu_s=1.0)

    monkeypatch.setattr(truth_build, "_train_all", train_all)


def test_every_epoch_of_a_training_is_kept(
    tmp_path: Path, data: ImageData, trained_here: None
) -> None:
    path, protocol = tmp_path / "mine.parquet", replace(PROTOCOL, epochs=3)
    table = build_table(path, protocol, 2, (0, 1), 1)
    assert [(group.split, group.epochs, group.n_rows) for group in load_table(path).groups()] == [
        ("test", 3, 4),
        ("valid", 1, 4),
        ("valid", 2, 4),
        ("valid", 3, 4),
    ]
    first = TruthQuery("tiles", "valid", 1)
    means = [table.mean(replace(first, epochs=k)).value.tolist() for k in (1, 2, 3)]
    assert len(set(map(tuple, means))) == 3
    losses = pd.read_csv(tmp_path / "mine.losses.csv")
    assert list(losses) == [*ARCH, "dataset", "epochs", "trial", "seed", "train_loss"]
    assert len(losses) == 2 * 2 * 3
    by_epoch = losses.groupby("epochs")["train_loss"].mean()
    assert by_epoch.is_monotonic_decreasing
    # Each number is what the loop says of that training.
    key, seed = sample_indices(1)[0], 1
    network = load_space().networks(data.network_shape(protocol.channels, protocol.cells))
    alone = network.standalone(arch_at(key), (0, 1))
    seen: list[float] = []

    def evaluate() -> None:
        seen.append(measure(alone, data, data.validation).accuracy[seed])

    expected = train(alone, (0, 1), protocol.recipe, data, evaluate)[:, seed].tolist()
    own = losses[(losses["nb201_index"] == key) & (losses["seed"] == seed)]
    assert own["train_loss"].tolist() == expected
    kept = [table.select(replace(first, epochs=k, policy="seed=1")).by_index()[key] for k in (1, 2)]
    assert kept == pytest.approx(seen[:2], abs=1e-6)  # rounded in a table


def test_a_journal_of_an_earlier_version_resumes_and_says_what_it_lacks(
    tmp_path: Path, trained_here: None
) -> None:
    path, protocol = tmp_path / "mine.parquet", replace(PROTOCOL, epochs=2)
    notices: list[str] = []
    whole = build_table(path, protocol, 2, (0,), 1, notice=notices.append)
    assert notices == []
    journal = path.with_suffix(".rows.jsonl")
    header, *rows = (
        json.loads(line.rsplit(" #", 1)[0]) for line in journal.read_text().splitlines()
    )
    first = [
        {k: v for k, v in row.items() if k not in ("accuracies", "losses")} for row in rows[:2]
    ]
    journal.write_text("".join(f"{json.dumps(row)}\n" for row in (header, *first)))
    table = build_table(path, protocol, 2, (0,), 1, notice=notices.append)
    (notice,) = notices
    assert notice.startswith("Of 1 trainings only the last epoch is known")
    last = TruthQuery("tiles", "valid", 2)
    assert table.mean(last).by_index() == whole.mean(last).by_index()
    assert list(table.mean(replace(last, epochs=1)).keys) == [sample_indices(2)[1]]
