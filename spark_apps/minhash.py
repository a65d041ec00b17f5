"""From a text to numbers by which near duplicates are found: shingles, a MinHash signature, and buckets of it (LSH).

All is integer arithmetic on BLAKE2b hashes: the same numbers on every machine and Python, with numpy and without.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from typing import NamedTuple

from crawlmill.errors import UsageError
from crawlmill.records.text import words

FAST = find_spec("numpy") is not None
"""Whether numpy makes signatures. The numbers are the same without it."""
MASK = (1 << 64) - 1
CHUNK = 4096
"""Shingles that are hashed at once: with 128 permutations 4 MiB."""
SURE = Fraction(95, 100)
"""The least chance with which :func:`shape_for` lets a pair at the threshold be found."""


class Shape(NamedTuple):
    """How a signature is cut into buckets.

    Attributes:
        bands: buckets of a text.
        rows: numbers of the signature that two texts must have in common in a band to share that bucket.
    """

    bands: int
    rows: int

    def chance(self, similarity: Fraction) -> Fraction:
        """The chance that two texts of a Jaccard similarity share a bucket: ``1 - (1 - s**rows)**bands``.

        >>> round(float(Shape(18, 7).chance(Fraction(8, 10))), 3), round(float(Shape(18, 7).chance(Fraction(4, 10))), 3)
        (0.986, 0.029)
        """
        return 1 - (1 - similarity**self.rows) ** self.bands


class Fingerprint(NamedTuple):
    """What is kept of a text.

    Attributes:
        shingles: its distinct shingles as signed 64-bit numbers, in order.
        signature: for each permutation the smallest hash of a shingle, 32 bits.
        buckets: for each band a signed 64-bit number.
        same: equal for texts with equal shingles.
    """

    shingles: list[int]
    signature: list[int]
    buckets: list[int]
    same: bytearray


def fingerprint(text: str | None, size: int, permutations: int, shape: Shape) -> Fingerprint | None:
    """The fingerprint of a text; None when there is no word in it.

    Args:
        text: any text.
        size: words of a shingle.
        permutations: numbers of the signature.
        shape: its bands.

    >>> one, two = (fingerprint(text, 2, 8, Shape(4, 2)) for text in ("The cat sat.", "the CAT, sat"))
    >>> one == two, len(one.shingles), len(one.signature), len(one.buckets)
    (True, 2, 8, 4)
    """
    found = shingles(text or "", size)
    if not found:
        return None
    numbers = signature(found, permutations)
    packed = struct.pack(f">{len(found)}q", *found)
    return Fingerprint(found, numbers, buckets(numbers, shape), bytearray(blake2b(packed, digest_size=16).digest()))


def shingles(text: str, size: int) -> list[int]:
    """The distinct runs of ``size`` words, each as a signed 64-bit hash, in order. A text with fewer words is one run.

    Words are those of the analysis ``words`` with ``cjk``: lower case, no punctuation, pairs of characters where a script
    has no blanks.

    >>> shingles("a b c", 2) == shingles("A b; b c", 2), len(shingles("a b a b a", 2)), shingles("...", 2)
    (False, 2, [])
    """
    return sorted({_number(run.encode("utf-8", "replace")) for run in runs(text, size)})


def runs(text: str, size: int) -> Iterator[str]:
    """The runs of ``size`` words of a text, as often as they occur.

    >>> list(runs("To be, or not", 3)), list(runs("To be", 3))
    (['to be or', 'be or not'], ['to be'])
    """
    found = list(words(text, cjk=True))
    if found:
        for at in range(max(1, len(found) - size + 1)):
            yield " ".join(found[at : at + size])


def _number(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)


@cache
def factors(permutations: int) -> tuple[array[int], array[int]]:
    """The factors ``a`` (odd) and summands ``b`` of the permutations ``x -> (a * x + b) mod 2**64``: fixed numbers."""
    a, b = array("Q"), array("Q")
    for index in range(permutations):
        drawn = blake2b(b"crawlmill minhash %d" % index, digest_size=16).digest()
        a.append(int.from_bytes(drawn[:8], "big") | 1)
        b.append(int.from_bytes(drawn[8:], "big"))
    return a, b


def signature(numbers: Sequence[int], permutations: int) -> list[int]:
    """The MinHash signature of shingles: of each permutation the upper 32 bits of the smallest ``a * x + b``, where ``x`` is
    the upper half of a shingle (multiply-add-shift, Dietzfelbinger 1996).

    Two signatures agree at a place with the chance of their sets' Jaccard similarity.

    >>> signature([5 << 32, 7 << 32], 3) == [min(pair) for pair in zip(signature([5 << 32], 3), signature([7 << 32], 3))]
    True
    """
    return (_by_numpy if FAST else _by_python)(numbers, permutations)


def _by_python(numbers: Sequence[int], permutations: int) -> list[int]:
    keys = [number >> 32 & 0xFFFFFFFF for number in numbers]
    a, b = factors(permutations)
    return [min((factor * key + summand) & MASK for key in keys) >> 32 for factor, summand in zip(a, b, strict=True)]


def _by_numpy(numbers: Sequence[int], permutations: int) -> list[int]:
    """About ten times as fast; uint64 wraps at 2**64 as the mask does."""
    import numpy

    keys = numpy.array(numbers, dtype=numpy.int64).view(numpy.uint64) >> numpy.uint64(32)
    a, b = (numpy.array(values, dtype=numpy.uint64)[:, None] for values in factors(permutations))
    parts = [(keys[at : at + CHUNK] * a + b).min(axis=1) for at in range(0, len(keys), CHUNK)]
    found: list[int] = (numpy.min(parts, axis=0) >> numpy.uint64(32)).tolist()
    return found


def buckets(numbers: Sequence[int], shape: Shape) -> list[int]:
    """The buckets of a signature, as signed 64-bit numbers; those of different bands differ.

    >>> len(set(buckets([7] * 8, Shape(4, 2))))
    4
    """
    found = []
    for band in range(shape.bands):
        rows = numbers[band * shape.rows : (band + 1) * shape.rows]
        found.append(_number(b"".join(number.to_bytes(4, "big") for number in (band, *rows))))
    return found


def shape_for(threshold: Fraction, permutations: int) -> Shape:
    """Bands with as many rows as can be (so that few other pairs meet) so that a pair at the threshold is found with a
    chance of at least :data:`SURE`.

    >>> shape_for(Fraction(8, 10), 128), shape_for(Fraction(5, 10), 128)
    (Shape(bands=18, rows=7), Shape(bands=42, rows=3))
    """
    for rows in range(permutations, 1, -1):
        shape = Shape(permutations // rows, rows)
        if shape.chance(threshold) >= SURE:
            return shape
    return Shape(permutations, 1)


def shape_of(threshold: Fraction, permutations: int, bands: int | None, rows: int | None) -> Shape:
    """The shape that a user asks for. Raises :class:`UsageError` when the signature is too short for it.

    Args:
        threshold: decides when neither of the other two does.
        permutations: numbers of the signature.
        bands, rows: one of them, or both.
    """
    for name, value in (("permutations", permutations), ("bands", bands), ("rows", rows)):
        if value is not None and value < 1:
            raise UsageError(f"--{name} is {value}", hint="1 is the least")
    if bands is None and rows is None:
        return shape_for(threshold, permutations)
    shape = Shape(bands or permutations // (rows or 1), rows or permutations // (bands or 1))
    if not 1 <= shape.bands * shape.rows <= permutations:
        raise UsageError(
            f"{bands or 'some'} bands of {rows or 'some'} rows do not fit into {permutations} permutations",
            hint="bands * rows is at most --permutations",
        )
    return shape
