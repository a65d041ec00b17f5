"""The smallest row of a key: by its first column, ties by the canonical JSON of the whole.

>>> merge(start(("2024-05-01", "b")), start(("2024-05-02", "a")))[1]
'b'
"""

from __future__ import annotations

import json
from typing import Union

Value = Union[str, int, bool, None]
Row = Union[Value, tuple[Value, ...]]

PLAIN = True
"""What an analysis yields is what stands in the table: it is held against the declared value columns."""


def _order(row: Row) -> tuple[bool, bool, int, str, str]:
    first = row[0] if isinstance(row, tuple) else row
    number = first if isinstance(first, int) else 0
    # null is beyond everything; a declared column never mixes numbers and text
    return first is None, isinstance(first, int), number, first if isinstance(first, str) else "", _text(row)


def _text(row: Row) -> str:
    return json.dumps(row, separators=(",", ":"))


def start(value: Row) -> Row:
    """The state of one row."""
    return value


def merge(a: Row, b: Row) -> Row:
    """The smallest of two rows."""
    return min(a, b, key=_order)


def dump(state: Row) -> Row:
    """The state as JSON."""
    return state


def load(value: Row | list[Value]) -> Row:
    """The state of :func:`dump`'s JSON."""
    return tuple(value) if isinstance(value, list) else value


def finish(state: Row) -> list[Row]:
    """The values of the table's row."""
    return [state]


def check(types: list[str]) -> None:
    """Raise ValueError when the first value is a list."""
    if types[0].startswith("list"):
        raise ValueError("earliest compares by its first value, which is a list")


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("earliest")
