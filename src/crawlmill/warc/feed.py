"""The plain bytes of an archive as one row of bytes, whatever it is compressed with, with the way back to offsets."""

from __future__ import annotations

from typing import NamedTuple

from crawlmill.stores import Source

WHOLE = 16 << 20
"""Plain bytes up to which a member is decoded and checked before any of its records is shown."""
LOOK = 32 << 20
"""Plain bytes of a compressed file that are held to look ahead, at most."""
_READ = 1 << 20


class Place(NamedTuple):
    """Where a byte lives in the file as stored: the member (or byte) offset and, when known, where that member ends; and
    which plain byte of the member it is."""

    offset: int
    end: int | None
    inside: int = 0


class FeedError(NamedTuple):
    """The member at ``offset`` does not decode; ``cut`` when the file simply ends inside it, ``large`` when its decoder
    needs too much memory."""

    offset: int
    cut: bool
    large: bool = False


class PlainFeed:
    """An uncompressed file from one byte to a limit, read forward; skipping does not read.

    Both feeds have one face. A position is a plain byte: of the file, or of all that was decoded. ``sight`` is how many bytes
    from ``here`` on one may look at.
    """

    compressed = False
    sight = 1 << 62
    failed: FeedError | None = None

    def __init__(self, source: Source, start: int, limit: int | None) -> None:
        self._source, self._limit = source, limit
        self._buf, self._base = b"", start
        self.origin, self.here = 0, start

    def look(self, at: int, count: int) -> bytes:
        """Bytes from a position on (not before ``here``); fewer at the end of the data."""
        start = at - self._base
        if start >= 0 and start + count <= len(self._buf):
            return self._buf[start : start + count]
        if at == self.here:
            self._grow(count)
            start = at - self._base
            return self._buf[start : start + count]
        if self._limit is not None:
            count = min(count, self._limit - at)
        return self._source.read_at(at, count) if count > 0 else b""

    def _grow(self, count: int) -> None:
        """Make bytes ready from ``here`` on."""
        kept = self._buf[self.here - self._base :] if self.here >= self._base else b""
        at = self.here + len(kept)
        wanted = max(count - len(kept), _READ)
        if self._limit is not None:
            wanted = min(wanted, self._limit - at)
        self._buf = kept + (self._source.read_at(at, wanted) if wanted > 0 else b"")
        self._base = self.here

    load = near = look

    def skip(self, count: int) -> int:
        """Pass over bytes; returns how many there were."""
        there = self.here + count
        if there > self._base + len(self._buf):
            there = min(there, self.end_before(there))
            if there > self._base + len(self._buf):
                self._buf, self._base = b"", there
        done = there - self.here
        self.here = there
        return done

    def end_before(self, at: int) -> int:
        """Where the data end, if that is before a position; else the position, or any behind it."""
        end = self._source.size() if self._limit is None else self._limit
        if end is None:  # a pipe: it has to be read
            self._source.read_at(at - 1, 1)
            end = self._source.size()
        return at if end is None else min(end, at)

    def ends(self, first: int, last: int) -> int | None:
        """The first position of some at which a member ends, or the data do; None when there is none."""
        end = self.end_before(last)
        return None if self.look(end, 1) else max(first, end)

    def record_starts(self, first: int, stop: int) -> int | None:
        """The first member that begins with a record, between positions; None when there is none."""
        return None

    def only_records(self, first: int, stop: int) -> bool:
        """Whether all members that begin between positions begin with a record."""
        return True

    def next_record(self, at: int) -> int | None:
        """The first member behind a position that begins with a record, of those decoded and the next; None for none."""
        return None

    def place(self, at: int | None = None) -> Place:
        """Where the byte at a position (``here`` when None) lives."""
        return Place(self.here if at is None else at, None)
