"""Sum of whole numbers.

>>> merge(start(2), start(3)), finish(5)
(5, [5])
"""

from __future__ import annotations


def start(value: int) -> int:
    """The state of one value. Raises TypeError when it is no whole number (``True`` is none)."""
    if type(value) is not int:
        raise TypeError(f"total adds whole numbers, not {value!r:.80}")
    return value


def merge(a: int, b: int) -> int:
    """The sum of two states."""
    return a + b


def dump(state: int) -> int:
    """The state as JSON."""
    return state


def load(value: int) -> int:
    """The state of :func:`dump`'s JSON."""
    return start(value)


def finish(state: int) -> list[int]:
    """The value of the table's row."""
    return [state]


def check(types: list[str]) -> None:
    """Raise ValueError unless the value is one ``int64``."""
    if types != ["int64"]:
        raise ValueError("total gives one int64 value")


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("total")
