"""`harness data` as a user types it."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.cli.data import Downloads, data
from harness.cli.progress import Display
from harness.errors import DataError, UsageError
from harness.truth.fetch.catalog import CATALOG
from harness.truth.published import Entry
from tests.cli.commandline import Invoke
from tests.fetchable import ARCHIVE, FILES, make_archive_entry, make_table_entry
from tests.loopback import Answer, Loopback

Catalog = dict[str, Entry]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("NO_PROXY", "*")
    with Loopback() as loopback:
        yield loopback


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder; no other one is in sight."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def toys(server: Loopback) -> Catalog:
    """A catalogue of a toy archive, which the server has, and a toy table, which it has not."""
    archive = make_archive_entry(server.serve("toy.tar.gz", Answer(ARCHIVE)))
    return {"toy": archive, "toy-table": make_table_entry(server.url("tables/"))}


def call(toys: Catalog, *arguments: object) -> int:
    """Run a command on a catalogue of the test's own; return its exit code."""
    code: Any = data.main([str(each) for each in arguments], obj=toys, standalone_mode=False)
    return code or 0


def test_fetch_says_what_is_there_now(
    toys: Catalog, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(toys, "fetch", "toy") == 0
    done = capsys.readouterr()
    paths = [str(folder / name) for name in FILES]
    assert done.out.splitlines() == ["toy is there and verified.", *(f"  {each}" for each in paths)]
    assert done.err.splitlines() == ["toy.tar.gz: 0.2 MB"]
    assert call(toys, "fetch", "toy") == 0
    assert capsys.readouterr().out.startswith("toy is already there and verified; nothing was")


def test_fetch_answers_a_program(
    toys: Catalog, folder: Path, server: Loopback, capsys: pytest.CaptureFixture[str]
) -> None:
    call(toys, "fetch", "toy", "--json")
    assert json.loads(capsys.readouterr().out) == {
        "name": "toy",
        "was_present": False,
        "paths": [str(folder / name) for name in FILES],
        "sources": [server.url("toy.tar.gz")],
    }


def test_fetch_takes_a_folder_and_a_copy(
    toys: Catalog, folder: Path, tmp_path: Path, server: Loopback
) -> None:
    (tmp_path / "copy").write_bytes(ARCHIVE)
    where = ("--data-dir", tmp_path / "elsewhere")
    assert call(toys, "fetch", "toy", "--from", tmp_path / "copy", *where) == 0
    assert (tmp_path / "elsewhere" / "toy" / "test.bin").is_file()
    assert not folder.exists()
    assert server.requests == []


def test_replace_has_to_be_said(toys: Catalog, folder: Path) -> None:
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "test.bin").write_text("own")
    with pytest.raises(DataError, match="--replace"):
        call(toys, "fetch", "toy")
    assert call(toys, "fetch", "toy", "--replace") == 0


