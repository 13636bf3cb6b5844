"""Reading the official `.pth` record by record: a few hundred megabytes instead of thirty thousand.

`torch.load` builds the whole benchmark before it returns: every loss after every epoch of every
training. Here the same pickle is read by Python's own unpickler, which admits only `SAFE`, and

- the courses that nobody asks for (losses, times, accuracies on the training set) are stepped over
  in one match of a regular expression, without making an object;
- each architecture's record becomes rows as soon as it is complete, and the rest is dropped.

Torch is not needed for that. A file of its older format is a sequence of pickles: magic number,
protocol, system, content, keys of the stored tensors. In the newer one, a zip archive, the
content is the member `data.pkl`.
"""

from __future__ import annotations

import bisect
import mmap
import pickle
import re
import struct
from array import array
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar

from harness.errors import TruthError
from harness.monitor import Watch
from harness.truth.importers.nb201.records import ArchRecord, read_record
from harness.truth.importers.pickles import (
    OLD_MAGIC,
    OLD_START,
    SAFE,
    ZIP_START,
    find_allowed,
    find_data_pickle,
    refuse_damage,
)

_PythonUnpickler: Any = pickle._Unpickler

_ACCURACIES = "eval_acc1es"
_SKIPPED = {
    *("train_acc1es", "train_acc5es", "train_losses", "train_times"),
    *("eval_times", "eval_losses"),
}
_RELEASE_BYTES = 2**24
_CONTAINERS = (dict, list, tuple, set)

# A course in protocol 2, after its MARK: (key, BINFLOAT) pairs, and SETITEMS unless others follow.
# A key is a number; or a text, "x-valid@17", and the place in the memo where it is put; or a
# reference to such a place.
_KEY = rb"X.\0\0\0([^@]{1,64}@\d{1,5})(?:q(.)|r(.{4}))"
_TEXT = re.compile(_KEY + rb"G", re.DOTALL)
_NUMBERED = re.compile(rb"(?:(?:K.|M..)G.{8})+(?P<end>u?)", re.DOTALL)
_NAMED = re.compile(rb"(?:(?:" + _KEY + rb"|h.|j.{4})G.{8})+(?P<end>u?)", re.DOTALL)
_PAIR = re.compile(rb"(?:" + _KEY + rb"|h(.)|j(.{4}))G(.{8})", re.DOTALL)


class _Memo(dict[int, Any]):
    """The unpickler's memo; keys of courses are looked up in the file only when asked for."""

    def __init__(self, buffer: mmap.mmap) -> None:
        super().__init__()
        self._buffer = buffer
        self._firsts, self._starts, self._stops = array("q"), array("q"), array("q")

    def put_course(self, first: int, start: int, stop: int) -> None:
        """Remember that a course, at `start` to `stop`, puts its keys at `first` and on."""
        if self._firsts and first <= self._firsts[-1]:
            raise ValueError("the places of keys do not ascend")
        self._firsts.append(first)
        self._starts.append(start)
        self._stops.append(stop)

    def __missing__(self, place: int) -> str:
        course = bisect.bisect_right(self._firsts, place) - 1
        if course >= 0:
            found = _PAIR.findall(self._buffer[self._starts[course] : self._stops[course]])
            texts = [pair[0] for pair in found if pair[0]]
            if place - self._firsts[course] < len(texts):
                return str(texts[place - self._firsts[course]], "ascii")
        raise ValueError("it refers to a part of another architecture's record")


def _place(short: bytes, long: bytes) -> int:
    return int.from_bytes(short or long, "little")


