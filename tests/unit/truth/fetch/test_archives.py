"""Archives that lead elsewhere, claim too much, or end too early."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, StoreError
from harness.truth.fetch.archives import unpack
from harness.truth.fetch.catalog import Member

CONTENTS = {"images/a.bin": b"a" * 5_000, "images/b.bin": bytes(range(256)) * 40}
MEMBERS = [
    Member(name, len(content), "sha256:" + hashlib.sha256(content).hexdigest())
    for name, content in CONTENTS.items()
]


def add(tar: tarfile.TarFile, name: str, content: bytes = b"", **fields: Any) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    tar.addfile(info, io.BytesIO(content))


def make_archive(
    path: Path, more: Callable[[tarfile.TarFile], None] | None = None, **changed: bytes
) -> Path:
    """The archive that is expected, with more in it, or with other contents (a=..., b=...)."""
    with tarfile.open(path, "w:gz") as tar:
        add(tar, "images", type=tarfile.DIRTYPE, mode=0o755)
        for name, content in CONTENTS.items():
            add(tar, name, changed.get(Path(name).stem, content))
        if more is not None:
            more(tar)
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_members_are_unpacked_and_nothing_else(tmp_path: Path, into: Path) -> None:
    archive = make_archive(
        tmp_path / "x.tar.gz", lambda tar: add(tar, "images/readme.html", b"hello")
    )
    unpack(archive, MEMBERS, into)
    assert {name: (into / name).read_bytes() for name in names(into)} == CONTENTS


def test_names_may_begin_with_a_dot(tmp_path: Path, into: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        for name, content in CONTENTS.items():
            add(tar, f"./{name}", content)
    unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    assert names(into) == sorted(CONTENTS)


def test_other_files_of_the_folder_stay(tmp_path: Path, into: Path) -> None:
    (into / "images").mkdir()
    (into / "images" / "own.txt").write_text("mine")
    (into / "images" / "b.bin").write_text("mine too, but not asked for")
    unpack(make_archive(tmp_path / "x.tar.gz"), MEMBERS[:1], into)
    assert names(into) == ["images/a.bin", "images/b.bin", "images/own.txt"]
    assert (into / "images" / "b.bin").read_text() == "mine too, but not asked for"


def test_modes_and_owners_of_the_archive_mean_nothing(tmp_path: Path, into: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        for name, content in CONTENTS.items():
            add(tar, name, content, mode=0o6777, uid=12345, gid=12345)
    unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    found = (into / "images" / "a.bin").stat()
    assert not found.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IXUSR | stat.S_IWOTH)
    assert found.st_uid == os.getuid()


def add_many(tar: tarfile.TarFile) -> None:
    for number in range(1_000):
        add(tar, f"f{number}")


ODD: dict[str, tuple[Callable[[tarfile.TarFile], None], str]] = {
    "parent": (lambda tar: add(tar, "../evil.txt", b"x"), r"'\.\./evil\.txt' leads out"),
    "deep parent": (lambda tar: add(tar, "images/../../evil.txt", b"x"), "leads out"),
    "absolute": (lambda tar: add(tar, "/tmp/evil.txt", b"x"), "is not a relative name"),
    "drive": (lambda tar: add(tar, "C:/evil.txt", b"x"), "is not a relative name"),
    "backslash": (lambda tar: add(tar, "..\\evil.txt", b"x"), "is not a relative name"),
    "symlink": (
        lambda tar: add(tar, "images/l", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        "'images/l' is a link to '/etc/passwd'",
    ),
    "hard link": (
        lambda tar: add(tar, "images/l", type=tarfile.LNKTYPE, linkname="images/a.bin"),
        "is a link",
    ),
    "device": (lambda tar: add(tar, "images/d", type=tarfile.CHRTYPE), "neither a plain file"),
    "pipe": (lambda tar: add(tar, "images/p", type=tarfile.FIFOTYPE), "neither a plain file"),
    "twice": (lambda tar: add(tar, "images/a.bin", CONTENTS["images/a.bin"]), "occurs twice"),
    "many": (add_many, "more than 1,000"),
    "large": (lambda tar: add(tar, "zeros", bytes(2_000_000)), "far larger, unpacked"),
    "large header": (
        lambda tar: add(tar, "x" * 2_000_000, b"x"),
        "far larger, unpacked",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_archive_with_anything_odd_is_refused_and_leaves_nothing(
    tmp_path: Path, into: Path, name: str
) -> None:
    more, problem = ODD[name]
    archive = make_archive(tmp_path / "x.tar.gz", more)
    with pytest.raises(DataError, match=problem):
        unpack(archive, MEMBERS, into)
    assert list(into.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "x.tar.gz"]


def test_a_link_in_place_of_a_member_is_not_followed(tmp_path: Path, into: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as tar:
        add(tar, "images/a.bin", type=tarfile.SYMTYPE, linkname=str(tmp_path / "x.tar.gz"))
        add(tar, "images/b.bin", CONTENTS["images/b.bin"])
    with pytest.raises(DataError, match="is a link"):
        unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    assert list(into.iterdir()) == []


def test_an_archive_that_claims_an_enormous_member_is_refused_unread(
    tmp_path: Path, into: Path
) -> None:
    info = tarfile.TarInfo("images/a.bin")
    info.size = 8 * 2**30
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(info.tobuf() + bytes(3_000_000)))
    with pytest.raises(DataError, match=r"not the one that was published|far larger"):
        unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_an_archive_that_was_cut_short_leaves_nothing(
    tmp_path: Path, into: Path, fraction: float
) -> None:
    whole = make_archive(tmp_path / "x.tar.gz", a=os.urandom(5_000)).read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(whole[: int(len(whole) * fraction)])
    with pytest.raises(DataError, match=r"not a whole \.tar\.gz|lacks|not the one"):
        unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", bytes(10_000), gzip.compress(b"no tar" * 500)],
    ids=["empty", "text", "zeros", "gzip"],
)
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, into: Path, content: bytes) -> None:
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"not a whole \.tar\.gz|lacks images/a\.bin"):
        unpack(tmp_path / "x.tar.gz", MEMBERS, into)
    assert list(into.iterdir()) == []


@pytest.mark.parametrize("content", [b"a" * 4_999, b"a" * 5_001, b"b" * 5_000, b""])
def test_a_member_that_is_another_one_is_refused(
    tmp_path: Path, into: Path, content: bytes
) -> None:
    with pytest.raises(DataError, match=r"images/a\.bin' is not the one that was published"):
        unpack(make_archive(tmp_path / "x.tar.gz", a=content), MEMBERS, into)
    assert list(into.iterdir()) == []


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match=r"No space left on device\. It needs 15,240 bytes"):
        unpack(make_archive(tmp_path / "x.tar.gz"), MEMBERS, into)
    assert list(into.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path, into: Path) -> None:
    (into / ".unpack-abc.tmp").mkdir()
    (into / ".unpack-abc.tmp" / "0").write_text("half")
    unpack(make_archive(tmp_path / "x.tar.gz"), MEMBERS, into)
    assert sorted(path.name for path in into.iterdir()) == ["images"]


def test_ctrl_c_leaves_nothing(tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack(make_archive(tmp_path / "x.tar.gz"), MEMBERS, into)
    assert list(into.iterdir()) == []
