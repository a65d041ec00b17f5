"""A table: every value of a key is a row of its own, in the order of their JSON.

>>> merge(start(("b", 1)), start(("a", None)))
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


def _order(row: Row) -> str:
    return json.dumps(row, separators=(",", ":"))


def start(value: Row) -> State:
    """The state of one row."""
    return [value]


def merge(a: State, b: State) -> State:
    """All rows of two states."""
    return sorted(a + b, key=_order)


def dump(state: State) -> list[Row]:
    """The state as JSON."""
    return state


def load(value: list[Row]) -> State:
    """The state of :func:`dump`'s JSON."""
    return [tuple(row) if type(row) is list else row for row in value]


def finish(state: State) -> list[Row]:
    """The values of the table's rows."""
    return state


def check(types: list[str]) -> None:
    """Any columns do."""


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("rows")
