"""Sums of whole numbers, column by column: term and document frequency, for example.

>>> merge(start((2, 1)), start((3, 1)))
(5, 2)
"""

from __future__ import annotations

State = tuple[int, ...]


def start(value: State) -> State:
    """The state of one tuple. Raises TypeError when it holds anything but whole numbers."""
    if type(value) is not tuple or any(type(number) is not int for number in value):
        raise TypeError(f"vector_total adds tuples of whole numbers, not {value!r:.80}")
    return value


def merge(a: State, b: State) -> State:
    """The sums of two states. Raises TypeError when they have not the same width."""
    if len(a) != len(b):
        raise TypeError(f"vector_total adds tuples of one width, not {len(a)} and {len(b)}")
    return tuple(map(int.__add__, a, b))


def dump(state: State) -> list[int]:
    """The state as JSON."""
    return list(state)


def load(value: list[int]) -> State:
    """The state of :func:`dump`'s JSON."""
    return start(tuple(value))


def finish(state: State) -> list[State]:
    """The values of the table's row."""
    return [state]


def check(types: list[str]) -> None:
    """Raise ValueError unless the values are two or more ``int64``."""
    if len(types) < 2 or set(types) != {"int64"}:
        raise ValueError("vector_total gives two or more int64 values")


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("vector_total")
