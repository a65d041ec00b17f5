"""From an opened archive and the ranges that an index names to the records that begin there, and damage.

The range says how much to fetch, the file says what is there: a record is handed out as a walk over the whole file would,
whatever length the index has. Near ranges are fetched by one request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile
from typing import NamedTuple

from crawlmill.records.record import Record
from crawlmill.stores import Source
from crawlmill.warc.codecs import GZIP, GZIP_CODEC
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.feed import PlainFeed
from crawlmill.warc.heads import declared_length
from crawlmill.warc.layout import begins_archive, is_compressed
from crawlmill.warc.members import Walk, asked, counted
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item, Parser
from crawlmill.warc.walk import walk

NEAR = 256 << 10
"""Bytes between two ranges up to which they are fetched together: a request costs as much time as reading them, and more."""
MOST = 8 << 20
"""Bytes that are fetched at once, at most; a longer range is read piece by piece."""
_TAIL = 4  # line ends after a plain record, which an index may count as its
_START = 1 << 12
_SHORT = 64  # bytes: no record is, and an index that says so is wrong
Ranges = tuple[tuple[int, int], ...]
"""Offset and length of records, in bytes of the file as stored; by offset, each offset once."""


class Run(NamedTuple):
    """Ranges that are fetched together, and the bytes from the first to the last."""

    start: int
    end: int
    ranges: list[tuple[int, int]]


def in_order(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges by offset, each offset once; of two lengths the larger.

    >>> in_order([(500, 20), (0, 500), (500, 30)])
    ((0, 500), (500, 30))
    """
    return tuple(dict(sorted(ranges)).items())


def runs(ranges: Sequence[tuple[int, int]], most: int = MOST) -> Iterator[Run]:
    """Near ranges together, up to ``most`` bytes.

    >>> [(run.start, run.end, len(run.ranges)) for run in runs([(0, 10), (90, 10), (9_000_000, 10)])]
    [(0, 100, 2), (9000000, 9000010, 1)]
    """
    kept: Run | None = None
    for offset, length in ranges:
        end = offset + length
        if kept is not None and offset - kept.end <= NEAR and end - kept.start <= most:
            kept = Run(kept.start, max(end, kept.end), [*kept.ranges, (offset, length)])
            continue
        if kept is not None:
            yield kept
        kept = Run(offset, end, [(offset, length)])
    if kept is not None:
        yield kept


def read_span(
    source: Source, start: int, end: int | None, ranges: Sequence[tuple[int, int]] | None, reading: Reading
) -> Iterator[Item]:
    """The records and the damage of a split: of its whole span, or of the ranges in it."""
    return walk(source, start, end, reading) if ranges is None else walk_ranges(source, ranges, reading)


def walk_ranges(source: Source, ranges: Sequence[tuple[int, int]], reading: Reading) -> Iterator[Item]:
    """The records that begin at ranges, all of those in a member; and damage.

    Args:
        source: the opened archive.
        ranges: offset and length of each, in order of the offsets.
        reading: what is asked for; its counters are filled with what begins at ranges.

    Yields:
        Records (valid until the next one) and damage rows. They come in file order, but for those of layouts of which one
        cannot read a part (a zstd dictionary, ARC members, records over the borders of members): those come last, by a
        walk from the start of the file.
    """
    size = source.size()
    if size == 0 or (size is None and not source.read_at(0, 1)):
        yield damage(source.uri, 0, 0, "empty")
        return
    size = source.size()
    for offset, length in ranges:  # any numbers that a table holds: those of an index may be wrong
        end = offset + length if size is None else min(offset + length, size)
        reading.bytes += max(0, end - max(0, offset))
    apart: list[tuple[int, int]] = []
    for run in runs(ranges):
        view = _fetched(source, run)
        for offset, length in run.ranges:
            found = _at(source, view, offset, length, reading)
            if found is None:
                apart.append((offset, length))
            else:
                yield from asked(found, reading)
    if apart:
        yield from asked(_from_the_start(source, dict(apart), reading), reading)


