"""Fetching: what is there is left alone, what is not comes whole or not at all."""

from __future__ import annotations

import shutil
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from filelock import FileLock

from harness.errors import DataError, Interrupted, LockedError, StoreError, UsageError
from harness.images import cifar
from harness.truth import TruthTable, find_truth, load_table, save_table
from harness.truth.fetch import fetching
from harness.truth.fetch.catalog import CATALOG, find_entry
from harness.truth.fetch.download import Patience, TransferError
from harness.truth.fetch.fetching import Fetched, data_folder, fetch
from harness.truth.fetch.state import State, check_entry, look_at
from harness.truth.published import Download, Entry, Unpacked
from tests.fetchable import (
    ARCHIVE,
    FILES,
    TABLE_FILES,
    checksum,
    make_archive_entry,
    make_table_entry,
    make_toy_table,
    pack,
)
from tests.loopback import Answer, Loopback
from tests.published_files import make_results, write_official

AT_ONCE = Patience(attempts=2, sleep=lambda _seconds: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("NO_PROXY", "*")
    with Loopback() as loopback:
        yield loopback


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def names(folder: Path) -> list[str]:
    """The files of a folder, but for the locks."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return sorted(str(path.relative_to(folder)) for path in paths)


def states(entry: Entry, folder: Path) -> list[str]:
    return [str(each.state) for each in check_entry(entry, folder)]


def serve_tables(server: Loopback) -> Entry:
    for name, content in TABLE_FILES.items():
        server.serve(f"tables/{name}", Answer(content))
    return make_table_entry(server.url("tables/"))


def test_an_archive_is_fetched_and_unpacked_and_not_kept(server: Loopback, data: Path) -> None:
    url = server.serve("toy.tar.gz", Answer(ARCHIVE))
    entry = make_archive_entry(url)
    assert look_at(entry, data) == "no"
    done = fetch(entry, data)
    assert done == Fetched(False, tuple(data / name for name in FILES), (url,))
    assert {name: (data / name).read_bytes() for name in names(data)} == FILES
    assert states(entry, data) == ["ok", "ok"]
    assert look_at(entry, data) == "yes"


def test_what_is_there_is_not_fetched_again(server: Loopback, data: Path) -> None:
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    fetch(entry, data)
    stamps = [(data / name).stat().st_mtime_ns for name in FILES]
    done = fetch(entry, data, origin="http://127.0.0.1:9/never/asked")
    assert done == Fetched(True, tuple(data / name for name in FILES), ())
    assert [(data / name).stat().st_mtime_ns for name in FILES] == stamps
    assert len(server.requests) == 1


def test_what_is_there_needs_no_permission_to_write(server: Loopback, data: Path) -> None:
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    fetch(entry, data)
    for path in data.glob("*.lock"):
        path.unlink()
    data.chmod(0o555)
    assert fetch(entry, data).was_present
    assert not list(data.glob("*.lock"))


def test_only_what_is_missing_is_put_there(server: Loopback, data: Path) -> None:
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    fetch(entry, data)
    (data / "toy" / "test.bin").unlink()
    (data / "toy" / "own.txt").write_text("mine")
    stamp = (data / "toy" / "train.bin").stat().st_mtime_ns
    assert look_at(entry, data) == "1 of 2 files"
    assert not fetch(entry, data).was_present
    assert names(data) == ["toy/own.txt", "toy/test.bin", "toy/train.bin"]
    assert (data / "toy" / "train.bin").stat().st_mtime_ns == stamp


def test_what_differs_is_left_alone_until_asked(server: Loopback, data: Path) -> None:
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    (data / "toy").mkdir(parents=True)
    own = b"x" * len(FILES["toy/train.bin"])
    (data / "toy" / "train.bin").write_bytes(own)
    assert states(entry, data) == ["differs", "missing"]
    with pytest.raises(DataError, match=r"train\.bin' is there, but .* --replace"):
        fetch(entry, data)
    assert (data / "toy" / "train.bin").read_bytes() == own
    assert server.requests == []
    fetch(entry, data, may_replace=True)
    assert states(entry, data) == ["ok", "ok"]


def test_a_file_of_another_size_is_told_without_its_checksum(data: Path) -> None:
    entry = make_archive_entry("http://127.0.0.1:9/")
    (data / "toy").mkdir(parents=True)
    (data / "toy" / "train.bin").write_bytes(b"short")
    found = check_entry(entry, data)[0]
    assert (found.state, found.note) == (State.DIFFERS, "5 bytes instead of 204,800")
    assert look_at(entry, data) == "differs"


def test_a_stopped_download_goes_on(server: Loopback, data: Path) -> None:
    class Stopper:
        def start(self, name: str, done: int, total: int) -> None:
            pass

        def advance(self, done: int) -> None:
            raise KeyboardInterrupt

        def notice(self, message: str) -> None:
            pass

    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    with pytest.raises(Interrupted, match=r"Stopped\. What has arrived of toy is kept\."):
        fetch(entry, data, watch=Stopper())
    assert names(data) == ["toy.tar.gz.part"]
    assert look_at(entry, data) == f"no; 65,536 of {len(ARCHIVE):,} bytes have arrived"
    fetch(entry, data)
    assert server.ranges("toy.tar.gz") == [None, "bytes=65536-"]
    assert states(entry, data) == ["ok", "ok"]


def test_ctrl_c_while_unpacking_keeps_the_archive(
    server: Loopback, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "unpack", interrupt)
        with pytest.raises(Interrupted, match="is kept"):
            fetch(entry, data)
    assert names(data) == ["toy.tar.gz"]
    fetch(entry, data)
    assert names(data) == ["toy.tar.gz", *sorted(FILES)]
    assert states(entry, data) == ["ok", "ok", "ok"]
    assert len(server.requests) == 1


def test_an_archive_that_the_user_put_there_is_used_and_kept(data: Path) -> None:
    data.mkdir()
    (data / "toy.tar.gz").write_bytes(ARCHIVE)
    done = fetch(make_archive_entry("http://127.0.0.1:9/"), data)
    assert done.sources == (str(data / "toy.tar.gz"),)
    assert names(data) == ["toy.tar.gz", *sorted(FILES)]


def test_a_wrong_archive_at_its_place_is_fetched_anew(server: Loopback, data: Path) -> None:
    data.mkdir()
    (data / "toy.tar.gz").write_bytes(ARCHIVE[:-1])
    fetch(make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE))), data)
    assert names(data) == sorted(FILES)


def test_an_archive_with_the_right_checksum_is_still_unpacked_with_care(
    server: Loopback, data: Path
) -> None:
    hostile = pack({**FILES, "../evil.txt": b"x"})
    url = server.serve("toy.tar.gz", Answer(hostile))
    with pytest.raises(DataError, match="leads out of the folder"):
        fetch(make_archive_entry(url, archive=hostile), data)
    assert names(data.parent) == ["data/toy.tar.gz"]


@pytest.mark.parametrize("shape", ["file", "folder", "data folder"])
def test_a_local_copy_is_used_where_it_lies(tmp_path: Path, data: Path, shape: str) -> None:
    origin = tmp_path / "copies"
    origin.mkdir()
    (origin / "toy.tar.gz").write_bytes(ARCHIVE)
    given = origin / "toy.tar.gz" if shape == "file" else origin
    fetch(make_archive_entry("http://127.0.0.1:9/"), data, origin=str(given))
    assert names(data) == sorted(FILES)
    assert names(origin) == ["toy.tar.gz"]
    if shape == "data folder":
        (origin / "tables" / "raw").mkdir(parents=True)
        for name, content in TABLE_FILES.items():
            (origin / "tables" / "raw" / name).write_bytes(content)
        fetch(make_table_entry("http://127.0.0.1:9/"), data, origin=str(origin))
        assert (data / "tables" / "truth.parquet").is_file()


def test_a_local_copy_may_have_any_name(tmp_path: Path, data: Path) -> None:
    (tmp_path / "download (1)").write_bytes(ARCHIVE)
    fetch(make_archive_entry("http://127.0.0.1:9/"), data, origin=str(tmp_path / "download (1)"))
    assert names(data) == sorted(FILES)


@pytest.mark.parametrize("given", ["toy.tar.gz", ""])
def test_a_mirror_is_an_address_or_a_folder_of_one(
    server: Loopback, data: Path, given: str
) -> None:
    server.serve("mirror/toy.tar.gz", Answer(ARCHIVE))
    entry = make_archive_entry("http://127.0.0.1:9/")
    done = fetch(entry, data, origin=server.url(f"mirror/{given}"))
    assert done.sources == (server.url("mirror/toy.tar.gz"),)
    assert names(data) == sorted(FILES)


def test_a_mirror_of_another_file_is_refused(server: Loopback, data: Path) -> None:
    url = server.serve("toy.tar.gz", Answer(ARCHIVE[::-1]))
    with pytest.raises(TransferError, match="another file than was published"):
        fetch(make_archive_entry("http://127.0.0.1:9/"), data, origin=url)
    assert names(data) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "There is no file"), (ARCHIVE[::-1], "its md5"), (b"", "0 bytes")],
)
def test_a_local_copy_that_is_none_is_refused(
    tmp_path: Path, data: Path, content: bytes | None, problem: str
) -> None:
    copy = tmp_path / "copy.tar.gz"
    if content is not None:
        copy.write_bytes(content)
    with pytest.raises(DataError, match=problem):
        fetch(make_archive_entry("http://127.0.0.1:9/"), data, origin=str(copy))
    assert names(data) == []


def test_a_folder_that_lacks_a_file_is_told_what_belongs_there(tmp_path: Path, data: Path) -> None:
    (tmp_path / "one.txt").write_bytes(TABLE_FILES["one.txt"])
    with pytest.raises(DataError, match=r"no file '.*two\.txt'\. .*one\.txt, two\.txt"):
        fetch(make_table_entry("http://127.0.0.1:9/"), data, origin=str(tmp_path))


def test_failure_says_what_to_get_from_where_and_put_where(server: Loopback, data: Path) -> None:
    entry = serve_tables(server)
    server.serve("tables/two.txt", Answer())
    with pytest.raises(TransferError, match=r"two\.txt could not be fetched") as caught:
        fetch(entry, data, patience=AT_ONCE)
    text = str(caught.value)
    assert "HTTP 404" in text
    target = data / "tables" / "raw" / "two.txt"
    by_hand = text[text.index("To continue by hand") :]
    assert server.url("tables/two.txt") in by_hand
    assert f"put it at {target}" in by_hand
    assert "4 bytes, sha256 " in by_hand
    assert "one.txt" not in by_hand
    assert "harness data fetch toy-table --from PATH|URL" in by_hand
    # and that is what then works
    target.write_bytes(TABLE_FILES["two.txt"])
    assert fetch(entry, data).sources == (str(target.with_name("one.txt")), str(target))


def test_a_table_is_made_of_its_downloads(server: Loopback, data: Path) -> None:
    entry = serve_tables(server)
    done = fetch(entry, data)
    table = load_table(data / "tables" / "truth.parquet")
    assert table.rows["accuracy"].tolist() == [61.5, 62.5]
    assert table.metadata == {"licence": "CC0-1.0", "fetched_as": "toy-table"}
    assert done.paths == (data / "tables" / "truth.parquet",)
    assert states(entry, data) == ["ok", "ok", "ok"]
    assert fetch(entry, data).was_present
    assert len(server.requests) == 2


def test_the_downloads_of_a_table_may_be_removed(server: Loopback, data: Path) -> None:
    entry = serve_tables(server)
    fetch(entry, data)
    shutil.rmtree(data / "tables" / "raw")
    assert states(entry, data) == ["ok"]
    assert fetch(entry, data).was_present


def test_a_table_with_other_rows_than_it_must_have_is_not_written(
    server: Loopback, data: Path
) -> None:
    serve_tables(server)
    entry = make_table_entry(server.url("tables/"), sha256="0" * 64)
    with pytest.raises(DataError, match="fault of the harness or of its libraries"):
        fetch(entry, data)
    assert not (data / "tables" / "truth.parquet").exists()


def test_a_damaged_table_differs_and_is_replaced_when_asked(server: Loopback, data: Path) -> None:
    entry = serve_tables(server)
    fetch(entry, data)
    path = data / "tables" / "truth.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    (found, *_) = check_entry(entry, data)
    assert (found.state, found.is_other) == (State.DIFFERS, False)
    with pytest.raises(DataError, match="not a whole Parquet file"):
        fetch(entry, data)
    fetch(entry, data, may_replace=True)
    assert states(entry, data)[0] == "ok"


def test_a_table_from_elsewhere_is_left_alone(server: Loopback, data: Path) -> None:
    entry = serve_tables(server)
    (data / "tables").mkdir(parents=True)
    sources = [data / "tables" / name for name in TABLE_FILES]
    for path, content in zip(sources, TABLE_FILES.values(), strict=True):
        path.write_bytes(content)
    save_table(make_toy_table(sources), data / "tables" / "truth.parquet")
    (found,) = check_entry(entry, data)
    assert found.is_other
    with pytest.raises(DataError, match="made from something else"):
        fetch(entry, data)
    # but not where it is known to say the same
    pinned = make_table_entry(server.url("tables/"), sha256=make_toy_table(sources).sha256)
    assert fetch(pinned, data).was_present


def test_two_entries_can_make_one_table_and_know_whose_it_is(server: Loopback, data: Path) -> None:
    first = serve_tables(server)
    second = make_table_entry(server.url("tables/"), name="other")
    fetch(first, data)
    with pytest.raises(DataError, match="made from toy-table"):
        fetch(second, data)
    fetch(second, data, may_replace=True)
    assert (states(second, data)[0], states(first, data)[0]) == ("ok", "differs")


def test_no_room_is_told_before_anything_is_asked_for(
    server: Loopback, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(1_000))
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    need = len(ARCHIVE) + sum(map(len, FILES.values()))
    with pytest.raises(StoreError, match=f"needs {need:,} bytes, and 1,000 are free"):
        fetch(entry, data)
    assert server.requests == []


@pytest.mark.parametrize("which", [".", "toy"])
def test_a_folder_that_is_marked_read_only_is_not_written_even_by_root(
    server: Loopback, data: Path, which: str
) -> None:
    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    (data / "toy").mkdir(parents=True)
    (data / which).chmod(0o555)
    with pytest.raises(StoreError, match="is marked read-only"):
        fetch(entry, data)
    (data / which).chmod(stat.S_IRWXU)
    assert [path for path in data.rglob("*") if path.is_file()] == []
    assert server.requests == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"cannot be used: .*--data-dir"):
        fetch(make_archive_entry("http://127.0.0.1:9/"), tmp_path / "file" / "data")


def test_who_comes_second_is_told(data: Path) -> None:
    data.mkdir()
    with (
        FileLock(data / ".fetch-toy.lock"),
        pytest.raises(LockedError, match="Another process is fetching toy"),
    ):
        fetch(make_archive_entry("http://127.0.0.1:9/"), data)


def test_two_at_once_do_not_hurt_each_other(server: Loopback, data: Path) -> None:
    gate = threading.Event()

    class Slow:
        def start(self, name: str, done: int, total: int) -> None:
            gate.set()

        def advance(self, done: int) -> None:
            time.sleep(0.05)

        def notice(self, message: str) -> None:
            pass

    entry = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    first = threading.Thread(target=fetch, args=(entry, data), kwargs={"watch": Slow()})
    first.start()
    assert gate.wait(30)
    with pytest.raises(LockedError, match="Another process"):
        fetch(entry, data)
    first.join()
    assert states(entry, data) == ["ok", "ok"]
    assert fetch(entry, data).was_present
    assert len(server.requests) == 1


def test_a_maker_that_refuses_leaves_no_table(server: Loopback, data: Path) -> None:
    def refuse(_paths: Sequence[Path]) -> TruthTable:
        raise DataError("these are no results")

    serve_tables(server)
    entry = make_table_entry(server.url("tables/"), make=refuse)
    with pytest.raises(DataError, match="these are no results"):
        fetch(entry, data)
    assert names(data) == ["tables/raw/one.txt", "tables/raw/two.txt"]


def test_the_data_folder_is_the_argument_then_the_variable_then_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DATA", "")
    assert data_folder() == tmp_path / "cache" / "harness"
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "variable"))
    assert data_folder() == tmp_path / "variable"
    assert data_folder(tmp_path / "argument") == tmp_path / "argument"
    assert not (tmp_path / "variable").exists()
    (tmp_path / "variable").write_text("x")
    with pytest.raises(DataError, match="is not a folder"):
        data_folder()


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'cifar-10'\. Did you mean 'cifar10'\?"):
        find_entry("cifar-10", CATALOG)


def _all_downloads() -> list[Download]:
    return [download for entry in CATALOG.values() for download in entry.downloads]


@pytest.mark.parametrize("download", _all_downloads(), ids=lambda download: download.file)
def test_every_download_says_where_it_is_and_how_it_is_known(download: Download) -> None:
    kind, _, digest = download.checksum.partition(":")
    assert len(bytes.fromhex(digest)) == {"md5": 16, "sha256": 32}[kind]
    assert download.size > 0
    assert download.urls
    assert all(url.startswith("https://") for url in download.urls)
    assert not Path(download.path).is_absolute()


def test_the_official_file_is_checked_by_the_digits_of_its_name() -> None:
    (download,) = CATALOG["nb201-official"].downloads
    assert download.file.removesuffix(".pth").endswith(download.checksum[-6:])


def test_the_official_file_is_read_by_its_importer(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "small.pth"
    write_official(path, make_results(12))
    entry = CATALOG["nb201-official"]
    md5 = checksum(path.read_bytes(), "md5")
    small = replace(entry.downloads[0], checksum=md5, size=path.stat().st_size)
    fetch(replace(entry, downloads=(small,)), data, origin=str(path))
    table = find_truth("cifar10", data)
    assert (table.n_archs, table.metadata["fetched_as"]) == (12, "nb201-official")
    assert names(data) == ["nb201/truth.parquet"]


def test_the_images_go_where_they_are_looked_for() -> None:
    product = CATALOG["cifar10"].product
    assert isinstance(product, Unpacked)
    layout = cifar.LAYOUTS["cifar10"]
    assert product.folder == layout.folder
    assert {f"{layout.folder}/{name}" for name in layout.files} < {
        member.name for member in product.members
    }
