"""A download over a bad line, from a bad server, onto a full disk."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pooch
import pytest

from harness.errors import StoreError
from harness.truth.fetch import download as module
from harness.truth.fetch.download import CHUNK, Patience, TransferError, fetch_file, part_path
from tests.loopback import Answer, Loopback

BODY = bytes(range(256)) * 1_200  # 307,200 bytes, several chunks
CHECKSUM = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setenv("NO_PROXY", "*")
    with Loopback() as loopback:
        yield loopback


class Log:
    """A watch that remembers, and that may be made to do something at a byte."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, int, int]] = []
        self.done: list[int] = []
        self.notices: list[str] = []
        self.interrupt_at: int | None = None

    def start(self, name: str, done: int, total: int) -> None:
        self.starts.append((name, done, total))

    def advance(self, done: int) -> None:
        self.done.append(done)
        if self.interrupt_at is not None and done >= self.interrupt_at:
            raise KeyboardInterrupt

    def notice(self, message: str) -> None:
        self.notices.append(message)


def get(target: Path, *urls: str, watch: Log | None = None, **patience: Any) -> str:
    patience.setdefault("sleep", lambda _seconds: None)
    return fetch_file(
        urls, target, CHECKSUM, len(BODY), watch or Log(), Patience(connect_s=5, **patience)
    )


def test_a_file_arrives_whole_and_nothing_else_is_left(server: Loopback, tmp_path: Path) -> None:
    log = Log()
    url = server.serve("file", Answer(BODY))
    assert get(tmp_path / "file", url, watch=log) == url
    assert (tmp_path / "file").read_bytes() == BODY
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert log.starts == [("file", 0, len(BODY))]
    assert log.done == sorted(log.done)
    assert log.done[-1] == len(BODY)


def test_md5_does_as_well(server: Loopback, tmp_path: Path) -> None:
    url = server.serve("file", Answer(BODY))
    checksum = "md5:" + hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    fetch_file([url], tmp_path / "file", checksum, len(BODY))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_cut_connection_is_taken_up_where_it_was(server: Loopback, tmp_path: Path) -> None:
    log, waits = Log(), []
    url = server.serve("file", Answer(BODY, cut_after=2 * CHUNK + 5), Answer(BODY))
    get(tmp_path / "file", url, watch=log, sleep=waits.append)
    assert (tmp_path / "file").read_bytes() == BODY
    whole, rest = server.ranges("file")
    assert whole is None
    assert rest in (f"bytes={2 * CHUNK}-", f"bytes={2 * CHUNK + 5}-")  # by release of urllib3
    assert waits == [1.0]
    assert "the server cut the connection" in log.notices[0]


def test_an_end_that_comes_too_early_is_a_cut_too(server: Loopback, tmp_path: Path) -> None:
    early = Answer(BODY, says_length=False, cut_after=CHUNK)
    url = server.serve("file", early, Answer(BODY))
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == [None, f"bytes={CHUNK}-"]


def test_a_line_that_is_cut_for_ever_is_given_up_and_gone_on_with_later(
    server: Loopback, tmp_path: Path
) -> None:
    waits: list[float] = []
    url = server.serve("file", Answer(BODY, cut_after=CHUNK), Answer(BODY, cut_after=0))
    with pytest.raises(TransferError, match=f"{CHUNK:,} of 307,200 bytes are kept"):
        get(tmp_path / "file", url, sleep=waits.append)
    assert waits == [1, 2, 4, 8]
    assert not (tmp_path / "file").exists()
    assert part_path(tmp_path / "file").read_bytes() == BODY[:CHUNK]
    log = Log()
    get(tmp_path / "file", server.serve("file", Answer(BODY)), watch=log)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file")[-1] == f"bytes={CHUNK}-"
    assert log.starts == [("file", CHUNK, len(BODY))]


