"""Counts of whole numbers in fixed bins: bin 0 holds zeros, bin i numbers of i bits (2**(i-1) to 2**i - 1).

>>> merge(start(0), merge(start(5), start(7)))
[1, 0, 0, 2]
"""

from __future__ import annotations


def start(value: int) -> list[int]:
    """The histogram of one number. Raises TypeError when it is no whole number of 0 to 2**63 - 1 (``True`` is none)."""
    if type(value) is not int or value < 0 or value.bit_length() > 63:
        raise TypeError(f"histogram takes whole numbers of 0 to 2**63 - 1, not {value!r:.80}")
    return [0] * value.bit_length() + [1]


def merge(a: list[int], b: list[int]) -> list[int]:
    """The counts of two histograms, bin by bin."""
    if len(a) < len(b):
        a, b = b, a
    return [*map(int.__add__, a, b), *a[len(b) :]]


def dump(state: list[int]) -> list[int]:
    """The state as JSON."""
    return state


def load(value: list[int]) -> list[int]:
    """The state of :func:`dump`'s JSON. Raises TypeError when it is none."""
    counts = type(value) is list and all(type(count) is int and count >= 0 for count in value)
    if not counts or not 0 < len(value) <= 64 or value[-1] == 0:
        raise TypeError(f"not a state of histogram: {value!r:.80}")
    return value


def finish(state: list[int]) -> list[list[int]]:
    """The value of the table's row."""
    return [state]


def check(types: list[str]) -> None:
    """Raise ValueError unless the value is one list of numbers."""
    if types != ["list<int64>"]:
        raise ValueError("histogram gives one list<int64> value")


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("histogram")
