"""Output that cannot be written, to a full disk or a closed pipe, ends no command midway.

The exit code then still says what the command found: a pipe that was closed early, as by `head`,
changes nothing, and any other failure of standard output has an exit code of its own.
"""

from __future__ import annotations

import errno
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from harness.errors import EXIT_NO_OUTPUT


class LastingStream(io.RawIOBase):
    """A stream that drops what cannot be written, and remembers why."""

    def __init__(self, raw: io.RawIOBase) -> None:
        """Write to a raw stream."""
        self._raw = raw
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the number of the underlying file."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._raw.isatty()

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        """Write bytes; after a failure, do as if they were written."""
        if self.error is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.error = error
        return len(data)


@contextmanager
def lasting_output() -> Iterator[LastingStream | None]:
    """Let standard output and error outlive a full disk and a closed pipe.

    Yields:
        What standard output is written to; None where it is no file, as in tests.
    """
    kept = sys.stdout, sys.stderr
    output = _make_lasting("stdout")
    _make_lasting("stderr")
    try:
        yield output
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        sys.stdout, sys.stderr = kept


def _make_lasting(name: str) -> LastingStream | None:
    text = getattr(sys, name)
    binary = getattr(text, "buffer", None)
    raw = getattr(binary, "raw", binary)  # with PYTHONUNBUFFERED there is no buffer in between
    if not isinstance(raw, io.FileIO):
        return None
    lasting = LastingStream(raw)
    wrapped = io.TextIOWrapper(
        io.BufferedWriter(cast(io.RawIOBase, lasting)),
        encoding=text.encoding,
        errors=text.errors,
        line_buffering=text.line_buffering,
        write_through=text.write_through,
    )
    setattr(sys, name, wrapped)
    return lasting


def code_of_output(stream: LastingStream | None, code: int) -> int:
    """Return the exit code of a command, in view of what became of its output.

    Args:
        stream: What `lasting_output` gave.
        code: The command's own exit code.

    Returns:
        The code, or `EXIT_NO_OUTPUT` after a message on standard error.
    """
    error = None if stream is None else stream.error
    if error is None or error.errno == errno.EPIPE:
        return code
    print(
        f"Error: Standard output could not be written: {error.strerror or error}. Give it another "
        "file, or make room.",
        file=sys.stderr,
    )
    return EXIT_NO_OUTPUT
