"""Records one after the other from a row of plain bytes: WARC and ARC, in whatever layout they were stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Union

from crawlmill.records.http import Headers, find_header_end
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.feed import MemberFeed, Place, PlainFeed

VERSION = re.compile(rb"WARC/\d[\d.]*[ \t]*\r*\n")
NEXT_WARC = re.compile(rb"\n(?=WARC/\d)")
_ARC_LINE = re.compile(rb"(\S[^\n]*?)[ \t]([\da-fA-F.:]+|-)[ \t](\d+)[ \t]([^\n]*?)[ \t](-?\d+)\r?\n")
_ARC_ODD = re.compile(rb"[a-z]+:[^\n]*? [^\n]* [^\n]* (\d+)[ \t]*\r?\n")
NEXT_ARC = re.compile(rb"\n(?=(?:https?|dns|ftp|filedesc):[^\n]* \d{14}[^\n]* \d+\r?\n)")
MAX_HEADER = 1 << 20
_DATE = re.compile(rb"\d{14}")


class FeedBlock:
    """The block of the record that the feed stands at."""

    def __init__(self, feed: PlainFeed | MemberFeed, size: int, limit: int) -> None:
        self.size = size
        self._feed, self._limit = feed, limit

    def peek(self, count: int) -> bytes:
        count = min(count, self.size)
        self._feed.grow(count)
        return self._feed.buf[self._feed.pos : self._feed.pos + count]

    def load(self, start: int = 0) -> bytes:
        if self.size > self._limit:
            raise BodyDamage("oversized")
        self._feed.grow(self.size)
        return self._feed.buf[self._feed.pos + start : self._feed.pos + self.size]


class Head(NamedTuple):
    """A record's header: how many bytes it takes, its fields as WARC header lines, its type, and the declared length of
    its block (None when there is none)."""

    size: int
    data: bytes
    type: str
    length: int | None


Item = Union[Record, Damage]


class Parser:
    """Reads records from a feed.

    Args:
        uri: the archive.
        feed: its plain bytes.
        limit: bytes of a block that may be loaded.
        end_kind: what a record is that the data end in: ``truncated``, or ``length`` before a border that is known.
        arc: the records are ARC.
    """

    def __init__(
        self, uri: str, feed: PlainFeed | MemberFeed, limit: int, end_kind: str = "truncated", arc: bool = False
    ) -> None:
        self.uri, self.feed, self.limit, self.end_kind = uri, feed, limit, end_kind
        self._head, self._next = (self._arc_head, NEXT_ARC) if arc else (self._warc_head, NEXT_WARC)
        self._member, self._ordinal = -1, 0
        self.records = 0

    def records_of_member(self) -> Iterator[Item]:
        """Records until one ends where a member ends."""
        return self._records(True)

    def all_records(self) -> Iterator[Item]:
        """Records to the end of the data."""
        return self._records(False)

    def _records(self, one_member: bool) -> Iterator[Item]:
        feed, after_record = self.feed, False
        while True:
            newlines = self._skip_newlines(one_member)
            if newlines is None:
                return
            place = feed.place()
            head = self._head()
            if head is None:
                junk = self._junk(place, "length" if after_record and not newlines else "junk")
                if junk is not None:
                    yield junk
                after_record = False
                continue
            yield from self._record(place, head)
            after_record = True

    def _record(self, place: Place, head: Head) -> Iterator[Item]:
        feed = self.feed
        self._hold(True)
        feed.pos += head.size
        declared = self._until_next() if head.length is None else head.length
        have = self._available(declared)
        failed = isinstance(feed, MemberFeed) and feed.failed is not None and have < declared
        if failed and not feed.failed.cut:  # type: ignore[union-attr]
            feed.skip(have)
            self._hold(False)
            return  # the row of the failed member covers it
        length = (place.end or place.offset) - place.offset if feed.compressed else head.size + have
        ordinal = self._count(place)
        self.records += 1
        block = FeedBlock(feed, have, self.limit)
        yield Record(self.uri, place.offset, length, ordinal, head.type, head.data, block, have == declared)
        done = feed.skip(have)
        if head.length is None:
            yield damage(self.uri, place.offset, length, "length", ordinal=ordinal)
        elif done < declared and not (isinstance(feed, MemberFeed) and feed.failed):
            kind = "length" if isinstance(feed, MemberFeed) and feed.stopped else self.end_kind
            yield damage(self.uri, place.offset, length, kind, ordinal=ordinal)
        self._hold(False)

    def _hold(self, open_record: bool) -> None:
        if isinstance(self.feed, MemberFeed):
            self.feed.in_record = open_record

    def _count(self, place: Place) -> int:
        if not self.feed.compressed:
            return 0
        self._ordinal = self._ordinal + 1 if place.offset == self._member else 0
        self._member = place.offset
        return self._ordinal

    def _available(self, count: int) -> int:
        """How many of the next bytes there are; of a block over the limit in a compressed file, what is declared."""
        feed = self.feed
        if isinstance(feed, PlainFeed):
            left = feed.left()
            if left is not None:
                return min(count, left)
        if count > self.limit and (isinstance(feed, PlainFeed) or feed.grow(self.limit)):
            return count
        feed.grow(count)
        return min(count, len(feed.buf) - feed.pos)

    def _skip_newlines(self, one_member: bool) -> int | None:
        """Pass over line ends; how many, or None at the end (of the member, or of the data)."""
        feed, count = self.feed, 0
        while True:
            rest = len(feed.buf) - feed.pos
            if rest:
                ready = feed.buf[feed.pos : feed.pos + 64]
                kept = len(ready.lstrip(b"\r\n"))
                feed.pos += len(ready) - kept
                count += len(ready) - kept
                if kept:
                    return count
                continue
            if one_member and self.records and isinstance(feed, MemberFeed) and feed.at_member_end():
                return None
            if not feed.grow(1):
                return None

    def _header(self, start: int) -> int:
        """Length in bytes of the header that begins at ``feed.pos``, whose first line has ``start`` bytes; -1: no end."""
        feed, wanted = self.feed, 4096
        while True:
            more = feed.grow(wanted)
            end = find_header_end(feed.buf, feed.pos + start)
            if end >= 0:
                return end - feed.pos
            if not more or wanted >= MAX_HEADER:
                return -1
            wanted *= 8

    def _warc_head(self) -> Head | None:
        feed = self.feed
        self._hold(True)
        feed.grow(64)
        version = VERSION.match(feed.buf, feed.pos)
        length = self._header(version.end() - feed.pos) if version is not None else -1
        self._hold(False)
        if length < 0:
            return None
        data = feed.buf[feed.pos : feed.pos + length]
        headers = Headers(data)
        return Head(
            length, data, (headers.get("WARC-Type") or "").lower(), declared_length(headers.get("Content-Length"))
        )

    def _arc_head(self) -> Head | None:
        feed = self.feed
        feed.grow(1 << 14)
        end = feed.buf.find(b"\n", feed.pos) + 1
        if not end:
            return None
        return arc_head(feed.buf[feed.pos : end])

    def _until_next(self) -> int:
        """Bytes to where the next record seems to begin, for a record that does not say how long it is."""
        feed, done = self.feed, 0
        while True:
            more = feed.grow(done + (1 << 16))
            found = self._next.search(feed.buf, feed.pos + done)
            if found:
                return found.end() - feed.pos
            done = max(0, len(feed.buf) - feed.pos - 8)
            if not more or done > self.limit:
                return len(feed.buf) - feed.pos

    def _junk(self, place: Place, kind: str) -> Damage | None:
        """Pass over bytes that are no record, up to the next thing that looks like one."""
        feed, passed = self.feed, 0
        cut = VERSION.match(feed.buf, feed.pos) is not None  # a header without an end
        self._hold(True)
        while True:
            more = feed.grow(1 << 16)
            found = self._next.search(feed.buf, feed.pos)
            keep = 0 if not more else 1 << 14  # a line that begins here may end in the next piece
            step = (found.end() if found else max(feed.pos, len(feed.buf) - keep)) - feed.pos
            feed.pos += step
            passed += step
            if found or not more:
                break
        self._hold(False)
        if isinstance(feed, MemberFeed) and feed.failed:
            return None  # the row of the failed member covers it
        ended = feed.pos == len(feed.buf)
        if cut:
            kind = self.end_kind if ended else "header"
        if not feed.compressed:
            return damage(self.uri, place.offset, passed, kind)
        end = (place.end or place.offset) if ended else feed.place().offset
        return damage(self.uri, place.offset, max(end, place.end or 0) - place.offset, kind, ordinal=self._count(place))


def declared_length(value: str | None) -> int | None:
    """What a Content-Length says, in bytes; None when it says nothing that can be."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 19 else None