class _Reader(_PythonUnpickler):  # type: ignore[misc]
    """The unpickler that is written in Python, whose steps can be replaced."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def __init__(
        self, buffer: mmap.mmap, name: str, watch: Watch, curve_epochs: Collection[int] = ()
    ) -> None:
        super().__init__(buffer)
        self.memo = _Memo(buffer)
        self.records: list[ArchRecord] = []
        self._buffer = buffer
        self._name = name
        self._watch = watch
        self._curve_epochs = curve_epochs
        self._recent: list[int] = []
        self._released = 0
        self._n_memoized = 0
        self._is_framed = False

    def find_class(self, module_name: str, global_name: str) -> Any:
        return find_allowed(SAFE, module_name, global_name, self._name)

    def step_mark(self) -> None:
        """Take the pairs of a course at once, if that is what begins here."""
        stack = self.stack
        is_value = len(stack) > 1 and type(stack[-1]) is dict and type(stack[-2]) is str
        is_course = is_value and (stack[-2] in _SKIPPED or stack[-2] == _ACCURACIES)
        if self._is_framed or not (is_course and self._take_course(stack[-2], stack[-1])):
            self.load_mark()

    dispatch[pickle.MARK[0]] = step_mark

    def _take_course(self, which: str, course: dict[str, float]) -> bool:
        """Step over pairs; say whether they were all, rather than others following."""
        start = self._buffer.tell()
        match = _NUMBERED.match(self._buffer, start) if which in _SKIPPED else None
        if match is None:
            match = _NAMED.match(self._buffer, start)
            if match is None or not self._take_named(match.group(), start, which, course):
                return False
        self._buffer.seek(match.end())
        return bool(match["end"])

    def _take_named(self, pairs: bytes, start: int, which: str, course: dict[str, float]) -> bool:
        """Note where the keys of pairs are; keep the pairs only if they are what is wanted."""
        texts = _TEXT.findall(pairs)
        if texts:
            first, last = _place(*texts[0][1:]), _place(*texts[-1][1:])
            if last - first != len(texts) - 1:
                return False
            self.memo.put_course(first, start, start + len(pairs))
        if which == _ACCURACIES:
            for text, _, _, short, long, number in _PAIR.findall(pairs):
                key = text.decode() if text else self.memo[_place(short, long)]
                course[key] = struct.unpack(">d", number)[0]
        return True

    def step_binput(self) -> None:
        self._put(self.read(1)[0])

    dispatch[pickle.BINPUT[0]] = step_binput

    def step_long_binput(self) -> None:
        self._put(struct.unpack("<I", self.read(4))[0])

    dispatch[pickle.LONG_BINPUT[0]] = step_long_binput

    def step_memoize(self) -> None:
        """Put at the next place; protocol 4 counts what was put, of which we forget some."""
        self._put(self._n_memoized)
        self._n_memoized += 1

    dispatch[pickle.MEMOIZE[0]] = step_memoize

    def step_frame(self) -> None:
        """Read a frame of protocol 4, in which the place in the file is not where we read."""
        self._is_framed = True
        self.load_frame()

    dispatch[pickle.FRAME[0]] = step_frame

    def _put(self, place: int) -> None:
        value = self.stack[-1]
        self.memo[place] = value
        if type(value) in _CONTAINERS:
            self._recent.append(place)

    def step_setitems(self) -> None:
        """Make rows of a record that is complete, and forget what it was made of."""
        self.load_setitems()
        state = self.stack[-1]
        if type(state) is dict and "all_results" in state:
            self.records.append(read_record(state, self._name, self._curve_epochs))
            state.clear()
            state["record"] = len(self.records) - 1
            for place in self._recent:
                self.memo.pop(place, None)
            self._recent.clear()
            self._release()
            self._watch(self._buffer.tell(), len(self._buffer))

    dispatch[pickle.SETITEMS[0]] = step_setitems

    def _release(self) -> None:
        """Let go of the pages that are read, which would count as memory of this process."""
        position = self._buffer.tell()
        if position - self._released > _RELEASE_BYTES and hasattr(mmap, "MADV_DONTNEED"):
            self._buffer.madvise(mmap.MADV_DONTNEED)
            self._released = position


def read_stream(
    path: Path, watch: Watch, curve_epochs: Collection[int] = ()
) -> tuple[Any, list[ArchRecord]]:
    """Read a `.pth` of records.

    Args:
        path: The file.
        watch: Told of the bytes that are read, after each record.
        curve_epochs: Epochs before the end of a training whose accuracies are read too.

    Returns:
        The content, in which each record is replaced by `{"record": position}`; and the records.

    Raises:
        TruthError: If it is not a whole torch file, names a class that results have no use
            for, or a record is not as it should be.
    """
    name = str(path)
    with path.open("rb") as file:
        start = file.read(len(OLD_START))
        if not start:
            raise TruthError(f"{name} is empty. Get the file again.")
        is_zip = start.startswith(ZIP_START)
        if not is_zip and start != OLD_START:
            raise TruthError(
                f"{name} is not a torch file. The official results are in "
                "NAS-Bench-201-v1_1-096897.pth; for other formats, see '--as'."
            )
        offset = find_data_pickle(file, name)[0] if is_zip else 0
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer, refuse_damage(name):
            buffer.seek(offset)
            if not is_zip:
                _read_header(buffer, name, watch)
            reader = _Reader(buffer, name, watch, curve_epochs)
            content = reader.load()
            if not is_zip:
                # The keys of tensors, of which there are none: shows that nothing is cut off.
                _Reader(buffer, name, watch).load()
            return content, reader.records


def _read_header(buffer: mmap.mmap, name: str, watch: Watch) -> None:
    magic, protocol, system = (_Reader(buffer, name, watch).load() for _ in range(3))
    if (magic, protocol) != (OLD_MAGIC, 1001) or not system.get("little_endian", True):
        raise ValueError("its header is of an unknown format")
