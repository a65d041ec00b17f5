"""Strong borders: the places of a .warc.gz file where a reader may start, whatever lies before them.

A border is a gzip member from which on non-empty members decode one after the other, whole, with good CRC, each
beginning with ``WARC/`` and with at most 256 bytes of optional gzip header fields, over more than 65,535 compressed
bytes or to the end of the file. The length is not taste: deflate keeps incompressible bytes raw, so the members of a
``.warc.gz`` that is the payload of a record stand byte for byte inside the outer member; but a stored block has at most
65,535 bytes (RFC 1951, 3.2.4), and its header falls into some member of a longer chain and breaks it.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from crawlmill.sources import Source

MAGIC = b"\x1f\x8b\x08"
CHAIN = 65_535
HEADER_FIELDS = 256
_READ = 1 << 16
_SCAN = 1 << 20


class Member(NamedTuple):
    """What decoding one gzip member showed: its end in the file (None when it does not decode whole) and its start."""

    end: int | None
    warc: bool
    empty: bool
    cut: bool


class Borders:
    """Strong borders of one file; what was decoded once is remembered, so a scan over damage stays linear.

    Args:
        source: the file.
        limit: where the file is taken to end (a strong border, or None for its real end).
        starts: the five bytes that a record may begin with.
    """

    def __init__(self, source: Source, limit: int | None = None, starts: tuple[bytes, ...] = (b"WARC/",)) -> None:
        self._source = source
        self._limit = limit
        self._starts = starts
        self._members: dict[int, Member] = {}

    def next(self, at: int) -> int:
        """The first strong border at or after ``at`` (bytes), however far; else the size of the file."""
        while True:
            candidate = self.magic(at)
            if candidate is None or self._strong(candidate):
                return self.end() if candidate is None else candidate
            at = candidate + 1

    def behind(self, at: int) -> bool:
        """Whether a strong border lies behind ``at``."""
        return self.next(at + 1) < self.end()

    def whole_records(self, at: int, end: int) -> int:
        """How many members between two offsets decode whole and begin with ``WARC/``."""
        count = 0
        while True:
            candidate = self.magic(at)
            if candidate is None or candidate >= end:
                return count
            member = self.member(candidate)
            if member.end is not None and member.end <= end:
                count += member.warc
                at = member.end
            else:
                at = candidate + 1

    def magic(self, at: int) -> int | None:
        """The first gzip magic at or after ``at``; None when there is none before the end."""
        while True:
            count = _SCAN if self._limit is None else min(_SCAN, self._limit - at)
            data = self._source.read_at(at, count) if count > 0 else b""
            found = data.find(MAGIC)
            if found >= 0:
                return at + found
            if len(data) < _SCAN:
                return None
            at += len(data) - 2

    def member(self, at: int) -> Member:
        """Decode the member at ``at`` to its end, keeping nothing."""
        known = self._members.get(at)
        if known is None:
            if len(self._members) > 100_000:
                self._members.clear()
            known = self._members[at] = self._decode(at)
        return known

    def _strong(self, candidate: int) -> bool:
        at, records = candidate, 0
        while at - candidate <= CHAIN:
            member = self.member(at)
            if member.end is None or not (member.warc or member.empty):
                return False
            records += member.warc
            if at == candidate and not member.warc:
                return False
            at = member.end
            if self._at_end(at):
                break
        return records > 0

    def _decode(self, at: int) -> Member:
        inflate, where, start = zlib.decompressobj(31), at, b""
        try:
            while not inflate.eof:
                data = self._source.read_at(where, _READ if self._limit is None else min(_READ, self._limit - where))
                if not data:
                    return Member(None, start.startswith(self._starts), not start, True)
                if where == at and not _plain_header(data):
                    return Member(None, False, False, False)
                where += len(data)
                while data and not inflate.eof:
                    plain = inflate.decompress(data, 1 << 18)
                    if len(start) < 5:
                        start += plain[: 5 - len(start)]
                    data = inflate.unconsumed_tail
                if len(start) == 5 and not start.startswith(self._starts):
                    return Member(None, False, False, False)  # no border whatever follows: spare the inflating
        except zlib.error:
            return Member(None, start.startswith(self._starts), False, False)
        return Member(where - len(inflate.unused_data), start.startswith(self._starts), not start, False)

    def _at_end(self, at: int) -> bool:
        return at == self._limit if self._limit is not None else not self._source.read_at(at, 1)

    def end(self) -> int:
        """Where the file ends, in bytes."""
        if self._limit is not None:
            return self._limit
        size = self._source.size()
        while size is None:  # a pipe knows its size once it was read to its end
            self._source.read_at(1 << 62, 1)
            size = self._source.size()
        return size


def _plain_header(data: bytes) -> bool:
    """Whether the optional fields of a gzip header (RFC 1952, 2.3) are short. A crafted long field could cover a stored
    block's border, and so make a nested member look like a real one."""
    flags, at = data[3:4], 10
    if len(data) < 18 or flags == b"\x00":
        return len(data) >= 18 or flags == b"\x00"
    if flags[0] & 4:
        at += 2 + int.from_bytes(data[10:12], "little")
    for bit in (8, 16):
        if flags[0] & bit:
            at = data.find(b"\x00", at, at + HEADER_FIELDS + 1) + 1
            if not at:
                return False
    return at - 10 <= HEADER_FIELDS