def test_a_long_file_may_be_cut_more_often_than_attempts_are_allowed(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENOUGH", CHUNK)
    url = server.serve("file", Answer(BODY, cut_after=CHUNK))  # each time
    get(tmp_path / "file", url, attempts=2)
    assert (tmp_path / "file").read_bytes() == BODY
    assert len(server.requests) == 5


def test_a_part_that_is_the_whole_file_needs_no_request(server: Loopback, tmp_path: Path) -> None:
    part_path(tmp_path / "file").write_bytes(BODY)
    get(tmp_path / "file", server.serve("file", Answer(BODY)))
    assert (tmp_path / "file").read_bytes() == BODY
    assert not part_path(tmp_path / "file").exists()
    assert server.requests == []


def test_a_server_that_cannot_resume_makes_it_begin_again(server: Loopback, tmp_path: Path) -> None:
    part_path(tmp_path / "file").write_bytes(BODY[:1000])
    log = Log()
    get(tmp_path / "file", server.serve("file", Answer(BODY, heeds_range=False)), watch=log)
    assert (tmp_path / "file").read_bytes() == BODY
    assert log.starts == [("file", 0, len(BODY))]
    assert "does not resume" in log.notices[0]


def test_a_server_that_goes_on_elsewhere_is_asked_from_the_start(
    server: Loopback, tmp_path: Path
) -> None:
    part_path(tmp_path / "file").write_bytes(BODY[:1000])
    get(tmp_path / "file", server.serve("file", Answer(BODY, lies_about_range=True)))
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == ["bytes=1000-", None]


def test_a_position_that_the_server_refuses_is_given_up(server: Loopback, tmp_path: Path) -> None:
    part_path(tmp_path / "file").write_bytes(BODY[:1000])
    get(tmp_path / "file", server.serve("file", Answer(BODY, status=416), Answer(BODY)))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_part_of_another_file_costs_a_second_download_and_no_more(
    server: Loopback, tmp_path: Path
) -> None:
    part_path(tmp_path / "file").write_bytes(b"x" * 1000)
    log = Log()
    get(tmp_path / "file", server.serve("file", Answer(BODY)), watch=log)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == ["bytes=1000-", None]
    assert "do not fit each other" in log.notices[0]


def test_a_part_that_is_too_long_is_dropped(server: Loopback, tmp_path: Path) -> None:
    part_path(tmp_path / "file").write_bytes(BODY + b"x")
    get(tmp_path / "file", server.serve("file", Answer(BODY)))
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == [None]


def test_another_file_of_the_same_size_is_refused_and_not_kept(
    server: Loopback, tmp_path: Path
) -> None:
    url = server.serve("file", Answer(b"x" * len(BODY)))
    with pytest.raises(TransferError, match="another file than was published"):
        get(tmp_path / "file", url)
    assert list(tmp_path.iterdir()) == []
    assert len(server.requests) == 1


def test_a_wrong_file_that_was_there_stays_until_the_right_one_has_come(
    server: Loopback, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"older")
    with pytest.raises(TransferError, match="HTTP 404"):
        get(tmp_path / "file", server.url("nothing"))
    assert (tmp_path / "file").read_bytes() == b"older"
    get(tmp_path / "file", server.serve("file", Answer(BODY)))
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_web_page_in_place_of_the_file_is_refused_before_it_is_read(
    server: Loopback, tmp_path: Path
) -> None:
    url = server.serve("file", Answer(b"<html>Too many downloads</html>", kind="text/html"))
    with pytest.raises(TransferError, match="31 bytes of text/html instead of 307,200"):
        get(tmp_path / "file", url)
    assert list(tmp_path.iterdir()) == []


def test_a_body_without_end_is_cut_off(server: Loopback, tmp_path: Path) -> None:
    url = server.serve("file", Answer(BODY * 3, says_length=False))
    with pytest.raises(TransferError, match="more than 307,200 bytes came"):
        get(tmp_path / "file", url)
    assert not (tmp_path / "file").exists()
    assert part_path(tmp_path / "file").stat().st_size <= len(BODY)


def test_the_next_address_is_tried_and_gets_what_is_missing(
    server: Loopback, tmp_path: Path
) -> None:
    gone = server.url("gone")
    cut = server.serve("cut", Answer(BODY, cut_after=CHUNK), Answer(BODY, cut_after=0))
    wrong = server.serve("wrong", Answer(b"x" * len(BODY)))
    good = server.serve("good", Answer(BODY))
    assert get(tmp_path / "file", gone, cut, good) == good
    assert server.ranges("good") == [f"bytes={CHUNK}-"]
    (tmp_path / "file").unlink()
    assert get(tmp_path / "file", wrong, good) == good
    assert (tmp_path / "file").read_bytes() == BODY


def test_the_error_says_what_was_wrong_with_every_address(server: Loopback, tmp_path: Path) -> None:
    urls = [server.url("gone"), server.serve("page", Answer(b"hello", kind="text/plain"))]
    with pytest.raises(TransferError, match="HTTP 404 Not Found") as caught:
        get(tmp_path / "file", *urls)
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == urls


def test_redirects_are_followed_with_the_position(server: Loopback, tmp_path: Path) -> None:
    part_path(tmp_path / "file").write_bytes(BODY[:1000])
    server.serve("real", Answer(BODY))
    url = server.serve("file", Answer(location="/real"))
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("real") == ["bytes=1000-"]


def test_redirects_in_a_circle_end(server: Loopback, tmp_path: Path) -> None:
    url = server.serve("file", Answer(location="/file"))
    with pytest.raises(TransferError, match="redirects"):
        get(tmp_path / "file", url)


def test_a_busy_server_is_asked_again(server: Loopback, tmp_path: Path) -> None:
    log = Log()
    url = server.serve("file", Answer(status=503), Answer(status=429), Answer(BODY))
    get(tmp_path / "file", url, watch=log)
    assert (tmp_path / "file").read_bytes() == BODY
    assert ["HTTP 503" in log.notices[0], "HTTP 429" in log.notices[1]] == [True, True]


def test_a_server_that_falls_silent_is_a_cut(server: Loopback, tmp_path: Path) -> None:
    log = Log()
    url = server.serve("file", Answer(BODY, stall_after=CHUNK), Answer(BODY))
    get(tmp_path / "file", url, watch=log, read_s=0.3)
    assert (tmp_path / "file").read_bytes() == BODY
    assert "stopped sending" in log.notices[0]


def test_a_server_that_is_not_there_is_asked_so_many_times(
    server: Loopback, tmp_path: Path
) -> None:
    with Loopback() as other:
        url = other.url("file")
    waits: list[float] = []
    with pytest.raises(TransferError, match=r"127\.0\.0\.1 cannot be reached$"):
        get(tmp_path / "file", url, sleep=waits.append, attempts=3)
    assert waits == [1, 2]


def test_a_name_that_nobody_knows_is_not_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    url = "http://nowhere.invalid/file"
    with pytest.raises(TransferError, match=r"name nowhere\.invalid cannot be looked up"):
        get(tmp_path / "file", url, sleep=pytest.fail)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/file", "http://", "http://[::1/file", "nonsense"])
def test_an_address_that_is_none_is_named(tmp_path: Path, url: str) -> None:
    with pytest.raises(TransferError) as caught:
        get(tmp_path / "file", url)
    assert str(caught.value).startswith(f"{url}: ")


def test_ctrl_c_keeps_what_has_come(server: Loopback, tmp_path: Path) -> None:
    url, log = server.serve("file", Answer(BODY)), Log()
    log.interrupt_at = 2 * CHUNK
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path / "file", url, watch=log)
    assert [path.name for path in tmp_path.iterdir()] == ["file.part"]
    assert part_path(tmp_path / "file").read_bytes() == BODY[: 2 * CHUNK]
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == [None, f"bytes={2 * CHUNK}-"]


