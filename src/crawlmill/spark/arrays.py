"""Plain Python cells to Arrow arrays, by way of their buffers.

``pa.array(list)`` imports pandas wherever pandas is installed: two seconds and 60 MB in every Python worker of Spark.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Callable, NamedTuple

import pyarrow as pa

Cell = Any
"""Bytes, a whole number, a truth value, or a list of tuples of bytes, as its kind has it; None for null."""


class Kind(NamedTuple):
    """How the cells of a type are kept and made an array.

    Attributes:
        arrow: the Arrow type.
        cell: from what a record has to a cell; texts become UTF-8 bytes.
        size: bytes of a cell.
        array: from cells to an array.
    """

    arrow: pa.DataType
    cell: Callable[[object], Cell]
    size: Callable[[Cell], int]
    array: Callable[[Sequence[Cell]], pa.Array]


def utf8(value: object) -> bytes | None:
    """A text as UTF-8; what UTF-8 cannot hold (lone surrogates) becomes ``?``.

    >>> utf8("ü"), utf8(None)
    (b'\\xc3\\xbc', None)
    """
    return None if value is None else str(value).encode("utf-8", "replace")


def _bits(flags: Iterable[bool]) -> bytes:
    """Flags as a bitmap, the first in the lowest bit.

    >>> _bits([True, False, False, True])
    b'\\t'
    """
    text = "".join(["1" if flag else "0" for flag in flags])
    return int(text[::-1], 2).to_bytes((len(text) + 7) // 8, "little") if text else b""


def _valid(cells: Sequence[Cell]) -> pa.Buffer | None:
    """The bitmap of what is not null; None when nothing is."""
    if not any(cell is None for cell in cells):
        return None
    return pa.py_buffer(_bits(cell is not None for cell in cells))


def _offsets(sizes: Iterable[int]) -> array[int]:
    found, at = array("i", [0]), 0
    for size in sizes:
        at += size
        found.append(at)
    return found


def _bytes_array(cells: Sequence[Cell], type: pa.DataType) -> pa.Array:
    """An array of texts or of bytes.

    >>> _bytes_array([b"a", None, b""], pa.string()).to_pylist()
    ['a', None, '']
    """
    parts = [cell or b"" for cell in cells]
    buffers = [_valid(cells), pa.py_buffer(_offsets(map(len, parts))), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(type, len(parts), buffers)


def _number_array(cells: Sequence[Cell]) -> pa.Array:
    """An array of whole numbers.

    >>> _number_array([1, None]).to_pylist()
    [1, None]
    """
    numbers = array("q", [cell or 0 for cell in cells])
    return pa.Array.from_buffers(pa.int64(), len(numbers), [_valid(cells), pa.py_buffer(numbers)])


def _flag_array(cells: Sequence[Cell]) -> pa.Array:
    """An array of booleans.

    >>> _flag_array([True, None, False]).to_pylist()
    [True, None, False]
    """
    bits = pa.py_buffer(_bits(bool(cell) for cell in cells))
    return pa.Array.from_buffers(pa.bool_(), len(cells), [_valid(cells), bits])


MAP = pa.map_(pa.string(), pa.string())
LINK = pa.struct([(name, pa.string()) for name in ("path", "url", "text")])


def _nested(cells: Sequence[Cell], type: pa.DataType, inner: pa.DataType, width: int) -> pa.Array:
    """An array of lists of tuples of texts: a map, or a list of structs.

    >>> _nested([[(b"a", b"1"), (b"b", b"2")], None, []], MAP, MAP.field(0).type, 2).to_pylist()
    [[('a', '1'), ('b', '2')], None, []]
    """
    lists = [cell or () for cell in cells]
    flat = [item for items in lists for item in items]
    parts = [_bytes_array([item[at] for item in flat], pa.string()) for at in range(width)]
    children = pa.Array.from_buffers(inner, len(flat), [None], children=parts)
    buffers = [_valid(cells), pa.py_buffer(_offsets(map(len, lists)))]
    return pa.Array.from_buffers(type, len(lists), buffers, children=[children])


def _nested_size(cell: Cell) -> int:
    return 0 if cell is None else sum(16 + sum(map(len, item)) for item in cell)


def _bytes_size(cell: Cell) -> int:
    return 8 if cell is None else 8 + len(cell)


def _fixed(cell: Cell) -> int:
    return 8


def _tuples(value: Any) -> Cell:
    if value is None:
        return None
    return [tuple(map(utf8, item)) for item in value]


KINDS = {
    "string": Kind(pa.string(), utf8, _bytes_size, lambda cells: _bytes_array(cells, pa.string())),
    "binary": Kind(pa.binary(), lambda value: value, _bytes_size, lambda cells: _bytes_array(cells, pa.binary())),
    "bigint": Kind(pa.int64(), lambda value: value, _fixed, _number_array),
    "boolean": Kind(pa.bool_(), lambda value: value, _fixed, _flag_array),
    "map<string,string>": Kind(MAP, _tuples, _nested_size, lambda cells: _nested(cells, MAP, MAP.field(0).type, 2)),
    "array<struct<path:string,url:string,text:string>>": Kind(
        pa.list_(LINK), _tuples, _nested_size, lambda cells: _nested(cells, pa.list_(LINK), LINK, 3)
    ),
}
"""By Spark's name of the type (``simpleString``)."""