def arc_head(line: bytes) -> Head | None:
    """The header of an ARC record (URL line of version 1 or 2) under the names of WARC; None when it is none.

    >>> arc_head(b"http://a.example/ 192.0.2.7 20080102030405 text/html 12\\n").type
    'arc'
    """
    fields = _ARC_LINE.fullmatch(line)
    if fields is not None and int(fields[5]) >= 0:
        url, ip, date, mime, length = fields.groups()
    else:
        odd = _ARC_ODD.fullmatch(line)
        if odd is None:
            return None
        parts = line.split()
        url, ip, date, mime, length = parts[0], b"", b"", b"", odd[1]
        for part in parts[1:-1]:
            if _DATE.fullmatch(part):
                date = part
    kind = "filedesc" if url.startswith(b"filedesc:") else "arc"
    when = (
        b"%s-%s-%sT%s:%s:%sZ" % (date[:4], *(date[at : at + 2] for at in range(4, 14, 2))) if len(date) == 14 else date
    )
    names = (
        (b"WARC-Target-URI", url),
        (b"WARC-IP-Address", ip),
        (b"WARC-Date", when),
        (b"Content-Type", mime),
        (b"Content-Length", length),
    )
    data = b"".join(b"%s: %s\r\n" % (name, value.strip()) for name, value in names if value.strip())
    return Head(len(line), b"WARC/0.0\r\n" + data + b"\r\n", kind, int(length))
