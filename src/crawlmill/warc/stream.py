"""Records one after the other from a row of plain bytes: WARC and ARC, in whatever layout they were stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Union

from crawlmill.records.record import Record
from crawlmill.warc.arc import ARC
from crawlmill.warc.chains import Chains, Feed
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.feed import LOOK, Place
from crawlmill.warc.heads import MAX_HEADER, WARC, Head

Item = Union[Record, Damage]


class Piece(NamedTuple):
    """What became of some bytes: ``record``, ``glue`` or ``lost``. ``start`` and ``end`` are plain bytes from the member at
    ``origin`` on; of a span that does not decode ``origin`` is -1, and they are bytes of the file as stored."""

    what: str
    origin: int
    start: int
    end: int


class Unfinished(NamedTuple):
    """What was open where the data failed: where it began, and which item of its member it is."""

    place: Place
    ordinal: int


class FeedBlock:
    """The block of the record that the feed stands at."""

    def __init__(self, feed: Feed, size: int, limit: int) -> None:
        self.size = size
        self._feed, self._limit = feed, limit

    def peek(self, count: int) -> bytes:
        return self._feed.look(self._feed.here, min(count, self.size))

    def load(self, start: int = 0) -> bytes:
        if self.size > self._limit:
            raise BodyDamage("oversized")
        return self._feed.load(self._feed.here, self.size)[start:]


class _Extent(NamedTuple):
    """How far a block goes: its bytes, the kind of damage if it is any, and whole records in it that may be its own or not.
    ``failed``: the data end in it because they do not decode."""

    size: int
    kind: str = ""
    seen: int = 0
    failed: bool = False


class Parser:
    """Reads records from a feed.

    Args:
        uri: the archive.
        feed: its plain bytes.
        limit: bytes of a block that may be loaded.
        end_kind: what a record is that the data end in: ``truncated``, or ``length`` before a border that is known.
        arc: the records are ARC.
        trace: takes what became of the bytes; None for nothing.

    Attributes:
        open: what was open where the feed failed; None when nothing was.
    """

    def __init__(
        self,
        uri: str,
        feed: Feed,
        limit: int,
        end_kind: str = "truncated",
        arc: bool = False,
        trace: list[Piece] | None = None,
    ) -> None:
        self.uri, self.feed, self.limit, self.end_kind, self.trace = uri, feed, limit, end_kind, trace
        self._grammar = ARC if arc else WARC
        self._chains = Chains(feed, self._grammar)
        self._member, self._ordinal, self._records = -1, 0, 0
        self.open: Unfinished | None = None

    def records_of_member(self) -> Iterator[Item]:
        """Records until one ends where a member ends."""
        return self._items(True)

    def all_records(self) -> Iterator[Item]:
        """Records to the end of the data."""
        return self._items(False)

    def next_ordinal(self, offset: int) -> int:
        """The number that the next item of the member at an offset has."""
        return self._ordinal + 1 if self._member == offset else 0

    def _items(self, one_member: bool) -> Iterator[Item]:
        feed, after_record = self.feed, False
        while True:
            newlines = self._skip_newlines(one_member)
            if newlines is None:
                return
            place = feed.place()
            head = self._grammar.head(feed, feed.here)
            if head is None:
                yield from self._junk(place, "length" if after_record and not newlines else "junk")
            else:
                yield from self._record(place, head)
            after_record = head is not None

    def _skip_newlines(self, one_member: bool) -> int | None:
        """Pass over line ends; how many, or None at the end (of the member, or of the data)."""
        feed, start = self.feed, self.feed.here
        while True:
            at_end = one_member and self._records > 0 and feed.ends(feed.here, feed.here) is not None
            ready = b"" if at_end else feed.near(feed.here, 64) or feed.look(feed.here, 64)
            line_ends = len(ready) - len(ready.lstrip(b"\r\n"))
            if one_member and line_ends:
                end = feed.ends(feed.here, feed.here + line_ends)
                if end is not None and end > feed.here:
                    line_ends = end - feed.here
            if line_ends:
                feed.skip(line_ends)
                continue
            if feed.here > start:
                self._note("glue", start, feed.here)
            return feed.here - start if ready else None

    def _record(self, place: Place, head: Head) -> Iterator[Item]:
        feed, first, ordinal = self.feed, self.feed.here, self._count(place)
        feed.skip(head.size)
        extent = self._extent(place, head)
        if extent.failed:
            self.open = Unfinished(place, ordinal)
        if extent.failed and not (feed.failed and feed.failed.cut):
            feed.skip(extent.size)
            self._note("lost", first, feed.here)
            return  # the row of what failed begins at this record
        self._records += 1
        have, kind = extent.size, extent.kind
        last = feed.place(feed.here + max(have - 1, 0))
        length = (place.end or place.offset) - place.offset if feed.compressed else head.size + have
        block = FeedBlock(feed, have, self.limit)
        yield Record(self.uri, place.offset, length, ordinal, head.type, head.data, block, have == head.length)
        if feed.skip(have) < have:  # larger than what was looked at: the data end in it, or a record begins
            if feed.failed is not None and not feed.look(feed.here, 1):
                self.open = Unfinished(place, ordinal)
            else:
                kind = "length" if feed.look(feed.here, 1) else self.end_kind
        self._note("record", first, feed.here)
        if not kind or self.open is not None:
            return
        if extent.seen and have == head.length:  # what lies in it and behind it cannot be told apart
            yield from self._junk(place, kind, ordinal, extent.seen)
            return
        if feed.compressed:
            length = max(length, (last.end or last.offset) - place.offset)
        yield damage(self.uri, place.offset, length, kind, ordinal=ordinal, records=extent.seen)

    def _extent(self, place: Place, head: Head) -> _Extent:
        """How far the block goes that begins here."""
        feed, chains, start, declared = self.feed, self._chains, self.feed.here, head.length
        if declared is None:
            found, _ = chains.next(start)
            return _Extent((self._data_end() if found is None else found) - start, "length")
        stop = start + declared
        end = feed.end_before(stop)
        member = feed.record_starts(start, end)
        if member is not None and end == stop and (place.inside or not feed.only_records(start, stop)):
            member = None if chains.ends_well(stop) else member  # borders of members need not be borders of records
        if member is not None or end < stop:
            end = end if member is None else member
            cut = chains.cut(start, end, False)
            if cut.at is not None or member is not None:
                return _Extent((end if cut.at is None else cut.at) - start, "length", cut.seen)
            return _Extent(end - start, self.end_kind, cut.seen, feed.failed is not None)
        if (feed.compressed and declared > LOOK) or chains.ends_well(stop):
            return _Extent(declared)
        if head.type == "filedesc" and feed.look(stop, 6) == b"ttp://":
            return _Extent(declared)  # some count a byte too many, and readers agree on what is left of the next URL
        cut = chains.cut(start, stop, True)
        if cut.at is not None:
            return _Extent(cut.at - start, "length", cut.seen)
        return _Extent(declared, "length" if cut.seen else "", cut.seen)

    def _data_end(self) -> int:
        """Where the data end, or what may be looked at."""
        return self.feed.end_before(self.feed.here + self.feed.sight)

    def _junk(self, place: Place, kind: str, ordinal: int | None = None, records: int = 0) -> Iterator[Damage]:
        """Pass over bytes that are no record, up to the next thing that surely is one.

        Args:
            place: where the row begins.
            kind: what it is, unless a header begins here.
            ordinal: of the record that the row begins with, and ``records`` the whole ones that were seen in it; None
                when the row begins here.
        """
        feed, first = self.feed, self.feed.here
        opened = ordinal is None and self._grammar.opened(feed, first)  # a header without an end
        ordinal, at = self._count(place) if ordinal is None else ordinal, first + 1
        while True:
            found, passed = self._chains.next(at)
            records += passed
            far = feed.here + feed.sight
            there = feed.end_before(far) if found is None else found
            ended = found is None and there < far
            last = feed.place(there - 1)
            if found is not None or ended:
                break
            self._pass(far - MAX_HEADER)
            at = feed.here
        self._pass(there)
        self._note("lost", first, feed.here)
        if ended and feed.failed is not None:
            self.open = Unfinished(place, ordinal)
            return  # the row of what failed begins here
        if opened:
            kind = "truncated" if ended and self.end_kind == "truncated" else "header"
        end = (last.end or last.offset) if feed.compressed else feed.here
        yield damage(self.uri, place.offset, end - place.offset, kind, ordinal=ordinal, records=records)

    def _pass(self, there: int) -> None:
        while self.feed.here < there:
            if not self.feed.skip(there - self.feed.here):
                break

    def _count(self, place: Place) -> int:
        if not self.feed.compressed:
            return 0
        self._ordinal = self.next_ordinal(place.offset)
        self._member = place.offset
        return self._ordinal

    def _note(self, what: str, start: int, end: int) -> None:
        if self.trace is not None:
            self.trace.append(Piece(what, self.feed.origin, start, end))