class _Fetched:
    """A source of which some bytes were fetched already."""

    def __init__(self, source: Source, start: int, data: bytes) -> None:
        self.uri = source.uri
        self._source, self._start, self._data = source, start, data

    def read_at(self, offset: int, count: int) -> bytes:
        at = offset - self._start
        if at >= 0 and (at + count <= len(self._data) or self._start + len(self._data) == self.size()):
            return self._data[at : at + count]
        return self._source.read_at(offset, count)

    def size(self) -> int | None:
        return self._source.size()

    def close(self) -> None:
        pass  # the source is its opener's


def _fetched(source: Source, run: Run) -> Source:
    count = run.end - run.start
    return source if count > MOST else _Fetched(source, run.start, source.read_at(run.start, count))


def _at(source: Source, view: Source, offset: int, length: int, reading: Reading) -> Iterator[Item] | None:
    """What begins at a range; None where only a walk from the start of the file can tell."""
    start = view.read_at(offset, min(length, _START) if length > _SHORT else _START)
    gzip = start.startswith(GZIP)
    plain = GZIP_CODEC.plain(start, len(b"WARC/")) if gzip else start
    if not plain.startswith(b"WARC/"):
        if plain if gzip else is_compressed(start) or begins_archive(start):
            return None
        return iter([damage(source.uri, offset, length, "range")])
    size = source.size()
    limit = None if size is not None and offset + length >= size else offset + length
    alone = _records(view, gzip, offset, limit, reading)
    first, fits = _first(alone, offset, length, gzip)
    beyond = _records(source, gzip, offset, None, reading)  # the same walk with no end: the file has the say
    if fits:
        return chain(first, _more(alone, islice(beyond, len(first), None), offset))
    first, fits = _first(beyond, offset, length, gzip)
    wrong = damage(source.uri, offset, length, "range")
    if not first or first[-1].offset != offset:
        return iter([wrong])
    evidence = [wrong] if not fits and isinstance(first[-1], Record) else []
    return chain(evidence, first, _more(beyond, beyond, offset))


def _more(alone: Iterator[Item], beyond: Iterator[Item], offset: int) -> Iterator[Item]:
    """What else begins at an offset, if anything in the range does: the last of it may go on behind the range."""
    if alone is beyond or next(alone, None) is not None:
        yield from takewhile(lambda item: item.offset == offset, beyond)


def _records(source: Source, gzip: bool, offset: int, limit: int | None, reading: Reading) -> Iterator[Item]:
    scratch = Reading(max_record=reading.max_record, full=reading.full)
    if gzip:
        return iter(Walk(source, offset, limit, scratch))
    kind = "truncated" if limit is None else "length"
    return counted(
        Parser(source.uri, PlainFeed(source, offset, limit), reading.max_record, kind).all_records(), scratch
    )


def _first(items: Iterator[Item], offset: int, length: int, gzip: bool) -> tuple[list[Item], bool]:
    """The items up to the first record, or the first damage that is no mere evidence; and whether they are a whole record
    of the range's length."""
    found: list[Item] = []
    for item in items:
        found.append(item)
        if isinstance(item, Damage) and item.kind == "digest":
            continue
        if isinstance(item, Damage) or item.offset != offset or not item.complete:
            return found, False
        if declared_length(item.headers.get("Content-Length")) is None:
            return found, False  # it goes on to what seems to be the next one, which may lie behind the range
        return found, item.length == length if gzip else item.length <= length <= item.length + _TAIL
    return found, False


def _from_the_start(source: Source, ranges: dict[int, int], reading: Reading) -> Iterator[Item]:
    """The records at ranges, and the damage that they lie in, by a walk over all that is before them."""
    last, missing = max(ranges), dict(ranges)
    scratch = Reading(max_record=reading.max_record, full=reading.full)
    for item in walk(source, 0, None, scratch):
        if item.offset > last:
            break
        if isinstance(item, Damage):
            inside = [offset for offset in missing if item.offset <= offset < item.offset + max(item.length, 1)]
            for offset in inside:
                del missing[offset]
            if inside or item.offset in ranges:
                yield item
        elif item.offset in ranges:
            missing.pop(item.offset, None)
            yield item
    for offset, length in missing.items():
        yield damage(source.uri, offset, length, "range")
