"""How many different texts a key has: exact up to 1,000, estimated above by HyperLogLog (Flajolet et al. 2007).

Registers are merged by maximum and the estimate is made in whole numbers, so every machine gives the same. A state
depends on the set of texts alone, not on the order in which they came. The standard error above 1,000 is 1.6 %.

>>> finish(merge(start("a"), merge(start("b"), start("a"))))
[2]
"""

from __future__ import annotations

import base64
import hashlib
from typing import Union

EXACT = 1000
"""Members that are kept themselves."""
BITS = 12
REGISTERS = 1 << BITS
_ALPHA = 721_300  # 0.7213 / (1 + 1.079 / m), times a million, before the division below
State = Union[set[str], bytearray]


def start(value: str) -> State:
    """The state of one text. Raises TypeError when it is none, or has lone surrogates."""
    if type(value) is not str:
        raise TypeError(f"distinct counts texts, not {value!r:.80}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise TypeError(f"distinct counts texts that UTF-8 can hold, not {value!r:.80}") from None
    return {value}


def merge(a: State, b: State) -> State:
    """The state of both sets."""
    if isinstance(a, set) and isinstance(b, set):
        if len(a) < len(b):
            a, b = b, a
        a |= b
        return a if len(a) <= EXACT else _registers(a)
    left, right = (_registers(state) if isinstance(state, set) else state for state in (a, b))
    return bytearray(map(max, left, right))


def dump(state: State) -> dict[str, str | list[str]]:
    """The state as JSON."""
    if isinstance(state, set):
        return {"exact": sorted(state)}
    return {"registers": base64.b64encode(state).decode("ascii")}


def load(value: dict[str, str | list[str]]) -> State:
    """The state of :func:`dump`'s JSON."""
    if "exact" in value:
        return set(value["exact"])
    return bytearray(base64.b64decode(str(value["registers"])))


def finish(state: State) -> list[int]:
    """The value of the table's row."""
    return [len(state) if isinstance(state, set) else estimate(state)]


def check(types: list[str]) -> None:
    """Raise ValueError unless the value is one ``int64``."""
    if types != ["int64"]:
        raise ValueError("distinct gives one int64 value")


def _registers(texts: set[str]) -> bytearray:
    registers = bytearray(REGISTERS)
    for text in texts:
        number = int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")
        at, rest = number >> (64 - BITS), number & ((1 << (64 - BITS)) - 1)
        rank = 64 - BITS - rest.bit_length() + 1
        if rank > registers[at]:
            registers[at] = rank
    return registers


def estimate(registers: bytearray) -> int:
    """The estimated number of members, in whole numbers only."""
    total = sum(1 << (64 - rank) for rank in registers)  # the harmonic sum, times 2**64
    # alpha * m**2 / sum(2**-rank), with alpha = 0.7213 / (1 + 1.079 / m)
    raw = _ALPHA * 1000 * REGISTERS * REGISTERS * (1 << 64) // ((1_000_000_000 + 1_079_000_000 // REGISTERS) * total)
    empty = registers.count(0)
    if empty and 2 * raw <= 5 * REGISTERS:
        return _linear_count(empty)
    return raw


def _linear_count(empty: int) -> int:
    """m * ln(m / empty), by the series of ln in fixed point: ln(x) = 2 * atanh((x - 1) / (x + 1))."""
    one = 1 << 64
    ratio, halvings = REGISTERS * one // empty, 0
    while ratio > 2 * one:
        ratio, halvings = ratio // 2, halvings + 1
    return REGISTERS * (_log(ratio) + halvings * _log(2 * one)) // one


def _log(value: int) -> int:
    one = 1 << 64
    term = ratio = (value - one) * one // (value + one)
    found, square, power = 0, ratio * ratio // one, 1
    while term:
        found += term // power
        term, power = term * square // one, power + 2
    return 2 * found


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("distinct")
