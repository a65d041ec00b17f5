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
    first = plain_border(source, start)
    if first is None or (start and first == source.size()):
        return
    parser = Parser(source.uri, PlainFeed(source, first, None), reading.max_record, arc=arc, trace=reading.trace)
    before = _Before(parser.all_records(), None if arc else end)
    yield from counted(iter(before), reading)
    limit = source.size() if before.limit is None else before.limit
    reading.bytes = 0 if limit is None else limit - first


class _Before:
    """The items of a plain file before its first record at or after ``end`` (bytes; None: all of them). What comes before that
    record does not depend on it: damage behind ``end`` is held back until the record's place is known.

    Attributes:
        limit: where that record begins; None while there is none.
    """

    def __init__(self, items: Iterator[Item], end: int | None) -> None:
        self._items, self._end = items, end
        self.limit: int | None = None

    def __iter__(self) -> Iterator[Item]:
        end, held = self._end, []
        for item in self._items:
            if end is None or item.offset < end:
                yield item
            elif isinstance(item, Damage):
                held.append(item)
            else:
                self.limit = item.offset
                break
        yield from (item for item in held if self.limit is None or item.offset < self.limit)


def plain_border(source: Source, at: int) -> int | None:
    """The first record of an uncompressed WARC at or after ``at``, by walking the headers from the start; the size of the
    file when there is none. A nested plain record looks like a real one for ever, so there is no looking for ``WARC/``."""
    if at == 0:
        return 0
    for item in Parser(source.uri, PlainFeed(source, 0, None), 0).all_records():
        if not isinstance(item, Damage) and item.offset >= at:
            return item.offset
    return source.size()
