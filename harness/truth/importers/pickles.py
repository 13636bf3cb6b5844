"""Reading pickles of results without running anything that they name.

A pickle is a program: it names callables and says what to call them with. Here it is given a
short list of names, and behind each name of numpy's stands a function of this module that checks
what it is given, so that a file can make plain arrays, numbers, text and containers, and nothing
else. A hostile file can still ask for much memory; it cannot run code, nor touch a file. As one
wrong byte can ask for as much, compare the checksum first where there is one.
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, BinaryIO, NoReturn

import numpy as np

from harness.errors import HarnessError, TruthError

OLD_MAGIC = 0x1950A86A20F9469CFC6C
OLD_START = pickle.dumps(OLD_MAGIC, protocol=2)
ZIP_START = b"PK\x03\x04"
"""How torch's files begin: the older ones, and archives."""

Allowed = Mapping[tuple[str, str], Any]
"""What stands for each global, by (module, name): a type, or a function called in its stead."""

_PLAIN_KINDS = "biufcSU"
_BYTE_ORDERS = ("<", ">", "|", "=")
_MAX_DIMS = 32
_OLD_NAMES = {"__builtin__": "builtins"}  # protocols 0 to 2 use the names of Python 2


class _Dtype:
    """A dtype in the making; pickle hands its byte order over in a second step.

    Numpy's own second step believes flags that tell it which bytes are pointers.
    """

    __slots__ = ("real",)

    def __init__(self, text: str) -> None:
        self.real = np.dtype(text)
        if self.real.kind not in _PLAIN_KINDS and self.real != np.dtype("O"):
            raise ValueError(f"arrays of '{text}' are not admitted")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order, subarray, names, fields = state[1:5]
        if order not in _BYTE_ORDERS or any(part is not None for part in (subarray, names, fields)):
            raise ValueError(f"a dtype of '{self.real}' with fields or no known byte order")
        self.real = self.real.newbyteorder(order)

    @property
    def is_plain(self) -> bool:
        """Whether an element is its bytes, rather than a reference."""
        return self.real.kind in _PLAIN_KINDS


class PickledArray(np.ndarray[Any, Any]):
    """An array that checks what a pickle fills it with."""

    def __setstate__(self, state: Any) -> None:
        """Fill the array: (version, shape, dtype, order, data), or without the version."""
        shape, dtype, is_fortran, data = state[-4:]
        _check_shape(shape, dtype, data)
        state = (1, shape, dtype.real, bool(is_fortran), data)
        super().__setstate__(state)


def _check_shape(shape: tuple[int, ...], dtype: _Dtype, data: Any) -> None:
    """Check that the data are as large as the shape says, and of the dtype's kind."""
    if not isinstance(dtype, _Dtype) or not isinstance(shape, tuple) or len(shape) > _MAX_DIMS:
        raise ValueError("an array without a shape and a dtype")
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"an array of shape {shape}")
    kinds, unit = ((bytes, bytearray), dtype.real.itemsize) if dtype.is_plain else ((list,), 1)
    if not isinstance(data, kinds) or len(data) != math.prod(shape) * unit:
        raise ValueError(f"an array of shape {shape} whose data are not as large")


def _make_dtype(text: str, _align: bool = False, _copy: bool = True, /) -> _Dtype:
    return _Dtype(text)


def _reconstruct(_cls: object, _shape: object, _typecode: object, /) -> PickledArray:
    return PickledArray((0,), np.int8)


def _frombuffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str, /) -> PickledArray:
    _check_shape(shape, dtype, data)
    if not dtype.is_plain or order not in ("C", "F"):
        raise ValueError(f"a buffer of '{dtype.real}' in order {order!r}")
    flat = np.frombuffer(bytes(data), dtype=dtype.real)
    return flat.reshape(shape, order="F" if order == "F" else "C").copy().view(PickledArray)


def _scalar(dtype: _Dtype, data: bytes, /) -> np.generic:
    _check_shape((), dtype, data)
    if not dtype.is_plain:
        raise ValueError("a scalar that is an object")
    number: np.generic = np.frombuffer(data, dtype=dtype.real)[0]
    return number


