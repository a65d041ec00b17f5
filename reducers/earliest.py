"""The smallest row of a key: by its first column, ties by the canonical JSON of the whole. Null counts as later than all.

>>> merge(start(("2024-05-01", "b")), start(("2024-05-02", "a")))
('2024-05-01', 'b')
"""

from __future__ import annotations

import json
from typing import Union

Scalar = Union[str, int, bool, None]
Value = Union[Scalar, list[Scalar], tuple[Scalar, ...]]
Row = Union[Scalar, tuple[Value, ...]]

PLAIN = True
"""What an analysis yields is what stands in the table: it is held against the declared value columns."""


def _order(row: Row) -> tuple[bool, bool, int, str, str]:
    first = row[0] if isinstance(row, tuple) else row
    number = first if isinstance(first, int) else 0
    text = first if isinstance(first, str) else ""
    # a declared column never mixes numbers and text, but the order must be one of all rows
    return first is None, isinstance(first, int), number, text, json.dumps(row, separators=(",", ":"))


def start(value: Row) -> Row:
    """The state of one row. Raises TypeError when its first column is no text, whole number, boolean or None."""
    first = value[0] if isinstance(value, tuple) and value else value
    if not (first is None or isinstance(first, (str, int))):
        raise TypeError(f"earliest compares texts or whole numbers, not {first!r:.80}")
    if not isinstance(value, tuple):
        return value
    # what is a list after load(dump()) is one from the start
    return tuple([list(part) if isinstance(part, tuple) else part for part in value])


def merge(a: Row, b: Row) -> Row:
    """The smallest of two rows."""
    return min(a, b, key=_order)


def dump(state: Row) -> Scalar | list[Value]:
    """The state as JSON."""
    return list(state) if isinstance(state, tuple) else state


def load(value: Scalar | list[Value]) -> Row:
    """The state of :func:`dump`'s JSON. Raises TypeError when it is none."""
    return start(tuple(value) if isinstance(value, list) else value)


def finish(state: Row) -> list[Row]:
    """The values of the table's row."""
    return [state]


def check(types: list[str]) -> None:
    """Raise ValueError when the first value is a list."""
    if types[0].startswith("list"):
        raise ValueError("earliest compares by the first value, which is a list")


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("earliest")
