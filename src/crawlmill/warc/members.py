"""Records of a .warc.gz file, inflating only what is touched: the fast walk over members that hold one record each.

Where the member ends is known without inflating it. A gzip member ends with CRC32 and ISIZE, its plain size mod 2**32
(RFC 1952, 2.3.1), and the next begins with ``1f 8b 08``. The header of the record says what ISIZE must be. So: if the
first inflate reached the end, there; else at the first magic after it, in a window that deflate cannot exceed, if ISIZE
before it fits; else (a chance magic, several records in the member, damage) the member goes the slow way, inflated to
its end. Looking for ISIZE and magic together would be simpler, and would pass over members in silence where a magic is
damaged.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from crawlmill.records.http import Headers
from crawlmill.records.record import Record
from crawlmill.stores import Source
from crawlmill.warc.blocks import FIRST, FIRST_OUT, GzipBlock, inflate_member
from crawlmill.warc.codecs import GZIP, GZIP_CODEC, BadData, may_begin
from crawlmill.warc.damage import Damage, damage
from crawlmill.warc.digests import digest_damage
from crawlmill.warc.feed import FeedError, Place
from crawlmill.warc.heads import WARC
from crawlmill.warc.member_feed import MemberFeed
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item, Parser, Piece, Unfinished
from crawlmill.warc.sync import Borders

CHUNK = 2 << 20
_LOW = 128 << 10
_SMALL = 4096
_TYPES = {
    name.encode(): name for name in ("warcinfo", "request", "response", "metadata", "revisit", "resource", "conversion")
}
_find_magic = re.compile(GZIP).search  # half the time of bytes.find


def _window(size: int) -> int:
    """Compressed bytes that a member of so many plain bytes does not exceed, its header and the next magic among them."""
    return size + size // 1000 + 4096


class Walk:
    """One walk over the members of a file.

    Args:
        source: the file.
        start: a border to start at, in bytes.
        limit: a strong border to stop before; None for the end of the file.
        reading: what is asked for; its counters are filled.
    """

    def __init__(self, source: Source, start: int, limit: int | None, reading: Reading) -> None:
        self.source, self.limit, self.reading = source, limit, reading
        self._bodies = False  # the analyses touch bodies: members are inflated whole at once
        self._borders = Borders(source, limit)
        self._buf, self._base, self._pos, self._ended = b"", start, 0, False

    def __iter__(self) -> Iterator[Item]:
        """The records and the damage, in file order."""
        reading, uri, inflater = self.reading, self.source.uri, zlib.decompressobj
        types, wanted, largest, full = reading.types, reading.wanted, reading.max_record, reading.full
        only_json, trace = reading.only_json, reading.trace
        while True:
            buf, pos = self._buf, self._pos
            if len(buf) - pos < _LOW and not self._ended:
                self._fill(CHUNK)
                buf, pos = self._buf, self._pos
            if pos >= len(buf):
                return
            inflate = None
            head, magic = self._whole_at(buf, pos) if self._bodies else (None, -1)
            if head is None:
                first = buf[pos : pos + FIRST]
                if (
                    len(first) < FIRST and self.limit is not None
                ):  # what a hit member decodes to must not depend on the limit
                    first += self.source.read_at(self.limit, FIRST - len(first))
                inflate = inflater(31)
                try:
                    head = inflate.decompress(first, FIRST_OUT)
                except zlib.error:
                    yield from self._slow()
                    continue
            end = head.find(b"\r\n\r\n", 0, FIRST_OUT) + 2
            at = head.find(b"\r\nContent-Length: ", 0, end) + 18
            digits = head[at : head.find(b"\r\n", at, end)]
            if at < 18 or not digits.isdigit() or len(digits) > 15 or head.rfind(b"WARC/", 0, end):
                if head or inflate is None or not inflate.eof:
                    yield from self._slow()
                else:
                    self._pos = pos + len(first) - len(inflate.unused_data)
                    reading.empty_members += 1
                continue
            size = int(digits)
            length = end + size + 6
            if inflate is not None and inflate.eof:
                after = pos + len(first) - len(inflate.unused_data)
                if len(head) != length:
                    yield from self._slow()
                    continue
            else:
                if inflate is not None:
                    found = _find_magic(buf, pos + 18, pos + length + length // 1000 + 4096)  # _window
                    magic = found.start() if found is not None else -1
                after = magic if magic >= 0 else self._far_end(length)
                buf, pos = self._buf, self._pos
                if after < 0 or (
                    after <= len(buf) and buf[after - 4 : after] != (length & 0xFFFFFFFF).to_bytes(4, "little")
                ):
                    yield from self._slow()
                    continue

            at = head.find(b"\r\nWARC-Type: ", 0, end) + 13
            stop = head.find(b"\r\n", at)
            kind = _TYPES.get(bytes(head[at:stop])) if at > 12 and head[stop + 2] not in b" \t" else None
            if kind is None:
                kind = (Headers(bytes(head[:end])).get("WARC-Type") or "").lower()
            asked = wanted is None or kind in wanted
            if asked and kind in only_json and b"json" not in head[:end].lower():
                asked = False
            if asked or full:
                block = GzipBlock(buf, pos, after, head, end + 2, size, inflate, largest)
                record = Record(uri, self._base + pos, after - pos, 0, kind, bytes(head[:end]), block)
                if full:
                    if not self._sound(block):
                        yield from self._unsound(after)
                        continue
                    yield from digest_damage(record)
            types[kind] = types.get(kind, 0) + 1
            if trace is not None:
                trace.append(Piece("record", -1, self._base + pos, self._base + after))
            if asked:
                yield record
                self._bodies = block.loaded
            if after <= len(buf):
                self._pos = after
            else:
                self._go(self._base + after)

    def _fill(self, count: int) -> None:
        """Read on, dropping what lies before the position."""
        at = self._base + len(self._buf)
        wanted = count if self.limit is None else min(count, self.limit - at)
        data = self.source.read_at(at, wanted) if wanted > 0 else b""
        self._ended = len(data) < count
        self._buf = self._buf[self._pos :] + data if self._pos < len(self._buf) else data
        self._base += self._pos
        self._pos = 0

    def _go(self, at: int) -> None:
        """Move on to an offset of the file."""
        if at <= self._base + len(self._buf):
            self._pos = at - self._base
        else:
            self._buf, self._base, self._pos, self._ended = b"", at, 0, False

    def _whole_at(self, buf: bytes, pos: int) -> tuple[bytes | bytearray | None, int]:
        """The member at ``pos`` inflated whole, when the next magic ends it, and where that is: cheaper than its beginning
        first, and then all of it. What this cannot decide, the usual way decides."""
        found = _find_magic(buf, pos + 18) if buf.startswith(GZIP, pos) else None
        if found is None:
            return None, -1
        after = found.start()
        trailer = buf[after - 8 : after]
        size = int.from_bytes(trailer[4:], "little")
        if size > min(self.reading.max_record, 1032 * (after - pos)):
            return None, -1
        if size <= FIRST_OUT or after + len(GZIP) > pos + _window(size):
            return None, -1  # the first inflate may see where the stream ends, and bytes between that and the trailer
        if after - pos < _SMALL and buf.find(trailer, pos, after) < after - 8:
            return None, -1  # perhaps two equal members, the second without its magic: the first inflate would see it
        return inflate_member(buf, pos, after, size), after

    def _far_end(self, length: int) -> int:
        """Where the member ends (from the start of the buffer) that has no magic after it in the buffer; -1: look inside."""
        window = _window(length)
        if self._ended or len(self._buf) >= self._pos + window:
            return len(self._buf) if self._ended and self._pos + window >= len(self._buf) else -1
        if length <= self.reading.max_record:
            self._fill(self._pos + window - len(self._buf))
            found = _find_magic(self._buf, 18, window)
            return found.start() if found is not None else self._far_end(length)
        start = self._base + self._pos
        after = self._borders.magic(start + 18)
        if after is None:
            after = self._borders.end()
        if after - start > window or self.source.read_at(after - 4, 4) != (length & 0xFFFFFFFF).to_bytes(4, "little"):
            return -1
        return after - self._base

    def _sound(self, block: GzipBlock) -> bool:
        """Whether the member decodes whole (``--check full``)."""
        if block.size <= self.reading.max_record:
            return block.sound()
        start = self._base + self._pos
        return _decodes(self.source, start, start + block.length)

    def _unsound(self, after: int) -> Iterator[Item]:
        """A member that does not decode whole although its end is known (``--check full``): reading goes on there."""
        start, end = self._base + self._pos, self._base + after
        if self._borders.member(start) is not None:
            yield from self._slow()  # it ends before, and something else stands between
            return
        if self.reading.trace is not None:
            self.reading.trace.append(Piece("lost", -1, start, end))
        yield damage(
            self.source.uri, start, end - start, "corrupt", records=self._borders.whole_records(start + 1, end)
        )
        self._go(end)

    def _slow(self) -> Iterator[Item]:
        """Inflate the member at the position to its end, hand out its records, and find a way on if it is damaged."""
        reading, uri = self.reading, self.source.uri
        start, behind = self._base + self._pos, self._borders.behind
        feed = MemberFeed(self.source, GZIP_CODEC, start, self.limit, WARC.opens, behind)
        kind = "truncated" if self.limit is None else "length"
        parser = Parser(uri, feed, reading.max_record, kind, trace=reading.trace)
        yield from counted(parser.records_of_member(), reading)
        if feed.failed is None or feed.next_offset < feed.failed.offset:  # what failed lies further on
            reading.empty_members += feed.empty(feed.next_offset)
            self._go(feed.next_offset)
            return
        reading.empty_members += feed.empty(feed.failed.offset)
        border = self._borders.next(feed.failed.offset + 1)
        yield failure(self.source, parser, feed.failed, border, self._borders)
        self._go(border)


def _decodes(source: Source, start: int, end: int) -> bool:
    """Whether the member at an offset decodes whole and ends at another, however large it is."""
    decoder, at = GZIP_CODEC.make(), start
    try:
        while at < end and not decoder.eof:
            data = source.read_at(at, GZIP_CODEC.step)
            if not data:
                return False
            at += len(data)
            for _ in decoder.feed(data):
                pass
    except BadData:
        return False
    return decoder.eof and at - len(decoder.unused) == end


def failure(source: Source, parser: Parser, failed: FeedError, border: int, borders: Borders) -> Damage:
    """The row of a member that does not decode, up to the border where reading goes on; it begins with what was open."""
    at = failed.offset
    open_item = parser.open or Unfinished(Place(at, None), parser.next_ordinal(at))
    if parser.trace is not None:
        parser.trace.append(Piece("lost", -1, at, border))
    if failed.large:
        kind = "oversized"
    elif not may_begin(borders.codec, source.read_at(at, 16)):
        kind = "junk"
    else:
        kind = "truncated" if failed.cut and border == borders.end() else "corrupt"
    start = open_item.place.offset
    records = borders.whole_records(at + 1, border)
    return damage(source.uri, start, border - start, kind, ordinal=open_item.ordinal, records=records)


def counted(items: Iterator[Item], reading: Reading) -> Iterator[Item]:
    """Count records by type and pass on those that are wanted; with ``full``, their bad digests too."""
    return asked(_with_digests(items) if reading.full else items, reading)


def asked(items: Iterator[Item], reading: Reading) -> Iterator[Item]:
    """Count records by type and pass on those that are wanted."""
    types, wanted = reading.types, reading.wanted
    for item in items:
        if isinstance(item, Record):
            types[item.type] = types.get(item.type, 0) + 1
            if wanted is not None and item.type not in wanted:
                continue
            if item.type in reading.only_json and b"json" not in item.head.lower():
                continue
        yield item


def _with_digests(items: Iterator[Item]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Record):
            yield from digest_damage(item)
        yield item
