"""A table: every value of a key is a row of its own, in the order of their JSON.

A state holds its rows in no order: they are sorted once, when they are written, and not at every merge.

>>> finish(merge(start(("b", 1)), start(("a", None))))
[('a', None), ('b', 1)]
"""

from __future__ import annotations

import json
from typing import Union

Value = Union[str, int, bool, None, "list[str]", "list[int]"]
Row = Union[Value, tuple[Value, ...]]
State = list[Row]

GROWS = 800
"""Bytes that a value adds to a state, about."""

PLAIN = True
"""What an analysis yields is what stands in the table: it is held against the declared value columns."""


_order = json.JSONEncoder(separators=(",", ":")).encode


def start(value: Row) -> State:
    """The state of one row."""
    return [value]


def merge(a: State, b: State) -> State:
    """All rows of two states; `a` becomes that, `b` stays."""
    a.extend(b)
    return a


def dump(state: State) -> list[Row]:
    """The state as JSON: its rows in order."""
    return sorted(state, key=_order)


def load(value: list[Row]) -> State:
    """The state of :func:`dump`'s JSON."""
    return [tuple(row) if type(row) is list else row for row in value]


def finish(state: State) -> list[Row]:
    """The values of the table's rows, in order."""
    return sorted(state, key=_order)


def check(types: list[str]) -> None:
    """Any columns do."""


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("rows")
