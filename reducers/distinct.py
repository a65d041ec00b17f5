"""How many different texts a key has: exact up to 1,000, estimated above, with a standard error of 1.6 %.

A state is the set itself, or HyperLogLog registers (Flajolet et al. 2007) of 64-bit BLAKE2b hashes, and depends on the
set of texts alone, not on the order in which they came. The estimate (O. Ertl, "New cardinality estimation algorithms
for HyperLogLog sketches", 2017: no bias from the smallest sets on) is made in whole numbers, so that every machine gives
the same.

>>> finish(merge(start("a"), merge(start("b"), start("a"))))
[2]
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Union

GROWS = 100
"""Bytes that a value adds to a state, at most, about."""

EXACT = 1000
"""Members that are kept themselves."""
BITS = 12
REGISTERS = 1 << BITS
RANKS = 64 - BITS + 1
"""The largest rank: all bits behind the register's number are 0."""

_ONE = 1 << 64  # 1 in fixed point
_ALPHA = 721_347_520_444_481_704  # 1 / (2 * ln 2), times 10**18

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
    """The state of both sets; `a` may become part of it, `b` stays."""
    if isinstance(a, set):
        if isinstance(b, bytearray):
            return _add(bytearray(b), a)
        a |= b
        return a if len(a) <= EXACT else _add(bytearray(REGISTERS), a)
    return _add(a, b) if isinstance(b, set) else bytearray(map(max, a, b))


def dump(state: State) -> dict[str, str | list[str]]:
    """The state as JSON."""
    if isinstance(state, set):
        return {"exact": sorted(state)}
    return {"registers": base64.b64encode(state).decode("ascii")}


def load(value: object) -> State:
    """The state of :func:`dump`'s JSON. Raises ValueError when it is none."""
    if isinstance(value, dict) and len(value) == 1:
        exact, registers = value.get("exact"), value.get("registers")
        if isinstance(exact, list) and all(type(text) is str for text in exact):
            members = set(exact)
            if 0 < len(members) == len(exact) <= EXACT:
                return members
        if isinstance(registers, str):
            try:
                ranks = bytearray(base64.b64decode(registers, validate=True))
            except (binascii.Error, ValueError):
                ranks = bytearray()
            if len(ranks) == REGISTERS and 0 < max(ranks) <= RANKS:
                return ranks
    raise ValueError(f"not a state of distinct: {value!r:.80}")


def finish(state: State) -> list[int]:
    """The value of the table's row."""
    return [len(state) if isinstance(state, set) else estimate(state)]


def check(types: list[str]) -> None:
    """Raise ValueError unless the value is one ``int64``."""
    if types != ["int64"]:
        raise ValueError("distinct gives one int64 value")


def _add(registers: bytearray, texts: Iterable[str]) -> bytearray:
    for text in texts:
        number = int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "big")
        at, rest = number >> (64 - BITS), number & ((1 << (64 - BITS)) - 1)
        rank = RANKS - rest.bit_length()
        if rank > registers[at]:
            registers[at] = rank
    return registers


def estimate(registers: bytearray) -> int:
    """The estimated size of the set: Ertl's equation (2017, section 2.4) without the term of full registers, which matters
    from about 2**60 members on. Registers that are all 0 give 0."""
    empty = registers.count(0)
    if empty == REGISTERS:
        return 0
    share = small = empty * _ONE // REGISTERS
    doublings = 0
    while share:  # sigma(x) = x + sum of x**(2**k) * 2**(k - 1)
        share = share * share // _ONE
        small += share << doublings
        doublings += 1
    harmonic = REGISTERS * small + sum(_ONE >> rank for rank in registers if rank)
    divisor = harmonic * 10**18
    return (_ALPHA * REGISTERS * REGISTERS * _ONE + divisor // 2) // divisor


if __name__ == "__main__":
    from crawlmill.streaming import reducer_main

    reducer_main("distinct")
