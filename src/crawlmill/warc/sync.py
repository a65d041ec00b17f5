"""Strong borders: the places of a compressed archive where a reader may start, whatever lies before them.

A border is a member from which on non-empty members decode one after the other, whole, with good checksums, each beginning
with a record and (gzip) with at most 256 bytes of optional header fields, over more compressed bytes than the format
can store raw in one piece, or to the end of the file. The length is not taste: compressors keep incompressible bytes raw,
so the members of an archive that is the payload of a record stand byte for byte inside the outer member; but a raw
block of gzip has at most 65,535 bytes (RFC 1951, 3.2.4), and its header falls into some member of a longer chain and
breaks it.

No file makes this slow: members are decoded region by region, and what does not decode draws on the budget of its
region. Both depend on the bytes of the file alone, so borders are the same wherever the search began.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import NamedTuple

from crawlmill.stores import Source
from crawlmill.warc.arc import MAX_LINE
from crawlmill.warc.codecs import GZIP_CODEC, SKIP, BadData, Codec
from crawlmill.warc.heads import WARC, Grammar

HEADER_FIELDS = 256
REGION = 256 << 10
"""Bytes of the file that share a budget."""
BUDGET = 64 << 20
"""Plain bytes that members of a region may take without decoding to their end; the members behind are no borders then."""
_TRY = 8 << 10  # of the budget, for a member that does not decode at all: as many bytes take as long
LARGEST = 1 << 30
"""Plain bytes of a member that may be a border."""
_SCAN = 1 << 20
_KEPT = 64  # regions
_FRAME = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18|\x28\xb5\x2f\xfd|\x04\x22\x4d\x18|\x1f\x8b\x08")
_START = MAX_LINE
_OVERLAP = 16  # longer than any magic


class Member(NamedTuple):
    """A member that decodes whole: its end in the file, and whether it begins with a record or is empty."""

    end: int
    record: bool
    empty: bool


class Borders:
    """Strong borders of one file; what was decoded once is remembered, so a scan over damage stays linear.

    Args:
        source: the file.
        limit: a strong border that is taken for the end; None for the file's real end.
        codec: how it is compressed.
        grammar: how records begin; None when a member may hold anything.

    Attributes:
        codec: as given.
        decoded: plain bytes decoded so far, to hold the work against.
    """

    def __init__(
        self,
        source: Source,
        limit: int | None = None,
        codec: Codec = GZIP_CODEC,
        grammar: Grammar | None = WARC,
    ) -> None:
        self._source, self._limit, self.codec, self._grammar = source, limit, codec, grammar
        self._regions: OrderedDict[int, _Region] = OrderedDict()
        self._broken: dict[int, int] = {}  # member -> where the chain from it ends before it is long enough
        self._window = (0, b"")
        self.decoded = 0

    def next(self, at: int, stop: int | None = None) -> int:
        """The first strong border at or after ``at`` (bytes) and before ``stop``, however far; else the end of the file."""
        while True:
            candidate = self.magic(at)
            if candidate is None or (stop is not None and candidate >= stop):
                return self.end()
            if self._strong(candidate):
                return candidate
            at = self._after(candidate)

    def behind(self, at: int) -> bool:
        """Whether a strong border lies behind ``at``."""
        return self.next(at + 1) < self.end()

    def whole_records(self, at: int, end: int) -> int:
        """How many members between two offsets decode whole and begin with a record."""
        count = 0
        while True:
            candidate = self.magic(at)
            if candidate is None or candidate >= end:
                return count
            member = self.member(candidate)
            if member is not None and member.end <= end:
                count += member.record
                at = member.end
            else:
                at = self._after(candidate)

    def _after(self, candidate: int) -> int:
        """Where to look on behind a place that is no border: past a region in which nothing more is decoded."""
        region = self._regions.get(candidate // REGION)
        spent = region is not None and region.budget <= 0
        return (candidate // REGION + 1) * REGION if spent else candidate + 1

    def magic(self, at: int) -> int | None:
        """Where the next member may begin, at or after ``at``; None when there is none before the end."""
        found = self._magic(at)
        return None if found is None or (self._limit is not None and found >= self._limit) else found

    def _magic(self, at: int) -> int | None:
        while True:
            start, data = self._window
            if not start <= at < start + len(data) - _OVERLAP:
                start, data = self._window = at, self._source.read_at(at, _SCAN)
            found = self.codec.magic.search(data, at - start)
            if found is not None:
                return start + found.start()
            if len(data) < _SCAN:
                return None
            at = start + len(data) - _OVERLAP

    def member(self, at: int) -> Member | None:
        """The member at an offset where one may begin; None when it does not decode whole."""
        number = at // REGION
        region = self._regions.get(number)
        if region is None:
            region = self._regions[number] = _Region(number * REGION)
            while len(self._regions) > _KEPT:
                self._regions.popitem(last=False)
        if at >= region.done:
            self._decode_region(region, at)
        return region.members.get(at)

    def end(self) -> int:
        """Where the file ends, in bytes."""
        if self._limit is not None:
            return self._limit
        size = self._source.size()
        while size is None:  # a pipe knows its size once it was read to its end
            self._source.read_at(1 << 62, 1)
            size = self._source.size()
        return size

    def _strong(self, candidate: int) -> bool:
        at, first, broken, chain = candidate, True, self._broken, self.codec.chain
        passed: list[int] = []
        while at - candidate <= chain:
            known = broken.get(at)
            if known is not None:
                at = known
                strong = at - candidate > chain
                break
            member = self.member(at) or self._skipped(at)
            if member is None or not (member.record or (member.empty and not first)):
                strong = False
                break
            passed.append(at)
            first, at = False, member.end
            if not self._source.read_at(at, 1):
                return True
        else:
            return True
        if not strong:
            if len(broken) > 500_000:
                broken.clear()
            broken.update(dict.fromkeys(passed, at))
        return strong

    def _skipped(self, at: int) -> Member | None:
        """A skippable frame, which is as good as an empty member."""
        end = frame_end(self._source, at) if self.codec.name in ("zstd", "lz4") else None
        return None if end is None else Member(end, False, True)

    def _decode_region(self, region: _Region, upto: int) -> None:
        """Decode what may be members of a region, in the order of the file, from where it was left to ``upto``."""
        start, end = region.done, upto + 1
        at = self._magic(start)
        while at is not None and at < end:
            if region.budget <= 0:
                break
            self._decode(region, at)
            at = self._magic(at + 1)
        region.done = end

    def _decode(self, region: _Region, at: int) -> None:
        """Decode one member to its end, keeping nothing but the result."""
        start, data = self._window
        head = data[at - start : at - start + 2 * HEADER_FIELDS] if start <= at else b""
        if len(head) < 2 * HEADER_FIELDS:
            head = self._source.read_at(at, 2 * HEADER_FIELDS)
        if self.codec is GZIP_CODEC and not _plain_header(head):
            return
        decoder, where, size, first, grammar = self.codec.make(), at, 0, b"", self._grammar
        data, record = head[: self.codec.step], True
        try:
            while data and record and size <= LARGEST:
                where += len(data)
                for piece in decoder.feed(data):
                    size += len(piece)
                    first += piece[: _START - len(first)]
                    if size > LARGEST:
                        break
                # else no border whatever follows: spare the decoding
                record = grammar is None or len(first) < 5 or grammar.begins(first)
                data = b"" if decoder.eof else self._source.read_at(where, self.codec.step)
        except BadData:
            record = False
        self.decoded += size
        if decoder.eof and record and (not first or grammar is None or grammar.opens(first)):
            region.members[at] = Member(where - len(decoder.unused), bool(first), not first)
        else:
            region.budget -= size + _TRY


class _Region:
    """What was decoded of a region: its members that decode whole, how far it was looked at, and what is left to spend."""

    def __init__(self, start: int) -> None:
        self.members: dict[int, Member] = {}
        self.done = start
        self.budget = BUDGET


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


def skippable(head: bytes) -> int | None:
    """Bytes of the skippable frame that begins here; None when none does.

    >>> skippable(b"\\x50\\x2a\\x4d\\x18\\x05\\x00\\x00\\x00hello")
    13
    """
    return 8 + int.from_bytes(head[4:8], "little") if len(head) >= 8 and SKIP.match(head) else None


def frame_end(source: Source, at: int) -> int | None:
    """Where the skippable frame ends that begins here; None when none does, or its length cannot be trusted: behind it must
    come another frame or the end of the file."""
    length = skippable(source.read_at(at, 8))
    if length is None or not source.read_at(at + length - 1, 1):
        return None
    behind = source.read_at(at + length, 4)
    return at + length if not behind or _FRAME.match(behind) else None
