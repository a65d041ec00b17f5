"""From an opened archive and a span of it to records and damage: the layout is chosen by the bytes, never by the name."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from crawlmill.sources import Source
from crawlmill.warc.codecs import GZIP, Codec, codec_for, gzip_codec
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.feed import MemberFeed, PlainFeed
from crawlmill.warc.members import Walk, counted
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import NEXT_ARC, NEXT_WARC, Item, Parser, arc_head
from crawlmill.warc.sync import MAGIC, Borders

_ARC_STARTS = (b"http", b"filed", b"dns:", b"ftp:")
_READ = 1 << 16
_PAGES = (b"<?xml", b"<!doc", b"<html", b"<erro", b"{")


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
    head = source.read_at(0, 1 << 14)
    if not head:
        if start == 0:
            yield damage(source.uri, 0, 0, "empty")
        return
    size = source.size()
    if end is not None and size is not None and end >= size:
        end = None
    if head.startswith(GZIP):
        items = _gzip(source, start, end, reading)
    else:
        codec = codec_for(head, source.uri)
        if codec is not None:
            if start:
                return
            end, items = None, _compressed(source, codec, reading)
        else:
            items = _plain(source, start, end, reading, _is_arc(head))
    yield from _named(items, source)
    if start == 0 and end is None and not reading.bytes:
        reading.bytes = source.size() or 0


def layout(source: Source) -> str:
    """``members`` (gzip, a record or more a member), ``plain`` (WARC), ``one`` (cannot be split), or ``other`` (no archive).

    A look at the first bytes, for planning: what it answers never changes a row.
    """
    head = source.read_at(0, 1 << 10)
    if head.startswith(GZIP):
        first = Borders(source).member(0)
        return "members" if first.warc and first.end != source.size() else "one"
    if codec_for_quiet(head):
        return "one"
    plain = head.lstrip(b"\r\n")
    return "plain" if plain.startswith(b"WARC/") else "one" if _is_arc(plain) else "other"


def is_archive(source: Source) -> bool:
    """Whether the first bytes are those of a web archive, compressed or not."""
    head = source.read_at(0, 1 << 16)
    return is_plain_archive(first_plain(head, source.uri) if codec_for_quiet(head) else head)


def is_plain_archive(plain: bytes) -> bool:
    """Whether plain bytes begin a WARC or an ARC."""
    plain = plain.lstrip(b"\r\n")
    return plain.startswith(b"WARC/") or (plain.startswith(_ARC_STARTS) and _is_arc(plain))


def codec_for_quiet(head: bytes) -> bool:
    """Whether these bytes begin a compressed file, without loading its decoder."""
    return (
        head.startswith((GZIP, b"BZh", b"\xfd7zXZ\x00", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd"))
        or head[1:4] == b"\x2a\x4d\x18"
    )


def first_plain(head: bytes, uri: str) -> bytes:
    """The first plain bytes of a compressed file, as far as they can be had from ``head``."""
    if head.startswith(GZIP):
        try:
            return zlib.decompressobj(31).decompress(head, 1 << 16)
        except zlib.error:
            return b""
    if head[1:4] == b"\x2a\x4d\x18":
        return b"WARC/"  # a dictionary frame: only web archives have one
    codec = codec_for(head, uri)
    if codec is None:
        return head
    try:
        return codec().decompress(head)
    except codec.errors:
        return b""


def _is_arc(plain: bytes) -> bool:
    """Whether plain bytes are ARC: they begin with a URL line, or with junk before the first one."""
    if plain.startswith(_ARC_STARTS) and arc_head(plain[: plain.find(b"\n") + 1]) is not None:
        return True
    return not plain.startswith(b"WARC/") and NEXT_ARC.search(plain) is not None and NEXT_WARC.search(plain) is None


def _gzip(source: Source, start: int, end: int | None, reading: Reading) -> Iterator[Item]:
    borders = Borders(source)
    first = 0 if start == 0 else borders.next(start)
    limit = None if end is None else borders.next(end)
    if limit is not None and limit == borders.end():
        limit = None
    if first >= (borders.end() if limit is None and start else limit or first + 1):
        return
    if first == 0 and _is_arc(first_plain(source.read_at(0, 1 << 16), source.uri)):
        yield from _compressed(source, gzip_codec(), reading, arc=True)
        return
    yield from Walk(source, first, limit, reading)
    reading.bytes = (borders.end() if limit is None else limit) - first


def _compressed(source: Source, codec: Codec, reading: Reading, arc: bool | None = None) -> Iterator[Item]:
    """Every record of a file that cannot be split; after damage on at the next gzip member that decodes."""
    at = 0
    while True:
        feed = MemberFeed(source, codec, at, None)
        if arc is None:
            feed.grow(1 << 12)
            arc = _is_arc(feed.buf[:4096].lstrip(b"\r\n"))
        parser = Parser(source.uri, feed, reading.max_record, arc=arc)
        yield from counted(parser.all_records(), reading)
        reading.empty_members += feed.empty
        if feed.failed is None:
            return
        borders = Borders(source, starts=_ARC_STARTS)
        at = borders.next(feed.failed.offset + 1) if codec.name == "gzip" else borders.end()
        kind = "truncated" if feed.failed.cut and at == borders.end() else "corrupt"
        if codec.name == "gzip" and source.read_at(feed.failed.offset, 3) != MAGIC:
            kind = "junk"
        yield damage(source.uri, feed.failed.offset, at - feed.failed.offset, kind)
        if at == borders.end():
            return


def _plain(source: Source, start: int, end: int | None, reading: Reading, arc: bool) -> Iterator[Item]:
    if arc and start:
        return
    first = plain_border(source, start)
    limit = None if end is None or arc else plain_border(source, end)
    if limit is not None and limit == source.size():
        limit = None
    if first is None or (limit is not None and first >= limit):
        return
    size = source.size() if limit is None else limit
    reading.bytes = 0 if size is None else size - first
    feed = PlainFeed(source, first, limit)
    parser = Parser(source.uri, feed, reading.max_record, "truncated" if limit is None else "length", arc=arc)
    yield from counted(parser.all_records(), reading)


def plain_border(source: Source, at: int) -> int | None:
    """The first record of an uncompressed WARC at or after ``at``, by walking the headers from the start; the size of the
    file when there is none. A nested plain record looks like a real one for ever, so there is no looking for ``WARC/``."""
    if at == 0:
        return 0
    for item in Parser(source.uri, PlainFeed(source, 0, None), 0).all_records():
        if not isinstance(item, Damage) and item.offset >= at:
            return item.offset
    return source.size()


def _named(items: Iterator[Item], source: Source) -> Iterator[Item]:
    """Junk from the first byte to the last is no archive at all: say what it looks like instead."""
    first = next(items, None)
    if isinstance(first, Damage) and first.kind == "junk" and first.offset < _READ:
        end = first.offset + first.length
        start = source.read_at(0, _READ)
        if end == source.size() and not start[: first.offset].strip(b"\r\n"):
            plain = (first_plain(start, source.uri) if codec_for_quiet(start) else start).lstrip()[:5].lower()
            first = damage(source.uri, 0, end, "page" if plain.startswith(_PAGES) else "format")
    if first is not None:
        yield first
        yield from items
