"""What an attacker, a bad disk or a careless program makes of a valid file.

Bytes flipped, cut, moved and put in; values of JSON and columns of Parquet swapped for others of
any kind. A file is made from one `random.Random`, hence known by its seed, and in tens of
microseconds: hypothesis took 1.2 to 8 ms to draw one, of which readers take 10,000 each.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

T = TypeVar("T")
Make = Callable[[Random], T]

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


BYTES = (0, 1, 0x7F, 0x80, 0xFF)
"""What is most often mistaken where a byte is read as a number."""

EDITS = ("flip", "put", "cut", "drop", "insert", "write", "move")
MOST_EDITS = 5
MOST_CHANGES = 3


def _token(random: Random) -> bytes:
    return random.choice(TOKENS) if random.random() < 0.5 else random.randbytes(_length(random, 16))


def _length(random: Random, most: int) -> int:
    return random.randint(1, most)


def _edit(content: bytearray, random: Random) -> None:
    """Change a file in one place."""
    at = random.randrange(len(content) or 1)
    match random.choice(EDITS):
        case "flip" if content:
            content[at] ^= 1 << random.randrange(8)
        case "put" if content:
            content[at] = random.choice(BYTES) if random.random() < 0.5 else random.randrange(256)
        case "cut":
            del content[at:]
        case "drop":
            del content[at : at + _length(random, 64)]
        case "insert":
            content[at:at] = _token(random)
        case "write":
            more = _token(random)
            content[at : at + len(more)] = more
        case "move":
            source, n = random.randrange(len(content) or 1), _length(random, 64)
            content[at : at + n] = content[source : source + n]


def damaged(valid: bytes) -> Make[bytes]:
    """A valid file after one to five edits of its bytes."""

    def make(random: Random) -> bytes:
        content = bytearray(valid)
        for _ in range(random.randint(1, MOST_EDITS)):
            _edit(content, random)
        return bytes(content)

    return make


def _copied(value: Any) -> Any:
    """Copy the dicts and lists of a tree, and share all else."""
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value


def _places(value: Any, found: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """List where values stand: (container, key)."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in list(items):
        found.append((value, key))
        if isinstance(part, (dict, list)):
            _places(part, found)
    return found


HOW_SWAPPED = ("replace", "replace", "replace", "remove", "rename", "repeat")


def swapped(valid: Any, values: tuple[Any, ...] = VALUES) -> Make[Any]:
    """A tree of dicts and lists, of which one to three parts are replaced, removed or renamed."""

    def make(random: Random) -> Any:
        tree = _copied(valid)
        for _ in range(random.randint(1, MOST_CHANGES)):
            places = _places(tree, []) if isinstance(tree, (dict, list)) else []
            how, value = random.choice(HOW_SWAPPED), _copied(random.choice(values))
            if not places:
                return value
            owner, key = random.choice(places)
            if how == "remove":
                del owner[key]
            elif how == "rename" and isinstance(owner, dict):
                owner[str(value)[:50]] = owner.pop(key)
            elif how == "repeat" and isinstance(owner, list):
                owner.append(_copied(owner[key]))
            else:
                owner[key] = value
        return tree

    return make


def swapped_json(valid: bytes) -> Make[bytes]:
    """A valid JSON file with values of other kinds in some places."""
    make = swapped(json.loads(valid))
    return lambda random: json.dumps(make(random)).encode()


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


HOW_CHANGED = ("replace", "replace", "replace", "remove", "rename", "double", "empty")


def swapped_parquet(valid: bytes) -> Make[bytes]:
    """A valid Parquet file of which columns are of other kinds, doubled, renamed, or gone."""
    table = pq.read_table(io.BytesIO(valid))
    others = _columns(table.num_rows)
    kinds = sorted(others)

    def change(made: pa.Table, random: Random) -> pa.Table:
        at, kind = random.randrange(made.num_columns), random.choice(kinds)
        match random.choice(HOW_CHANGED):
            case "replace" if made.num_rows == table.num_rows:
                return made.set_column(at, made.field(at).name, others[kind])
            case "remove":
                return made.remove_column(at)
            case "rename":
                names = list(made.schema.names)
                names[at] = kind
                return made.rename_columns(names)
            case "double":
                return made.append_column(made.field(at), made.column(at))
            case "empty":
                return made.slice(0, 0)
        return made

    def make(random: Random) -> bytes:
        made = table
        for _ in range(random.randint(1, MOST_CHANGES)):
            made = change(made, random) if made.num_columns else made
        sink = io.BytesIO()
        pq.write_table(made, sink, compression="none")
        return sink.getvalue()

    return make


def noise(*valid: bytes) -> Make[bytes]:
    """Bytes that mean nothing, most of them after the first ones of a valid file."""
    return lambda random: (
        random.choice(valid)[: random.randint(0, 64)] + random.randbytes(random.randint(0, 200))
    )


def one_of(*makes: Make[T]) -> Make[T]:
    """A file of any of some kinds."""
    return lambda random: random.choice(makes)(random)


def then(make: Make[T], wrap: Callable[[T], bytes]) -> Make[bytes]:
    """What is made, put into a frame that is whole."""
    return lambda random: wrap(make(random))


def hostile(*valid: bytes, json_too: bool = False, parquet_too: bool = False) -> Make[bytes]:
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
    return one_of(*kinds, *kinds, noise(*valid))
