"""Images of one's own, from an npz file: what is read, and what is refused with what to do."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.errors import DataError
from harness.files import images as reading
from harness.files import npz
from harness.files.images import identify, is_own_name, read_images
from tests.own_images import CLASSES, EACH, SHAPE, make_arrays, write_npz

N = CLASSES * EACH
IMAGES, LABELS = make_arrays().values()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_npz(tmp_path / "spectra.npz")


def test_what_was_saved_is_read(path: Path) -> None:
    own = read_images(path)
    assert np.array_equal(own.pixels, IMAGES)
    assert np.array_equal(own.labels, LABELS)
    assert own.classes == ("0", "1", "2", "3", "4")
    assert set(own.parts.tolist()) == {0}
    assert own.augment == ()


@pytest.mark.parametrize("channels", [1, 2, 3, 13])
def test_any_number_of_channels_is_read(tmp_path: Path, channels: int) -> None:
    images = np.repeat(IMAGES, channels, axis=1)
    assert read_images(write_npz(tmp_path / "x.npz", images=images)).pixels.shape[1] == channels


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (LABELS.astype(np.uint8), "01234"),
        (LABELS - 2, ("-2", "-1", "0", "1", "2")),
        (LABELS * 5 + 2, ("2", "7", "12", "17", "22")),
        (LABELS.astype(np.uint64) + 2**63, tuple(str(2**63 + i) for i in range(5))),
        (LABELS > 1, ("False", "True")),
        (
            np.array(["owl", "ant", "bee", "cat", "dog"])[LABELS],
            ("ant", "bee", "cat", "dog", "owl"),
        ),
    ],
    ids=["uint8", "negative", "gaps", "large", "bool", "texts"],
)
def test_labels_of_any_kind_are_classes_in_their_order(
    tmp_path: Path, labels: npt.NDArray[Any], classes: tuple[str, ...]
) -> None:
    own = read_images(write_npz(tmp_path / "x.npz", labels=labels))
    assert own.classes == tuple(classes)
    assert [own.classes[label] for label in own.labels] == [str(each) for each in labels.tolist()]


def test_the_order_of_the_bytes_of_a_file_makes_no_difference(path: Path, tmp_path: Path) -> None:
    whole = np.repeat(IMAGES, 2, axis=0)[::2]
    np.savez(
        tmp_path / "other.npz",
        labels=LABELS.astype(">i2"),
        images=np.asfortranarray(whole),
        more=np.array([{}], dtype=object),  # never read
    )
    assert read_images(tmp_path / "other.npz").sha256 == read_images(path).sha256


@pytest.mark.parametrize("what", ["images", "labels", "split", "augment", "names"])
def test_the_name_changes_with_the_content(path: Path, tmp_path: Path, what: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    changes: dict[str, Any] = {
        "images": {"images": IMAGES ^ (np.arange(IMAGES.size) == 77).reshape(IMAGES.shape)},
        "labels": {"labels": np.roll(LABELS, 1)},
        "split": {"split": np.arange(N) % 2},
        "augment": {"augment": ["flip"]},
        "names": {"labels": LABELS + 1},
    }[what]
    own, other = read_images(path), read_images(write_npz(folder / path.name, **changes))
    assert own.name == f"spectra-{own.sha256[:8]}"
    assert other.name.startswith("spectra-")
    assert other.name != own.name
    assert is_own_name(own.name)


@pytest.mark.parametrize("name", ["tiles", "cifar10", "imagenet16-120", "a-1234567", "-12345678"])
def test_names_of_the_harnesss_own_data_sets_are_no_such_names(name: str) -> None:
    assert not is_own_name(name)


@pytest.mark.parametrize(
    ("file", "stem"),
    [
        ("a b/ü.npz", "b"),
        ("my.data.v2.npz", "my-data-v2"),
        ("---.npz", "images"),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_name_is_fit_for_a_folder(path: Path, tmp_path: Path, file: str, stem: str) -> None:
    target = tmp_path / Path(file).name
    target.write_bytes(path.read_bytes())
    name = read_images(target).name
    assert name.rpartition("-")[0] == (stem if "ü" not in file else "images")


@pytest.mark.parametrize(
    ("split", "sizes"),
    [
        (None, (20, 25, 15)),  # of 12 a class 3 are for testing, then 4 of 9 for training
        (np.repeat(["train", "valid", "test"], N // 3), (20, 20, 20)),
        (np.arange(N) % 3, (20, 20, 20)),
    ],
    ids=["none", "texts", "numbers"],
)
def test_parts_are_as_named_or_cut_by_class(
    tmp_path: Path, split: npt.NDArray[Any] | None, sizes: tuple[int, ...]
) -> None:
    path = write_npz(tmp_path / "x.npz", split=split)
    assert read_images(path).sizes(0.5) == sizes
    assert identify(path).sizes == sizes


def test_test_images_come_from_validation_images_where_there_are_only_those(tmp_path: Path) -> None:
    labels, split = np.arange(N) % CLASSES, np.arange(N) >= 30
    own = read_images(write_npz(tmp_path / "x.npz", labels=labels, split=split))
    assert own.sizes(0.9) == (30, 15, 15)


def test_validation_images_come_from_training_images_where_only_test_images_are_named(
    tmp_path: Path,
) -> None:
    labels, split = np.arange(N) % CLASSES, np.where(np.arange(N) < 50, "train", "test")
    own = read_images(write_npz(tmp_path / "x.npz", labels=labels, split=split))
    assert own.sizes(0.5) == (25, 25, 10)
    assert own.sizes(0.9) == (45, 5, 10)


def as_npy(array: Any) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=True)
    return sink.getvalue()


def in_zip(**members: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.npy", content)

    return write


def changed(**changes: Any) -> Callable[[Path], None]:
    return lambda path: write_npz(path, **changes) and None


def cut(share: float) -> Callable[[Path], None]:
    return lambda path: (
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)]) and None
    )


FLOATS = IMAGES / 255
TERABYTES = as_npy(IMAGES).replace(b"(60, 1, 6, 9), ", b"(60, 1, 6, 9000000000), ")
ONE_OFF = np.where(np.arange(N) == 3, np.nan, 1.0)[:, None, None, None] * FLOATS

REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), r"There is no '.*spectra.npz'. Give an npz file with"),
    "cut short": (cut(0.9), r"cannot be read as an npz file of plain arrays \(.*never read\. Save"),
    "empty": (cut(0), "cannot be read as an npz file"),
    "a pickle": (
        lambda path: path.write_bytes(pickle.dumps(IMAGES)),
        "is a pickle, which is never",
    ),
    "pickled labels": (changed(labels=np.array([{}] * N)), "Object arrays cannot be loaded"),
    "pickled images": (changed(images=np.array([None] * N)), "Object arrays cannot be loaded"),
    "terabytes": (in_zip(images=TERABYTES, labels=as_npy(LABELS)), "cannot be read as an npz"),
    "no images": (
        changed(images=None),
        r"no array 'images'; it holds labels\.npy\. Save one's own",
    ),
    "no labels": (changed(labels=None), r"no array 'labels'; it holds images\.npy"),
    "of 0 to 1": (
        changed(images=FLOATS),
        r"float64 \[60, 1, 6, 9\]; .*save \(images \* 255\)\.round\(\)\.astype\(np\.uint8\)",
    ),
    "with NaN": (changed(images=ONE_OFF), "values that are not finite"),
    "whole numbers": (changed(images=IMAGES.astype(int)), r"Save images\.round\(\)\.astype"),
    "of 16 bits": (
        changed(images=IMAGES.astype(np.uint16) * 257),
        r"Its values are 0 to 5\d+: save",
    ),
    "yes and no": (changed(images=IMAGES > 9), r"Save images\.astype\(np\.uint8\) \* 255"),
    "complex": (changed(images=IMAGES * 1j), "Save numbers from 0 to 255"),
    "without channels": (changed(images=IMAGES[:, 0]), r"save images\[:, np\.newaxis\]"),
    "channels last": (
        changed(images=IMAGES.transpose(0, 2, 3, 1)),
        r"channels seem to be last\. Save images\.transpose\(0, 3, 1, 2\)",
    ),
    "flat": (changed(images=IMAGES.reshape(N, -1)), r"uint8 \[60, 54\]; it should be"),
    "no pixels": (changed(images=IMAGES[:, :, :0]), r"uint8 \[60, 1, 0, 9\]; it should be"),
    "none at all": (changed(images=IMAGES[:0], labels=LABELS[:0]), r"uint8 \[0, 1, 6, 9\]; it"),
    "a label too few": (changed(labels=LABELS[1:]), r"int64 \[59\]; 60 images go with integers"),
    "one-hot": (changed(labels=np.eye(5, dtype=int)[LABELS]), r"Save labels\.argmax\(axis=1\)"),
    "labels in a column": (changed(labels=LABELS[:, None]), r"Save labels\[:, 0\]"),
    "labels as floats": (changed(labels=LABELS * 1.0), r"Save labels\.astype\(int\)"),
    "labels as bytes": (changed(labels=LABELS.astype("S")), r"Save labels\.astype\(str\)"),
    "one class": (changed(labels=LABELS * 0), "all 60 images are of the class 0; at least two"),
    "a split too short": (
        changed(split=np.arange(N - 1) % 2),
        r"'split' is int64 \[59\]; it should",
    ),
    "another part": (changed(split=["train", "hold"] * 30), "and holds 'hold'; it should say"),
    "a fourth part": (changed(split=np.arange(N) % 4), "and holds 3; it should say"),
    "another change": (changed(augment=["flip", "rotate"]), "'augment' holds rotate; it names"),
    "a misspelt array": (
        changed(splits=["train"] * N),
        "has an array 'splits', which is not read. Call it 'split' if it is that",
    ),
    "a number of changes": (changed(augment=[1]), "'augment' holds int64; it names"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_what_to_do(path: Path, name: str) -> None:
    damage, message = REFUSED[name]
    damage(path)
    with pytest.raises(DataError, match=message) as caught:
        read_images(path)
    assert "spectra.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": np.arange(N)}, "class '0' has no training image"),
        ({"labels": np.where(np.arange(N) < 2, 7, LABELS)}, "class '7' has no training image"),
        (
            {"split": np.repeat([1, 0, 2], 20), "labels": np.repeat([1, 0, 2], 20)},
            "class '1' has no",
        ),
        ({"split": np.where(np.arange(N) == 5, 1, np.arange(N) % 2 * 2)}, "too few valid images"),
    ],
    ids=["a class each", "two of a class", "only for validation", "one for validation"],
)
def test_too_few_images_are_refused(path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        identify(write_npz(path, **changes))


def test_an_array_larger_than_the_memory_is_refused_unread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert npz.memory_bytes() > 2**28
    monkeypatch.setattr(reading, "memory_bytes", lambda: IMAGES.size)  # the header is more
    monkeypatch.setattr(np.lib.format, "read_array", None)
    with pytest.raises(DataError, match=r"'images' has 3,\d+ bytes; arrays of over 3,240 are not"):
        read_images(path)


def test_a_file_that_changed_is_read_again_and_not_taken_for_what_it_was(path: Path) -> None:
    before = identify(path)
    assert identify(path, name=before.name) == before
    write_npz(path, labels=LABELS + 1)
    os.utime(path, ns=(1, 1))
    assert identify(path).name != before.name
    with pytest.raises(
        DataError, match=f"is now 'spectra-.*', and was '{before.name}': its content"
    ):
        identify(path, name=before.name)


def test_a_relative_path_and_a_link_are_the_same_images(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.npz").symlink_to(path)
    assert identify(Path("spectra.npz")) == identify(path) == identify(Path("link.npz"))
    assert identify(path).path.is_absolute()
    assert read_images(path).pixels.shape[1:] == SHAPE
