"""The plain bytes of compressed members one after the other as one row of bytes, with the way back to offsets."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Callable

from crawlmill.stores import Source
from crawlmill.warc.codecs import BadData, Codec, Decoder, LargeWindow
from crawlmill.warc.feed import LOOK, WHOLE, FeedError, Place
from crawlmill.warc.sync import frame_end, skippable

_PASSED = 1000  # members behind `here` that are remembered, at most
_FINE = 4096  # compressed bytes of a large member that are decoded at once: of damaged ones, what is before them comes


class MemberFeed:
    """The plain bytes of compressed members one after the other. After a member that does not decode nothing comes.

    A member of up to :data:`WHOLE` plain bytes is decoded and checked whole before a byte of it is shown.

    Args:
        source: the file.
        codec: how it is compressed.
        start: where its first member lies, in bytes.
        limit: a strong border to stop before; None for the end of the file.
        border_behind: whether a strong border lies behind an offset. A member that seems cut there is corrupt: shown
            to where a split happens to end, or to the end of the file, it would differ with the splits.
        opens: whether the first plain bytes of a member begin with a record.

    Attributes:
        origin: offset of the member that holds position 0.
        here: position of the next byte.
        failed: the member that does not decode, when one was met.
    """

    compressed = True
    sight = LOOK

    def __init__(
        self,
        source: Source,
        codec: Codec,
        start: int,
        limit: int | None,
        opens: Callable[[bytes], bool],
        border_behind: Callable[[int], bool] = lambda at: False,
    ) -> None:
        self._source, self._codec, self._limit = source, codec, limit
        self._opens, self._border_behind = opens, border_behind
        self._buf, self._base = b"", 0
        self.origin, self.here = start, 0
        # Members from about `here` on: their first plain bytes, where they begin and end in the file; and those
        # that begin with a record.
        self._starts: list[int] = []
        self._offsets: list[int] = []
        self._ends: list[int | None] = []  # None while it is not known
        self._records: list[int] = []
        self._at = start
        self._decoder: Decoder | None = None  # of a member that is decoded by pieces
        self._feeding: Iterator[bytes] = iter(())  # what it gives of the bytes before `_at`
        self.failed: FeedError | None = None
        self._ended = False
        self._empty: list[int] = []  # offsets

    @property
    def _decoded(self) -> int:
        return self._base + len(self._buf)

    def look(self, at: int, count: int) -> bytes:
        """Bytes from a position on (not before ``here``); fewer at the end of the data, and :data:`LOOK` behind ``here``."""
        stop = at + count
        if stop > self._decoded and at < self.here + LOOK:
            self._grow(min(stop, self.here + LOOK))
        start = at - self._base
        return self._buf[start : start + count] if start >= 0 else b""

    def near(self, at: int, count: int) -> bytes:
        """As :meth:`look`, but of what was decoded only; nothing more is, unless a large member goes on."""
        if self._decoder is not None:
            return self.look(at, count)
        start = at - self._base
        return self._buf[start : start + count]

    def load(self, at: int, count: int) -> bytes:
        """As :meth:`look`, however many they are."""
        self._grow(at + count)
        start = at - self._base
        return self._buf[start : start + count]

    def _grow(self, stop: int) -> None:
        """Decode up to a position, and further the more is held: so copying stays linear."""
        if self.failed is not None or self._ended or stop <= self._decoded:
            return
        pieces = [self._buf[self.here - self._base :]]
        size, self._base = len(pieces[0]), self.here
        stop = max(stop, self.here + size + size // 4)
        while self._base + size < stop:
            piece = self._piece(self._base + size)
            if piece is None:
                break
            pieces.append(piece)
            size += len(piece)
        self._buf = b"".join(pieces)

    def skip(self, count: int) -> int:
        """Pass over bytes, up to a member that begins with a record; returns how many there were."""
        start, there = self.here, self.here + count
        while self.here < there:
            if self.here >= self._decoded:
                self._grow(self.here + 1)
                if self.here >= self._decoded:
                    break
            ready = min(there, self._decoded)
            stop = self.record_starts(start + 1, ready)
            self._pass(ready if stop is None else stop)
            if stop is not None:
                break
        return self.here - start

    def _pass(self, there: int) -> None:
        self.here = there
        passed = bisect.bisect_right(self._starts, there) - 1
        if passed > _PASSED:
            del self._starts[:passed], self._offsets[:passed], self._ends[:passed]
            del self._records[: bisect.bisect_left(self._records, self._starts[0])]

    def end_before(self, at: int) -> int:
        """Where the data end, if that is before a position and not further than :data:`LOOK`; else the position."""
        if at > self._decoded:
            self._grow(min(at, self.here + LOOK))
        return min(at, self._decoded) if self.failed is not None or self._ended else at

    def ends(self, first: int, last: int) -> int | None:
        """The first position of some at which a member ends, or the data do; None when there is none."""
        at = bisect.bisect_left(self._starts, first)
        if at < len(self._starts) and self._starts[at] <= last:
            return self._starts[at]
        return max(first, self._decoded) if last >= self._decoded and self._decoder is None else None

    def record_starts(self, first: int, stop: int) -> int | None:
        """The first member that begins with a record, of those decoded, between positions; None when there is none."""
        at = bisect.bisect_left(self._records, first)
        return self._records[at] if at < len(self._records) and self._records[at] < stop else None

    def only_records(self, first: int, stop: int) -> bool:
        """Whether all members that begin between positions begin with a record."""
        members, records = (
            bisect.bisect_left(of, stop) - bisect.bisect_left(of, first) for of in (self._starts, self._records)
        )
        return members == records

    def next_record(self, at: int) -> int | None:
        """The first member behind a position that begins with a record, of those decoded and the next; None for none."""
        if self._decoder is None and (not self._starts or self._starts[-1] <= at) and self._decoded < self.here + LOOK:
            self._grow(self._decoded + 1)
        return self.record_starts(at, 1 << 62)

    def place(self, at: int | None = None) -> Place:
        """Where the byte at a position (``here`` when None) lives."""
        at = self.here if at is None else at
        found = bisect.bisect_right(self._starts, at) - 1
        if found < 0 or (at >= self._decoded and self._decoder is None):
            return Place(self._at, None)
        return Place(self._offsets[found], self._ends[found], at - self._starts[found])

    def empty(self, before: int) -> int:
        """How many members without a byte in them were met before an offset."""
        return bisect.bisect_left(self._empty, before)

    @property
    def next_offset(self) -> int:
        """Offset of the member that begins at ``here``; the end of what was decoded when none does."""
        found = bisect.bisect_left(self._starts, self.here)
        return self._offsets[found] if found < len(self._starts) and self._starts[found] == self.here else self._at

    def _read(self, at: int) -> bytes:
        step = self._codec.step if self._decoder is None else min(self._codec.step, _FINE)
        return self._source.read_at(at, step if self._limit is None else max(0, min(step, self._limit - at)))

    def _piece(self, plain: int) -> bytes | None:
        """The next piece, which begins at a position; None at the end of the data."""
        if self.failed is not None or self._ended:
            return None
        if self._decoder is not None:
            return self._more(self._decoder)
        return self._member(plain)

    def _member(self, plain: int) -> bytes | None:
        """The next non-empty member: whole, or its first pieces when it is large."""
        while True:
            start = self._at
            if self._skippable(start):
                continue
            data = b"" if self.failed else self._read(start)
            if not data:
                self._ended = True
                return None
            decoder, pieces, size = self._codec.make(), [], 0
            self._at, self._feeding = start + len(data), decoder.feed(data)
            try:
                while size <= WHOLE:
                    piece = self._next_piece(decoder)
                    if piece is None:
                        break
                    pieces.append(piece)
                    size += len(piece)
            except BadData as bad:
                return self._fail(plain, start, b"", large=isinstance(bad, LargeWindow))
            if not decoder.eof and size <= WHOLE:
                return self._fail(plain, start, b"".join(pieces), cut=True)
            if size == 0:
                self._empty.append(start)
                continue
            whole = b"".join(pieces)
            self._begin(plain, start, whole)
            if decoder.eof:
                self._ends[-1] = self._at
            else:
                self._decoder = decoder
            return whole

    def _next_piece(self, decoder: Decoder) -> bytes | None:
        """The next piece of the member that is being decoded; None at its end, or where the data end in it."""
        while True:
            piece = next(self._feeding, None)
            if piece is not None:
                return piece
            if decoder.eof:
                self._at -= len(decoder.unused)
                return None
            data = self._read(self._at)
            if not data:
                return None
            self._at += len(data)
            self._feeding = decoder.feed(data)

    def _begin(self, plain: int, offset: int, data: bytes) -> None:
        self._starts.append(plain)
        self._offsets.append(offset)
        self._ends.append(None)
        if self._opens(data):
            self._records.append(plain)

    def _more(self, decoder: Decoder) -> bytes | None:
        """The next piece of a large member. Of bad data the good bytes before them were shown."""
        start = self._offsets[-1]
        try:
            piece = self._next_piece(decoder)
        except BadData:
            return self._fail(-1, start, b"")
        if piece is not None:
            return piece
        if not decoder.eof:
            return self._fail(-1, start, b"", cut=True)
        self._ends[-1], self._decoder = self._at, None
        return b""

    def _fail(self, plain: int, start: int, good: bytes, cut: bool = False, large: bool = False) -> bytes | None:
        if cut and (self._limit is not None or self._border_behind(start)):
            cut, good = False, b""
        self.failed = FeedError(start, cut, large)
        self._decoder = None
        if plain >= 0:
            self._at = start
        if not good:
            return None
        if plain >= 0:
            self._begin(plain, start, good)
        return good

    def _skippable(self, start: int) -> bool:
        """Pass over a skippable frame of zstd or lz4; its length is not trusted beyond the bytes that there are."""
        if self._codec.name not in ("zstd", "lz4"):
            return False
        if skippable(self._source.read_at(start, 8)) is None:
            return False
        end = frame_end(self._source, start)
        if end is None:
            self.failed = FeedError(start, False)
            return False
        self._at = end
        return True
