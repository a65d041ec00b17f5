"""Where records surely begin among plain bytes, for what lies at damage: a place is judged by the records that follow it.

A plain record inside a record looks like a real one. A chain are records that each end where the next begins, with no more
line ends between them than end one record: where twice as many stand, a record ends that holds the one before.
"""

from __future__ import annotations

from typing import NamedTuple, Union

from crawlmill.warc.feed import PlainFeed
from crawlmill.warc.heads import Grammar
from crawlmill.warc.member_feed import MemberFeed

Feed = Union[PlainFeed, MemberFeed]
_LINE_ENDS = 64  # bytes of line ends behind a record, at most
_STEP = 32  # bytes that no record is shorter than


class Cut(NamedTuple):
    """What a search in a block found: where it ends before its declared end (None: it does not), and how many whole
    records were seen before that which may be its own or not."""

    at: int | None
    seen: int


class _Link(NamedTuple):
    """What stands behind a record: where its line ends end, how many LF they are, and whether a record or an end of the
    data (of a member) is there."""

    at: int
    line_ends: int
    border: bool
    last: bool


class _Chain(NamedTuple):
    """Records that follow one another: how many, where the last ends, whether the first ends well or goes on behind what can
    be seen, and whether they lie in another record, which ends where the last does."""

    records: int
    end: int
    sure: bool
    inside: bool = False


class Chains:
    """The chains of records of one feed.

    Args:
        feed: the plain bytes.
        grammar: how records begin.
    """

    def __init__(self, feed: Feed, grammar: Grammar) -> None:
        self._feed, self._grammar = feed, grammar
        self._search = grammar.search(feed)

    def ends_well(self, at: int) -> bool:
        """Whether a record may end here: behind line ends a record begins, or the data or a member end.

        Where an end falls into the line ends between two records it is none: a record that is too long by a few bytes.
        """
        link = self._link(at)
        if not link.border or link.line_ends >= self._grammar.line_ends:
            return link.border
        inside = self._feed.ends(link.at, link.at) is None and self._feed.near(at - 1, 1) in (b"\r", b"\n")
        return not inside

    def crosses(self, at: int, stop: int) -> bool:
        """Whether the chain of records that begins at a place goes on to one behind ``stop``, or to the end of the data."""
        while True:
            end = self._end(at)
            if end is None:
                return False
            link = self._link(end)
            if not link.border or link.last or link.at >= stop:
                return link.border
            at = link.at

    def cut(self, start: int, stop: int, inside: bool) -> Cut:
        """Where a block really ends whose declared end is no border: at a chain that crosses the end and goes on.

        Args:
            start: where the block begins.
            stop: its declared end; or where the data end, or a member that begins with a record, when that is before.
            inside: whether ``stop`` is the declared end.
        """
        seen, at, broken = 0, start, set[int]()
        budget = 2 * (stop - start) // _STEP + 1000
        while True:
            candidate = self._search.next(at, stop)
            if candidate is None or budget < 0:
                return Cut(None, seen)
            at, here, whole = candidate + 1, candidate, 0
            while here not in broken:
                budget -= 1
                broken.add(here)
                end = self._end(here)
                if end is None or (end > stop and not inside):
                    break
                link, whole = self._link(end), whole + 1
                if inside and end <= stop <= link.at:
                    return Cut(None, 0)  # the last record inside ends where the block does
                if not link.border or self._nested(link):
                    break
                if link.last or link.at >= stop:
                    return Cut(candidate, seen)
                here = link.at
            seen += whole

    def next(self, at: int) -> tuple[int | None, int]:
        """The next place at or after ``at`` where a record seems to begin: one that lies in no other one, and ends well if
        it does not begin a line or a member. None when there is none; and how many whole records were passed over."""
        passed = 0
        while True:
            member = self._feed.next_record(at)
            candidate = self._search.next(at, member, member)
            if candidate is None:
                member = self._feed.record_starts(at, 1 << 62)
                return member, passed
            member = self._feed.record_starts(at, candidate + 1)
            if member is not None:
                return member, passed
            found = self._followed(candidate)
            if found.sure or (not found.inside and self._begins_line(candidate)):
                return candidate, passed
            passed += found.records
            at = max(found.end, candidate + 1)

    def _followed(self, candidate: int) -> _Chain:
        """The chain of records that begins at a place."""
        here, records = candidate, 0
        while here <= candidate + self._feed.sight:
            end = self._end(here)
            if end is None:
                return _Chain(records, here, records > 0 or self._far(here))
            link, records = self._link(end), records + 1
            if link.line_ends >= 2 * self._grammar.line_ends:
                return _Chain(records, link.at, False, True)
            if not link.border or link.last:
                return _Chain(records, link.at, records > 1 or link.last)
            here = link.at
        return _Chain(records, here, True)

    def _begins_line(self, at: int) -> bool:
        return at <= self._feed.here or self._feed.near(at - 1, 1) == b"\n"

    def _far(self, at: int) -> bool:
        """Whether a record begins here of which the end lies behind that of the data, or too far away to be looked at."""
        head = self._grammar.head(self._feed, at)
        if head is None or head.length is None:
            return False
        end = at + head.size + head.length
        return self._feed.end_before(end) < end or end > self._feed.here + self._feed.sight

    def _nested(self, link: _Link) -> bool:
        return link.border and link.line_ends >= 2 * self._grammar.line_ends

    def _end(self, at: int) -> int | None:
        """Where the record ends that begins here; None when none does, it does not say, or its end cannot be seen
        or lies behind another member that begins with a record."""
        head = self._grammar.head(self._feed, at)
        if head is None or head.length is None:
            return None
        end = at + head.size + head.length
        if self._feed.end_before(end) < end or end > self._feed.here + self._feed.sight:
            return None
        return None if self._feed.record_starts(at + 1, end) is not None else end

    def _link(self, at: int) -> _Link:
        data = self._feed.near(at, _LINE_ENDS)
        count = len(data) - len(data.lstrip(b"\r\n"))
        end = self._feed.ends(at, at + count)
        if end is not None:
            return _Link(end, data.count(b"\n", 0, end - at), True, not self._feed.near(end, 1))
        here = at + count
        return _Link(here, data.count(b"\n", 0, count), self._grammar.border(self._feed, here), False)
