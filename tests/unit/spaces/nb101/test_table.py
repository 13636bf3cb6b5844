"""The list of cells: made once, kept, and made anew where it is damaged."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArchError
from harness.spaces.nb101 import table
from harness.spaces.nb101.encoding import Cell, enumerate_cells
from harness.spaces.nb101.table import FILE, Cells, pack, read_cells, unpack

FEW = list(itertools.islice(enumerate_cells(), 200))


@pytest.fixture(name="cache")
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A space of 200 cells, and the cache folder that is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(table, "enumerate_cells", lambda: iter(FEW))
    monkeypatch.setattr(table, "read_cells", read_cells)  # not the session's, which would keep them
    monkeypatch.setattr(table, "_TOLD_EACH", 100)
    monkeypatch.setattr(table, "SHA256", hashlib.sha256(sorted_file()).hexdigest())
    return tmp_path / "cache" / "harness"


def sorted_file() -> bytes:
    by_hash = sorted(FEW, key=lambda cell: cell.digest)
    return np.array(list(map(pack, by_hash)), dtype="<u4").tobytes()


def test_a_number_stands_for_a_cell() -> None:
    for cell in FEW:
        assert unpack(pack(cell)) == cell
    assert len(set(map(pack, FEW))) == len(FEW)


def test_cells_are_sorted_by_their_hash_once(
    cache: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_cells().astype("<u4").tobytes() == sorted_file()
    said = capsys.readouterr()
    assert "once: about a minute" in said.err
    assert "  200 of" in said.err
    assert said.out == ""
    assert [path.name for path in cache.iterdir()] == [FILE]
    monkeypatch.setattr(table, "enumerate_cells", lambda: pytest.fail("it is made again"))
    assert read_cells().astype("<u4").tobytes() == (cache / FILE).read_bytes()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("damage", [b"", sorted_file()[:-4], b"\x00" + sorted_file()[1:]])
def test_a_damaged_file_is_made_anew(cache: Path, damage: bytes) -> None:
    cache.mkdir(parents=True)
    (cache / FILE).write_bytes(damage)
    assert read_cells().astype("<u4").tobytes() == sorted_file()
    assert (cache / FILE).read_bytes() == sorted_file()


def test_without_a_cache_folder_it_is_made_each_time(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.parent.write_text("a file where the folder belongs")
    for _ in range(2):
        assert len(read_cells()) == len(FEW)
        assert "Enumerating" in capsys.readouterr().err


def test_an_interrupted_enumeration_leaves_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> object:
        yield FEW[0]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(table, "enumerate_cells", stop)
        with pytest.raises(KeyboardInterrupt):
            read_cells()
    assert not cache.exists()
    assert len(read_cells()) == len(FEW)


def test_a_cell_is_found_by_its_row(cache: Path) -> None:
    cells = Cells()
    assert len(cells.numbers) == len(FEW)
    assert [cells.find(cells[row]) for row in range(len(FEW))] == list(range(len(FEW)))
    assert cells[:3] == [cells[0], cells[1], cells[2]]
    with pytest.raises(ArchError, match="is not among the 423,624 cells"):
        cells.find(Cell(7, 0, (0,) * 5))


@pytest.mark.slow
def test_the_whole_list_is_the_published_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(read_cells()) == 423_624  # and it has the checksum, or it would have failed
