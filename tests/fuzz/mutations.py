"""What an attacker, a bad disk or a careless program makes of a valid file.

Strategies of hypothesis: bytes flipped, cut, moved and put in; values of JSON and columns of
Parquet swapped for others of any kind. They shrink to the one edit that matters.
"""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

Bytes = st.SearchStrategy[bytes]
Edit = Callable[[bytearray], None]

TOKENS = (
    *(b"\x00", b'"', b",", b"\t", b"\n", b"\r", b"\r\n", b";", b"'", b"#", b"\\", b"\xef\xbb\xbf"),
    *(b"nan", b"NaN", b"inf", b"-Infinity", b"1e999", b"-1", b"1_0", b"0x1", b"true", b"null"),
    *(b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"\xe2\x80\xae", b"\x1b[2J", b"=1+1", b"../../x"),
    *(b"{", b"}", b"[", b"]", b"[" * 3_000, b"9" * 5_000, b"\xff" * 8, b"\x7f\xff\xff\xff"),
)
"""What readers of text and of binary formats stumble over."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, 10**400, 0.5, 1e308, -1e-320),
    *(float("nan"), float("inf"), "", " ", "x", "nan", "1", "\ud800", "\x00", "\x1b[2J", "=1+1"),
    *("../../x", "/etc/passwd", "x" * 3_000, [], [[]], [1, "a", None], {}, {"": None}, {"a": {}}),
)
"""What may stand where a value of another kind belongs."""


def _edits(size: int) -> st.SearchStrategy[Edit]:
    place = st.integers(0, max(0, size - 1))
    length = st.integers(1, 64)

    def flip(at: int, bit: int) -> Edit:
        return lambda content: _set(content, at, lambda old: old ^ (1 << bit))

    def put(at: int, byte: int) -> Edit:
        return lambda content: _set(content, at, lambda _old: byte)

    def cut(at: int) -> Edit:
        return lambda content: content.__delitem__(slice(at, None))

    def drop(at: int, n: int) -> Edit:
        return lambda content: content.__delitem__(slice(at, at + n))

    def insert(at: int, more: bytes) -> Edit:
        return lambda content: content.__setitem__(slice(at, at), more)

    def write(at: int, more: bytes) -> Edit:
        return lambda content: content.__setitem__(slice(at, at + len(more)), more)

    def move(source: int, at: int, n: int) -> Edit:
        return lambda content: content.__setitem__(slice(at, at + n), content[source : source + n])

    token = st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=16)
    return st.one_of(
        st.builds(flip, place, st.integers(0, 7)),
        st.builds(put, place, st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255)),
        st.builds(cut, place),
        st.builds(drop, place, length),
        st.builds(insert, place, token),
        st.builds(write, place, token),
        st.builds(move, place, place, length),
    )


def _set(content: bytearray, at: int, change: Callable[[int], int]) -> None:
    if at < len(content):
        content[at] = change(content[at])


def damaged(valid: bytes) -> Bytes:
    """A valid file after one to five edits of its bytes."""

    def apply(edits: list[Edit]) -> bytes:
        content = bytearray(valid)
        for edit in edits:
            edit(content)
        return bytes(content)

    return st.lists(_edits(len(valid)), min_size=1, max_size=5).map(apply)


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """List where values stand: (container, key)."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in list(items):
        found.append((value, key))
        if isinstance(part, (dict, list)):
            _places(part, found)
    return found


def swapped(valid: Any, values: tuple[Any, ...] = VALUES) -> st.SearchStrategy[Any]:
    """A tree of dicts and lists, of which one to three parts are replaced, removed or renamed."""
    n_places = len(_places(valid, []))
    change = st.tuples(
        st.integers(0, max(0, n_places - 1)),
        st.sampled_from(("replace", "replace", "replace", "remove", "rename", "repeat")),
        st.sampled_from(values),
    )

    def apply(changes: list[tuple[int, str, Any]]) -> Any:
        tree = copy.deepcopy(valid)
        for number, how, value in changes:
            places = _places(tree, []) if isinstance(tree, (dict, list)) else []
            if not places:
                return value
            owner, key = places[number % len(places)]
            if how == "remove":
                del owner[key]
            elif how == "rename" and isinstance(owner, dict):
                owner[str(value)[:50]] = owner.pop(key)
            elif how == "repeat" and isinstance(owner, list):
                owner.append(owner[key])
            else:
                owner[key] = copy.deepcopy(value)
        return tree

    return st.lists(change, min_size=1, max_size=3).map(apply)