def test_ctrl_c_while_the_checksum_is_computed_keeps_the_download(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    url = server.serve("file", Answer(BODY))
    with monkeypatch.context() as patch:
        patch.setattr(pooch, "file_hash", interrupt)
        with pytest.raises(KeyboardInterrupt):
            get(tmp_path / "file", url)
    assert [path.name for path in tmp_path.iterdir()] == ["file.part"]
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY
    assert len(server.requests) == 1


def test_a_disk_that_fills_up_is_told_and_gone_on_with(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = module._write_all, [100_000]

    def write_while_there_is_room(file: Any, chunk: bytes) -> None:
        taken = chunk[: room[0]]
        room[0] -= len(taken)
        write(file, taken)
        if len(taken) < len(chunk):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    url = server.serve("file", Answer(BODY))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_all", write_while_there_is_room)
        with pytest.raises(
            StoreError, match=r"no room .* Free 207,200 bytes .* 100,000 of 307,200"
        ):
            get(tmp_path / "file", url)
    assert [path.name for path in tmp_path.iterdir()] == ["file.part"]
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY
    assert server.ranges("file") == [None, "bytes=100000-"]


LIMITED = """
import resource, sys
from pathlib import Path
from harness.errors import StoreError
from harness.truth.fetch.download import fetch_file
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
url, target, checksum, size = sys.argv[1:]
try:
    fetch_file([url], Path(target), checksum, int(size))
except StoreError as error:
    sys.exit(f"StoreError: {error}")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of a process's files")
def test_a_limit_of_the_system_is_told_like_a_full_disk(server: Loopback, tmp_path: Path) -> None:
    url = server.serve("file", Answer(BODY))
    arguments = [url, str(tmp_path / "file"), CHECKSUM, str(len(BODY))]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("StoreError: There is no room in")
    assert "150,000 of 307,200 bytes are kept" in done.stderr
    assert part_path(tmp_path / "file").read_bytes() == BODY[:150_000]
    get(tmp_path / "file", url)
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_folder_that_is_none_is_told(server: Loopback, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    url = server.serve("file", Answer(BODY))
    with pytest.raises(StoreError, match="cannot be written"):
        get(tmp_path / "folder" / "file", url)