def test_list_says_what_there_is_and_writes_nothing(
    toys: Catalog, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(toys, "list") == 0
    out = capsys.readouterr().out
    assert "licence   CC0-1.0" in out
    assert out.count("there     no") == 2
    assert str(folder) in out
    assert not folder.exists()
    call(toys, "fetch", "toy")
    capsys.readouterr()
    call(toys, "list", "--json")
    content = json.loads(capsys.readouterr().out)
    assert content["data_dir"] == str(folder)
    assert [(each["name"], each["present"]) for each in content["entries"]] == [
        ("toy", "yes"),
        ("toy-table", "no"),
    ]
    assert content["entries"][0]["downloads"][0]["size"] == len(ARCHIVE)


def test_verify_ends_with_1_if_what_was_named_is_missing_or_differs(
    toys: Catalog, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(toys, "verify", "toy") == 1
    assert capsys.readouterr().out.count("  missing   ") == 2
    assert call(toys, "verify") == 0
    assert "nothing to verify" in capsys.readouterr().out
    call(toys, "fetch", "toy")
    assert call(toys, "verify", "toy") == call(toys, "verify") == 0
    capsys.readouterr()
    content = bytearray(FILES["toy/test.bin"])
    content[0] ^= 1
    (folder / "toy" / "test.bin").write_bytes(content)
    assert call(toys, "verify", "toy") == call(toys, "verify") == 1
    assert "its sha256 is not that of the published file" in capsys.readouterr().out
    assert call(toys, "verify", "toy", "--json") == 1
    (train, test) = json.loads(capsys.readouterr().out)["entries"]["toy"]
    assert (train["state"], train["note"]) == ("ok", "")
    assert (test["state"], test["path"]) == ("differs", str(folder / "toy" / "test.bin"))
    (folder / "toy" / "test.bin").unlink()
    assert call(toys, "verify") == 0  # what is there is as it should be


def test_path_says_where_things_are_or_would_be(
    toys: Catalog, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(toys, "path")
    assert capsys.readouterr().out == f"{folder}\n"
    call(toys, "path", "toy")
    assert capsys.readouterr().out.split() == [str(folder / name) for name in FILES]
    call(toys, "path", "toy-table", "--json")
    path = str(folder / "tables" / "truth.parquet")
    assert json.loads(capsys.readouterr().out) == {"paths": [{"path": path, "exists": False}]}
    assert not folder.exists()


@pytest.mark.parametrize("command", ["fetch", "verify", "path"])
def test_an_unknown_name_is_told(toys: Catalog, folder: Path, command: str) -> None:
    with pytest.raises(UsageError, match=r"'toi'\. Did you mean 'toy'\? Available: toy, toy-table"):
        call(toys, command, "toi")


def test_a_download_without_a_terminal_tells_its_rate_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr("harness.cli.progress.QUIET_S", 2.0)
    monkeypatch.setattr("harness.cli.progress.PLAIN_EVERY_S", 15.0)
    lines = Downloads(Display())
    lines.start("file", 20_000_000, 100_000_000)
    for clock[0], done_mb in ((101.0, 21), (103.0, 23), (117.0, 40), (118.0, 56), (119.0, 60)):
        lines.advance(done_mb * 1_000_000)
    assert capsys.readouterr().err.splitlines() == [  # after 2 s, and each 15 s from then on
        "file: 100.0 MB, resuming at 20.0 MB",
        "file: 23.0 MB of 100.0 MB, 1.0 MB/s, 77 s left",
        "file: 56.0 MB of 100.0 MB, 2.0 MB/s, 22 s left",
    ]


def test_a_download_in_a_terminal_draws_a_bar_a_file() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, highlight=False)
    with Display(console=console) as display:
        bars = Downloads(display)
        bars.start("file", 10_000_000, 100_000_000)
        bars.advance(50_000_000)
        bars.notice("a [word] to the user")
        bars.start("file", 50_000_000, 100_000_000)
        bars.advance(100_000_000)
        bars.start("other", 0, 200_000_000)
    *_, file, other, _ = screen.getvalue().splitlines()
    assert "file" in file
    assert "100.0 MB of 100.0 MB" in file
    assert "other" in other
    assert "0.0 MB of 200.0 MB" in other
    assert "Note: a [word] to the user" in screen.getvalue()


@pytest.mark.parametrize("name", CATALOG)
def test_a_mirror_without_the_file_tells_what_to_do(
    invoke: Invoke, server: Loopback, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.truth.fetch.fetching._check_room", lambda *_arguments: None)
    done = invoke("data", "fetch", name, "--from", server.url("nothing/"))
    assert (done.code, done.out) == (1, "")
    assert "HTTP 404" in done.err
    assert "To continue by hand, get" in done.err
    for download in CATALOG[name].downloads:
        assert f"put it at {folder / download.path}" in done.err


def test_what_is_not_published_is_not_taken_for_it(
    invoke: Invoke, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.tar.gz").write_bytes(ARCHIVE)
    done = invoke("data", "fetch", "cifar10", "--from", tmp_path / "own.tar.gz")
    assert done.code == 1
    assert f"{len(ARCHIVE):,} bytes instead of 170,052,171" in done.err
    assert not (folder / "cifar-10-batches-bin").exists()


DRIVER = """
import sys
from harness.cli.main import main
from tests.fetchable import make_archive_entry
import harness.cli.data as module
module._catalog = lambda _context: {"toy": make_archive_entry(sys.argv[1])}
main(["data", "fetch", "toy", "--data-dir", sys.argv[2]])
"""


def heed_ctrl_c() -> None:
    """Undo what a shell does to the signals of what it starts in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal")
def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(
    server: Loopback, tmp_path: Path
) -> None:
    url = server.serve("toy.tar.gz", Answer(ARCHIVE, stall_after=100_000), Answer(ARCHIVE))
    arguments = [sys.executable, "-c", DRIVER, url, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    part = tmp_path / "data" / "toy.tar.gz.part"
    with subprocess.Popen(
        arguments, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heed_ctrl_c
    ) as process:
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "What has arrived of toy is kept. Run the same command to resume." in err
    assert "Traceback" not in err
    size = part.stat().st_size
    done = subprocess.run(arguments, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert server.ranges("toy.tar.gz") == [None, f"bytes={size}-"]


@pytest.mark.realdata
def test_images_that_differ_are_named_and_nothing_is_written(
    invoke: Invoke, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(data_dir.rglob("*"))
    done = invoke("data", "verify", "cifar10", "--data-dir", data_dir)
    assert done.code == 1
    assert done.out.count("  differs   ") == 5
    assert done.out.count("  missing   ") == 1
    assert sorted(data_dir.rglob("*")) == before


@pytest.mark.realdata
def test_the_published_table_is_made_of_copies(
    invoke: Invoke, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = data_dir / "nb201" / "raw"
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    assert invoke("data", "fetch", "nb201", "--from", raw).code == 0
    assert invoke("data", "verify", "nb201").code == 0
    again = invoke("data", "fetch", "nb201", "--json")
    assert json.loads(again.out)["was_present"]
    assert not stat.S_IXUSR & (tmp_path / "data" / "nb201" / "truth.parquet").stat().st_mode