def swapped_json(valid: bytes) -> Bytes:
    """A valid JSON file with values of other kinds in some places."""
    return swapped(json.loads(valid)).map(lambda tree: json.dumps(tree).encode())


def _columns(n: int) -> dict[str, pa.Array]:
    """Columns of every kind that Parquet knows, [n] each."""
    texts = ["x", "\x1b[2J", "", "=1+1", "ok"]
    whole = pa.array(range(n), pa.int64())
    return {
        "null": pa.nulls(n),
        "bool": pa.array([i % 2 == 0 for i in range(n)]),
        "text": pa.array([texts[i % 5] for i in range(n)]),
        "large text": pa.array([texts[i % 5] for i in range(n)], pa.large_string()),
        "bytes": pa.array([bytes([i % 256, 0xFF]) for i in range(n)], pa.binary()),
        "uint64": pa.array([2**64 - 1 - i for i in range(n)], pa.uint64()),
        "int64": pa.array([-(2**63) + i for i in range(n)], pa.int64()),
        "float": pa.array([float("nan"), *map(float, range(1, n))]),
        "infinite": pa.array([float("-inf")] * n),
        "half": whole.cast(pa.float64()).cast(pa.float32()),
        "decimal": whole.cast(pa.decimal128(38, 2)),
        "date": whole.cast(pa.int32()).cast(pa.date32()),
        "far date": pa.array([2**62 + i for i in range(n)], pa.timestamp("us")),
        "duration": whole.cast(pa.duration("s")),
        "list": pa.array([[i, None] for i in range(n)]),
        "struct": pa.array([{"a": i, "b": [str(i)]} for i in range(n)]),
        "map": pa.array([[("k", i)] for i in range(n)], pa.map_(pa.string(), pa.int64())),
        "codes": pa.array([texts[i % 5] for i in range(n)]).dictionary_encode(),
        "number codes": whole.dictionary_encode(),
        "some null": pa.array([None if i % 3 else i for i in range(n)], pa.int32()),
    }


def swapped_parquet(valid: bytes) -> Bytes:
    """A valid Parquet file of which columns are of other kinds, doubled, renamed, or gone."""
    table = pq.read_table(io.BytesIO(valid))
    others = _columns(table.num_rows)
    change = st.tuples(
        st.integers(0, table.num_columns - 1),
        st.sampled_from(("replace", "replace", "replace", "remove", "rename", "double", "empty")),
        st.sampled_from(sorted(others)),
    )

    def apply(changes: list[tuple[int, str, str]]) -> bytes:
        made = table
        for number, how, kind in changes:
            if made.num_columns == 0:
                break
            at = number % made.num_columns
            if how == "replace" and made.num_rows == table.num_rows:
                made = made.set_column(at, made.field(at).name, others[kind])
            elif how == "remove":
                made = made.remove_column(at)
            elif how == "rename":
                names = list(made.schema.names)
                names[at] = kind
                made = made.rename_columns(names)
            elif how == "double":
                made = made.append_column(made.field(at), made.column(at))
            elif how == "empty":
                made = made.slice(0, 0)
        sink = io.BytesIO()
        pq.write_table(made, sink, compression="none")
        return sink.getvalue()

    return st.lists(change, min_size=1, max_size=3).map(apply)


def hostile(*valid: bytes, json_too: bool = False, parquet_too: bool = False) -> Bytes:
    """Anything that may stand under a file's name: noise, damage, and swapped values.

    Args:
        valid: Valid files to begin with.
        json_too: Whether they are JSON, of which values are swapped too.
        parquet_too: Whether they are Parquet, of which columns are swapped too.
    """
    kinds = [damaged(content) for content in valid]
    if json_too:
        kinds += [swapped_json(content) for content in valid] * 2
    if parquet_too:
        kinds += [swapped_parquet(content) for content in valid] * 2
    starts = st.sampled_from([content[:64] for content in valid])
    noise = st.builds(lambda start, more: start[: len(more)] + more, starts, st.binary())
    return st.one_of(*kinds, *kinds, noise)
