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
from typing import Any

from crawlmill.records.http import Headers
from crawlmill.records.record import Record
from crawlmill.sources import Source
from crawlmill.warc.codecs import gzip_codec
from crawlmill.warc.damage import BodyDamage, damage
from crawlmill.warc.digests import digest_damage
from crawlmill.warc.feed import MemberFeed
from crawlmill.warc.reading import Reading
from crawlmill.warc.stream import Item, Parser
from crawlmill.warc.sync import MAGIC, Borders

try:
    import deflate

    _deflate: Any = deflate
except ImportError:  # crawlmill[fast]: faster, never another row
    _deflate = None

FIRST, FIRST_OUT = 640, 2048
"""Compressed bytes of the first inflate of a member, and the most plain bytes it may give: fixed, so that what it
notices is the same in every run."""
STEP = 512
CHUNK = 2 << 20
_LOW = 128 << 10
_SMALL = 4096
_TYPES = {
    name.encode(): name for name in ("warcinfo", "request", "response", "metadata", "revisit", "resource", "conversion")
}
_find_magic = re.compile(MAGIC).search  # half the time of bytes.find


def inflate_member(buf: bytes, start: int, end: int, size: int) -> bytes | bytearray | None:
    """The plain bytes of the member in ``buf[start:end]``; None when it is not sound.

    Sound means: it decodes to ``size`` bytes, and the eight bytes before ``end`` are their CRC32 and ISIZE. libdeflate
    and zlib answer the same: neither is asked where the deflate stream ended.
    """
    if buf[start + 3] or end - start < 20:  # optional header fields: zlib finds its way through them
        return _zlib_member(memoryview(buf)[start:end], size)
    raw = memoryview(buf)[start + 10 : end - 8]
    if _deflate is not None:
        try:
            plain: bytes | bytearray = _deflate.deflate_decompress(raw, size)
        except _deflate.DeflateError:
            return None
        crc = _deflate.crc32(plain)
    else:
        inflate = zlib.decompressobj(-15)
        try:
            plain = inflate.decompress(raw, size + 1)
        except zlib.error:
            return None
        if not inflate.eof:
            return None
        crc = zlib.crc32(plain)
    trailer = crc.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")
    return plain if len(plain) == size and buf[end - 8 : end] == trailer else None


def _zlib_member(raw: memoryview, size: int) -> bytes | None:
    inflate = zlib.decompressobj(31)
    try:
        plain = inflate.decompress(raw, size + 1)
    except zlib.error:
        return None
    return plain if inflate.eof and not inflate.unused_data and len(plain) == size else None


