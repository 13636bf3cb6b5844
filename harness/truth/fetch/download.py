"""One file over HTTP: into a `.part` file, resumed after a cut, checked before it gets its name.

Pooch's own transfer begins again after a cut and leaves nothing of what had come; its hashes serve.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from harness.errors import DataError, StoreError

CHUNK = 1 << 16
"""Bytes read at a time, and the most that a cut can lose."""

ENOUGH = 1 << 20
"""An attempt that brought this many bytes is not a failure: a long file may be cut many times."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PASSING = (408, 425, 429, 500, 502, 503, 504)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Watch(Protocol):
    """Follows the progress of a download."""

    def start(self, name: str, done: int, total: int) -> None:
        """Note that a file starts or resumes, with `done` of its bytes already here."""

    def advance(self, done: int) -> None:
        """Note how many bytes have arrived."""

    def notice(self, message: str) -> None:
        """Pass on something that the user should know."""


class _Quiet:
    def start(self, name: str, done: int, total: int) -> None:
        pass

    def advance(self, done: int) -> None:
        pass

    def notice(self, message: str) -> None:
        pass


QUIET: Watch = _Quiet()


@dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    Attributes:
        connect_s: Seconds to connect.
        read_s: Seconds without a byte until the connection counts as cut.
        attempts: Failures one after the other until an address is given up.
        backoff_s: Seconds until the second attempt; doubled each time.
        sleep: Waits so many seconds.
    """

    connect_s: float = 10.0
    read_s: float = 30.0
    attempts: int = 5
    backoff_s: float = 1.0
    sleep: Callable[[float], None] = time.sleep


PATIENT = Patience()


class TransferError(DataError):
    """A file that could not be obtained from an address."""


class _Cut(Exception):  # noqa: N818 - not an error yet: it is tried again
    """A connection that was cut, or a server that asks to come again."""


def part_path(target: Path) -> Path:
    """Return where a file lies until it is whole."""
    return target.with_name(target.name + ".part")


def fetch_file(
    urls: Sequence[str],
    target: Path,
    checksum: str,
    size: int,
    watch: Watch = QUIET,
    patience: Patience = PATIENT,
) -> str:
    """Download a file; it gets its name only when its checksum is right.

    Args:
        urls: Where it is published, tried in this order.
        target: Where it belongs; its folder must exist. The `.part` file of an
            earlier call is resumed.
        checksum: "sha256:..." or "md5:...".
        size: Bytes.
        watch: Sees the progress.
        patience: How long a server is waited for.

    Returns:
        The address that it came from.

    Raises:
        TransferError: If no address gave the file. What has arrived is kept, unless it was wrong.
        StoreError: If the disk is full or cannot be written; what has arrived is kept.
    """
    import pooch

    kind, _, expected = checksum.partition(":")
    transfer = _Transfer(part_path(target), size, watch, patience)
    problems: list[str] = []
    # An address has a second chance where parts of two downloads turned out not to fit.
    for url in [url for url in urls for _ in range(2)]:
        if problems and problems[-1].startswith(f"{url}: "):
            continue
        try:
            transfer.fill(url)
            if pooch.file_hash(str(transfer.part), alg=kind) == expected:
                transfer.part.replace(target)
                return url
            transfer.part.unlink()
        except TransferError as error:
            problems.append(str(error))
            continue
        except OSError as error:
            raise _store_error(transfer.part, size, error) from error
        if transfer.was_resumed:
            watch.notice(f"{target.name}: the parts do not fit each other; beginning again.")
        else:
            problems.append(f"{url}: another file than was published (its checksum differs)")
    raise TransferError("\n".join(problems) or f"{urls[-1]}: the parts do not fit each other")


class _Transfer:
    """Fills a part file from an address, over as many connections as it takes."""

    def __init__(self, part: Path, size: int, watch: Watch, patience: Patience) -> None:
        self.part = part
        self.was_resumed = False
        self._size = size
        self._watch = watch
        self._patience = patience

    def _done(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def fill(self, url: str) -> None:
        """Get what is missing of the file."""
        failures = 0
        self.was_resumed = self._done() > 0
        if self._done() > self._size:
            self.part.unlink()
        while self._done() < self._size:
            before = self._done()
            try:
                self._connect(url, before)
            except _Cut as cut:
                failures = 1 if self._done() - before >= ENOUGH else failures + 1
                if failures >= self._patience.attempts:
                    kept = f"; {self._done():,} of {self._size:,} bytes are kept"
                    raise TransferError(f"{url}: {cut}{kept if self._done() else ''}") from cut
                wait_s = self._patience.backoff_s * 2 ** (failures - 1)
                self._watch.notice(f"{self.part.stem}: {cut}. Trying again in {wait_s:.0f} s.")
                self._patience.sleep(wait_s)

    def _connect(self, url: str, done: int) -> None:
        """Ask for what is missing, and keep what comes."""
        import requests

        # Without "identity" a server may compress, and positions would mean something else.
        headers = {"Accept-Encoding": "identity", "User-Agent": "harness (pooch)"}
        if done:
            headers["Range"] = f"bytes={done}-"
        timeout = (self._patience.connect_s, self._patience.read_s)
        try:
            response = requests.get(url, headers=headers, stream=True, timeout=timeout)
        except (requests.ConnectionError, requests.Timeout) as error:
            raise self._unreachable(url, error) from error
        except requests.RequestException as error:
            raise TransferError(f"{url}: {str(error)[:200]}") from error
        with response:
            self._receive(url, response, done)

    def _unreachable(self, url: str, error: Exception) -> Exception:
        host, text = urlsplit(url).hostname, str(error)
        if "NameResolution" in text or "Name or service not known" in text:
            return TransferError(f"{url}: the name {host} cannot be looked up (no network?)")
        if "CERTIFICATE" in text.upper():
            return TransferError(f"{url}: the certificate of {host} is not trusted")
        reason = "did not answer in time" if "timed out" in text.lower() else "cannot be reached"
        return _Cut(f"{host} {reason}")

    def _receive(self, url: str, response: Any, done: int) -> None:
        begin = self._check_answer(url, response, done)
        self.was_resumed = begin > 0
        if begin < done:
            self._watch.notice(f"{self.part.stem}: the server does not resume; beginning again.")
        self._watch.start(self.part.stem, begin, self._size)
        try:
            with self.part.open("r+b" if begin else "wb", buffering=0) as file:
                file.seek(begin)
                for chunk in _read_chunks(response):
                    begin += len(chunk)
                    if begin > self._size:
                        raise TransferError(f"{url}: more than {self._size:,} bytes came")
                    _write_all(file, chunk)
                    self._watch.advance(begin)
        except OSError as error:  # of the file: those of the network are cuts
            raise _store_error(self.part, self._size, error) from error
        if begin < self._size:
            raise _Cut(f"the connection ended at {begin:,} of {self._size:,} bytes")

    def _check_answer(self, url: str, response: Any, done: int) -> int:
        """Return the position at which the answer begins: `done`, or 0."""
        status, headers = response.status_code, response.headers
        if status in _PASSING:
            raise _Cut(f"{urlsplit(url).hostname} is not able to answer now (HTTP {status})")
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
        if status == 416 or (status == 206 and (not found or int(found[1]) != done)):
            self.part.unlink(missing_ok=True)
            raise _Cut("the server did not resume where it was asked to")
        if status not in (200, 206):
            raise TransferError(f"{url}: HTTP {status} {response.reason}")
        total = found[2] if status == 206 and found else headers.get("Content-Length", "*")
        if total.isdigit() and int(total) != self._size:
            kind = headers.get("Content-Type", "unknown type").partition(";")[0]
            raise TransferError(
                f"{url}: another file than was published ({int(total):,} bytes of {kind} instead "
                f"of {self._size:,} bytes)"
            )
        return done if status == 206 else 0


def _read_chunks(response: Any) -> Iterator[bytes]:
    """Yield what comes, as it was sent; a cut that the connection tells of is a `_Cut`."""
    from urllib3.exceptions import HTTPError

    try:
        yield from response.raw.stream(CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        reason = "stopped sending" if "timed out" in str(error).lower() else "cut the connection"
        raise _Cut(f"the server {reason}") from error


def _write_all(file: IO[bytes], chunk: bytes) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _store_error(part: Path, size: int, error: OSError) -> StoreError:
    done = part.stat().st_size if part.exists() else 0
    kept = f"{done:,} of {size:,} bytes are kept in '{part.name}'; run the same command to resume."
    if error.errno in _FULL:
        return StoreError(
            f"There is no room in '{part.parent}' for '{part.stem}' ({error.strerror}). "
            f"Free {size - done:,} bytes there; {kept}"
        )
    return StoreError(
        f"'{part.parent}' cannot be written ({error.strerror or error}). Name another folder with "
        f"--data-dir. {kept if done else ''}".rstrip()
    )
