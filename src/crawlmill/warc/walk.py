"""From an opened archive and a span of it to records and damage: the layout is chosen by the bytes, never by the name."""

from __future__ import annotations

from collections.abc import Iterator

from crawlmill.stores import Source
from crawlmill.warc.arc import ARC
from crawlmill.warc.codecs import Codec
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.feed import PlainFeed
from crawlmill.warc.heads import WARC
from crawlmill.warc.layout import Layout, find_layout, what_it_is
from crawlmill.warc.member_feed import MemberFeed
from crawlmill.warc.members import Walk, counted, failure
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item, Parser
from crawlmill.warc.sync import Borders


def walk(source: Source, start: int, end: int | None, reading: Reading) -> Iterator[Item]:
    """The records and the damage whose borders lie in ``[sync(start), sync(end))``.

    Args:
        source: the opened archive.
        start: first byte of the split; 0 for the beginning.
        end: byte after the split; None for the end of the file.
        reading: what is asked for; its counters are filled.

    Yields:
        Records (valid until the next one) and damage rows, in file order. Spans that tile a file give its records once.
    """
    if not source.read_at(0, 1):
        if start == 0:
            yield damage(source.uri, 0, 0, "empty")
        return
    size = source.size()
    if end is not None and size is not None and end >= size:
        end = None
    found = find_layout(source)
    if found is None:
        if start == 0:
            kind, detail = what_it_is(source)
            yield damage(source.uri, 0, Borders(source).end(), kind, detail=detail)
            reading.bytes = source.size() or 0
    elif found.codec is None:
        yield from _plain(source, start, end, reading, found.arc)
    elif found.codec.name == "gzip" and not found.arc:
        yield from _members(source, start, end, reading)
    elif start == 0:
        yield from _compressed(source, found.codec, found.arc, reading)
        reading.bytes = source.size() or 0


def layout(source: Source) -> str:
    """``members`` (gzip, a record or more a member), ``plain`` (WARC), ``one`` (cannot be split), or ``other`` (no archive).

    A look at the first bytes, for planning: what it returns never changes a row.
    """
    found = find_layout(source)
    if found is None:
        return "other"
    if found.codec is None:
        return "one" if found.arc else "plain"
    return "members" if splits(source, found) else "one"


def splits(source: Source, found: Layout) -> bool:
    """Whether a compressed archive has more than one place to start at."""
    if found.codec is None or found.codec.name != "gzip" or found.arc:
        return False
    first = Borders(source).member(0)
    return first is None or first.end != source.size()


def _members(source: Source, start: int, end: int | None, reading: Reading) -> Iterator[Item]:
    borders = Borders(source)
    first = 0 if start == 0 else borders.next(start)
    limit = None if end is None else borders.next(end)
    if limit is not None and limit == borders.end():
        limit = None
    if first >= (borders.end() if limit is None and start else limit or first + 1):
        return
    yield from Walk(source, first, limit, reading)
    reading.bytes = (borders.end() if limit is None else limit) - first


def _compressed(source: Source, codec: Codec, arc: bool, reading: Reading) -> Iterator[Item]:
    """Every record of a file that cannot be split; after damage on at the next strong border."""
    grammar, at = ARC if arc else WARC, 0
    borders = Borders(source, codec=codec, grammar=grammar)
    while True:
        feed = MemberFeed(source, codec, at, None, grammar.opens, borders.behind)
        parser = Parser(source.uri, feed, reading.max_record, arc=arc, trace=reading.trace)
        yield from counted(parser.all_records(), reading)
        reading.empty_members += feed.empty(1 << 63)
        if feed.failed is None:
            return
        at = borders.next(feed.failed.offset + 1)
        yield failure(source, parser, feed.failed, at, borders)
        if at == borders.end():
            return


def _plain(source: Source, start: int, end: int | None, reading: Reading, arc: bool) -> Iterator[Item]:
    if arc and start:
        return
    first, limit = plain_borders(source, start, None if arc else end)
    if limit is not None and limit == source.size():
        limit = None
    if first is None or (limit is not None and first >= limit):
        return
    parser = Parser(source.uri, PlainFeed(source, first, None), reading.max_record, arc=arc, trace=reading.trace)
    yield from counted(_before(parser.all_records(), limit), reading)
    size = source.size() if limit is None else limit
    reading.bytes = 0 if size is None else size - first


def _before(items: Iterator[Item], limit: int | None) -> Iterator[Item]:
    """The items of a plain file before the record at ``limit``: what comes before it must not depend on it."""
    for item in items:
        if limit is not None and item.offset >= limit:
            return
        yield item


def plain_borders(source: Source, start: int, end: int | None) -> tuple[int | None, int | None]:
    """The first records of an uncompressed WARC at or after ``start`` and ``end``, by one walk over the headers from the
    start; the size of the file where there is none, None for an ``end`` of None. A nested plain record looks like a real one
    for ever, so there is no looking for ``WARC/``."""
    first = 0 if start == 0 else None
    if first is not None and end is None:
        return first, None
    for item in Parser(source.uri, PlainFeed(source, 0, None), 0).all_records():
        if isinstance(item, Damage):
            continue
        if first is None and item.offset >= start:
            first = item.offset
        if first is not None and (end is None or item.offset >= end):
            return first, None if end is None else item.offset
    size = source.size()
    return size if first is None else first, None if end is None else size