class GzipBlock:
    """The block of a record that is a whole member, ``buf[start:end]``.

    Args:
        buf: bytes of the file.
        start, end: where the member lies in them.
        head: the first plain bytes, when ``inflate`` made them; or all of them.
        skip: length of the record's header in plain bytes.
        size: length of the block.
        inflate: what made the head; None when the head is all.
        limit: bytes of a block that may be loaded.
    """

    def __init__(
        self,
        buf: bytes,
        start: int,
        end: int,
        head: bytes | bytearray,
        skip: int,
        size: int,
        inflate: zlib._Decompress | None,
        limit: int,
    ) -> None:
        self.size = size
        self.length = end - start
        self.loaded = False
        self._buf, self._start, self._skip, self._limit = buf, start, skip, limit
        self._head, self._inflate = head, inflate
        self._whole: bytes | bytearray | None = head if inflate is None else None
        self._fed = FIRST

    def peek(self, count: int) -> bytes:
        skip = self._skip
        if self._whole is not None:
            return bytes(self._whole[skip : skip + min(count, self.size)])
        wanted = skip + min(count, self.size)
        if len(self._head) < wanted:
            self._inflate_more(wanted)
        return bytes(self._head[skip : skip + self.size])

    def _inflate_more(self, wanted: int) -> None:
        """Go on from the first inflate in fixed steps: what they notice is the same whoever asks."""
        inflate, buf, end = self._inflate, self._buf, self._start + self.length
        if inflate is None:
            raise BodyDamage("body")
        try:
            while len(self._head) < wanted and not inflate.eof:
                data = inflate.unconsumed_tail
                if not data:
                    at = self._start + self._fed
                    data = buf[at : min(at + STEP, end)]
                    self._fed += STEP
                    if not data:
                        break
                self._head += inflate.decompress(data, FIRST_OUT)
        except zlib.error:
            self._inflate = None
            raise BodyDamage("body") from None

    def sound(self) -> bool:
        """Whether the member decodes whole, from its first byte to its last."""
        if self._whole is None:
            self._whole = self._member()
        return self._whole is not None

    def load(self, start: int = 0) -> bytes:
        self.loaded = True
        if self._whole is None:
            if self.size > self._limit:
                raise BodyDamage("oversized")
            self._whole = self._member() or self._first_of_two()
            if self._whole is None:
                raise BodyDamage("body")
        return bytes(memoryview(self._whole)[self._skip + start : self._skip + self.size])

    def _member(self) -> bytes | bytearray | None:
        return inflate_member(self._buf, self._start, self._start + self.length, self._skip + self.size + 4)

    def _first_of_two(self) -> bytes | None:
        """Where the magic after a member is damaged, its span may hold a second one of its size: the first may be whole."""
        inflate, size = zlib.decompressobj(31), self._skip + self.size + 4
        try:
            plain = inflate.decompress(memoryview(self._buf)[self._start : self._start + self.length], size + 1)
        except zlib.error:
            return None
        return plain if inflate.eof and len(plain) == size else None


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
        only_json = reading.only_json
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
                inflate = inflater(31)
                try:
                    head = inflate.decompress(buf[pos : pos + FIRST], FIRST_OUT)
                except zlib.error:
                    yield from self._slow()
                    continue
            end = head.find(b"\r\n\r\n", 0, FIRST_OUT) + 2
            at = head.find(b"\r\nContent-Length: ", 0, end) + 18
            digits = head[at : head.find(b"\r\n", at, end)]
            if at < 18 or not digits.isdigit() or len(digits) > 15 or not head.startswith(b"WARC/"):
                if head or inflate is None or not inflate.eof:
                    yield from self._slow()
                else:
                    self._pos = min(pos + FIRST, len(buf)) - len(inflate.unused_data)
                    reading.empty_members += 1
                continue
            size = int(digits)
            length = end + size + 6
            if inflate is not None and inflate.eof:
                after = min(pos + FIRST, len(buf)) - len(inflate.unused_data)
                if len(head) != length:
                    yield from self._slow()
                    continue
            else:
                if inflate is not None:
                    found = _find_magic(buf, pos + 18, pos + length + length // 1000 + 4096)
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
                        yield from self._slow()
                        continue
                    yield from digest_damage(record)
            types[kind] = types.get(kind, 0) + 1
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
        found = _find_magic(buf, pos + 18) if buf.startswith(MAGIC, pos) else None
        if found is None:
            return None, -1
        after = found.start()
        trailer = buf[after - 8 : after]
        size = int.from_bytes(trailer[4:], "little")
        if size > min(self.reading.max_record, 1032 * (after - pos)):
            return None, -1
        if after - pos < _SMALL and buf.find(trailer, pos, after) < after - 8:
            return None, -1  # perhaps two equal members, the second without its magic: the first inflate would see it
        return inflate_member(buf, pos, after, size), after

    def _far_end(self, length: int) -> int:
        """Where the member ends (from the start of the buffer) that has no magic after it in the buffer; -1: look inside."""
        window = length + length // 1000 + 4096
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
        return self._borders.member(start).end == start + block.length

    def _slow(self) -> Iterator[Item]:
        """Inflate the member at the position to its end, hand out its records, and find a way on if it is damaged."""
        reading, uri = self.reading, self.source.uri
        feed = MemberFeed(self.source, gzip_codec(), self._base + self._pos, self.limit, self._borders.behind)
        parser = Parser(uri, feed, reading.max_record, "truncated" if self.limit is None else "length")
        yield from counted(parser.records_of_member(), reading)
        reading.empty_members += feed.empty
        if feed.failed is None:
            self._go(feed.next_offset)
            return
        at = feed.failed.offset
        border = self._borders.next(at + 1)
        if not MAGIC.startswith(self.source.read_at(at, 3)):  # fewer than three bytes: the file ends in them
            kind = "junk"
        elif feed.failed.cut:
            kind = "truncated"
        else:
            kind = "corrupt"
        yield damage(uri, at, border - at, kind, records=self._borders.whole_records(at + 1, border))
        self._go(border)


def counted(items: Iterator[Item], reading: Reading) -> Iterator[Item]:
    """Count records by type and pass on those that are wanted; with ``full``, their bad digests too."""
    types, wanted = reading.types, reading.wanted
    for item in items:
        if isinstance(item, Record):
            if reading.full:
                yield from digest_damage(item)
            types[item.type] = types.get(item.type, 0) + 1
            if wanted is not None and item.type not in wanted:
                continue
            if item.type in reading.only_json and b"json" not in item.head.lower():
                continue
        yield item