def _encode(text: str, encoding: str, /) -> bytes:
    """Stand for `_codecs.encode`, by which old protocols spell bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes spelt in '{encoding}'")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """Stand for `bytes`, by which old protocols spell that there are none."""
    return b""


def _make_dict(*_factory: object) -> dict[Any, Any]:
    """Stand for `defaultdict`: a key that is missing is an error later, not an invented value."""
    return {}


def _array_class(*_arguments: object) -> NoReturn:
    """Stand for `numpy.ndarray`, which is named but never called by a pickle of an array."""
    raise ValueError("numpy.ndarray is called")


def _numpy_names() -> dict[tuple[str, str], Any]:
    names: dict[tuple[str, str], Any] = {
        ("numpy", "dtype"): _make_dtype,
        ("numpy", "ndarray"): _array_class,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _reconstruct
        names[f"{core}.multiarray", "scalar"] = _scalar
        names[f"{core}.numeric", "_frombuffer"] = _frombuffer
    return names


_BUILTINS = (complex, dict, float, frozenset, int, list, set)
_CONTAINERS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("collections", "defaultdict"): _make_dict,
    ("_codecs", "encode"): _encode,
    ("builtins", "bytes"): _no_bytes,
} | {("builtins", kind.__name__): kind for kind in _BUILTINS}

SAFE: MappingProxyType[tuple[str, str], Any] = MappingProxyType(_CONTAINERS | _numpy_names())
"""Arrays, numbers and containers; `SAFE | {(module, name): stand_in}` admits more."""


def find_allowed(allowed: Allowed, module_name: str, global_name: str, name: str) -> Any:
    """Return what stands for a global that a pickle names.

    Args:
        allowed: What may be named.
        module_name: The module, as the pickle spells it.
        global_name: The name in that module.
        name: What to call the source in an error.

    Returns:
        The stand-in.

    Raises:
        TruthError: If there is none.
    """
    module_name = _OLD_NAMES.get(module_name, module_name)
    try:
        return allowed[module_name, global_name]
    except KeyError:
        is_tensor = (module_name, global_name) == ("torch._utils", "_rebuild_tensor_v2")
        lists = " If you made it, save tensors as lists (tensor.tolist())." if is_tensor else ""
        raise TruthError(
            f"{name} names '{module_name}.{global_name}', which results have no use for: only "
            "arrays, numbers, text and containers are read. It was refused, and nothing was "
            "run. Do not open this file with other tools before you know where it comes from; get "
            f"it again from its publisher.{lists}"
        ) from None


@contextlib.contextmanager
def refuse_damage(name: str) -> Iterator[None]:
    """Turn whatever a damaged pickle or archive leads to into one error.

    Args:
        name: What to call the source in the error.

    Yields:
        Once, to the reading of the pickle.

    Raises:
        TruthError: If the reading fails.
    """
    try:
        yield
    except HarnessError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        reason = str(error) or type(error).__name__
        raise TruthError(
            f"{name} cannot be read as a file of results: {reason[:200]}. It is cut off, damaged "
            "or another kind of file; get it again, and compare its checksum."
        ) from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, allowed: Allowed, name: str) -> None:
        super().__init__(file)
        self._allowed = allowed
        self._name = name

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        return find_allowed(self._allowed, module_name, global_name, self._name)


def load_pickle(source: bytes | BinaryIO, allowed: Allowed, name: str) -> Any:
    """Read one pickle, admitting only what is listed.

    Args:
        source: The pickle, or a file from which it is read.
        allowed: What may be named; `SAFE`, or more than that. What is added must itself be safe
            to call with any arguments.
        name: What to call the source in an error, usually the file's name.

    Returns:
        What the pickle holds. Its arrays are `PickledArray`, a defaultdict is a plain dict.

    Raises:
        TruthError: If it names anything else, or cannot be read to its end.
    """
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    with refuse_damage(name):
        return _Unpickler(file, allowed, name).load()


def is_torch(start: bytes) -> bool:
    """Say whether a file is one of torch's, by its first bytes."""
    return start.startswith(OLD_START) or (start.startswith(ZIP_START) and b"/data.pkl" in start)


def load_torch(source: bytes, allowed: Allowed, name: str) -> Any:
    """Read what `torch.save` wrote, other than tensors, as `load_pickle` reads a pickle."""
    file = io.BytesIO(source)
    if not source.startswith(ZIP_START):  # four pickles, of which the last one is the content
        return [load_pickle(file, allowed, name) for _ in range(4)][-1]
    start, size = find_data_pickle(file, name)
    return load_pickle(source[start : start + size], allowed, name)


def find_data_pickle(file: BinaryIO, name: str) -> tuple[int, int]:
    """Check the member of a torch archive that holds the content; return its place and size.

    Raises:
        TruthError: If there is none, it is compressed, or its checksum is wrong.
    """
    with refuse_damage(name), zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if m.filename.endswith("/data.pkl")]
        if len(members) != 1 or members[0].compress_type != zipfile.ZIP_STORED:
            raise zipfile.BadZipFile("there is no 'data.pkl' as torch writes it")
        with archive.open(members[0]) as member:
            while member.read(2**20):  # compares the checksum
                pass
        file.seek(members[0].header_offset + 26)
        name_length, extra_length = struct.unpack("<HH", file.read(4))
    start = members[0].header_offset + 30 + int(name_length) + int(extra_length)
    return start, members[0].file_size
