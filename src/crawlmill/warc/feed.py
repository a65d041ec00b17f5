"""The plain bytes of an archive as one row of bytes, whatever it is compressed with, with the way back to offsets."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

from crawlmill.sources import Source
from crawlmill.warc.codecs import ZSTD_SKIP, Codec, Inflate, zstd_with_dictionary

WHOLE = 32 << 20
"""Plain bytes up to which a member is decoded and checked before any of its records is shown."""
_READ = 1 << 20


class Place(NamedTuple):
    """Where a byte lives in the file as stored: the member (or byte) offset and, when known, where that member ends."""

    offset: int
    end: int | None


class FeedError(NamedTuple):
    """The member at ``offset`` does not decode; ``cut`` when the file simply ends inside it."""

    offset: int
    cut: bool


class PlainFeed:
    """An uncompressed file from one byte to a limit, read forward; skipping does not read.

    Both feeds have one face: ``buf[pos:]`` is what is ready, and ``grow``, ``skip`` and ``place`` are as here.
    """

    compressed = False

    def __init__(self, source: Source, start: int, limit: int | None) -> None:
        self._source, self._limit = source, limit
        self.buf, self.pos, self._base = b"", 0, start

    def grow(self, count: int) -> bool:
        """Make ``count`` bytes ready from ``pos`` on; False when the data end before."""
        ready = len(self.buf) - self.pos
        if ready >= count:
            return True
        at = self._base + len(self.buf)
        wanted = max(count - ready, _READ)
        if self._limit is not None:
            wanted = min(wanted, self._limit - at)
        self.buf, self._base, self.pos = (
            self.buf[self.pos :] + (self._source.read_at(at, wanted) if wanted > 0 else b""),
            self._base + self.pos,
            0,
        )
        return len(self.buf) >= count

    def skip(self, count: int) -> int:
        """Pass over bytes; answers how many there were."""
        if self.pos + count <= len(self.buf):
            self.pos += count
            return count
        start = self._base + self.pos
        size = self._source.size() if self._limit is None else self._limit
        if size is None:  # a pipe: read on
            here = start + count
            at = self._base + len(self.buf)
            while at < here:
                data = self._source.read_at(at, min(_READ, here - at))
                if not data:
                    break
                at += len(data)
            size = here if at >= here else at
        there = min(start + count, size)
        self.buf, self.pos, self._base = b"", 0, there
        return there - start

    def left(self) -> int | None:
        """How many bytes there are from ``pos`` on; None while it is not known (a pipe)."""
        end = self._source.size() if self._limit is None else self._limit
        return None if end is None else max(0, end - self._base - self.pos)

    def place(self) -> Place:
        """Where the byte at ``pos`` lives."""
        return Place(self._base + self.pos, None)


class MemberFeed:
    """The plain bytes of compressed members one after the other.

    After a member that does not decode (``failed``) nothing comes.

    A member of up to :data:`WHOLE` plain bytes is decoded and checked whole before a byte of it is shown. ``in_record``
    tells the feed that a record is open: then a member that begins with ``WARC/`` is not its continuation, and the feed
    stops before it (``stopped``).

    Args:
        source: the file.
        codec: how it is compressed.
        start: where its first member lies, in bytes.
        limit: a strong border to stop before; None for the end of the file.
        border_behind: whether a strong border lies behind an offset. A member that seems cut there is corrupt: shown
            to where a split happens to end, or to the end of the file, it would differ with the splits.
    """

    compressed = True

    def __init__(
        self,
        source: Source,
        codec: Codec,
        start: int,
        limit: int | None,
        border_behind: Callable[[int], bool] = lambda at: False,
    ) -> None:
        self._border_behind = border_behind
        self._source, self._codec, self._limit = source, codec, limit
        self.buf, self.pos, self._plain = b"", 0, 0  # _plain: plain bytes shown so far
        self._members: list[list[int]] = []  # [plain start, offset, end or -1], oldest first
        self._at = start
        self._inflate: Inflate | None = None  # of a member that is decoded by pieces
        self._rest = b""
        self._pending: bytes | None = None
        self.in_record = False
        self.stopped = False
        self.failed: FeedError | None = None
        self.ended = False
        self.empty = 0

    def grow(self, count: int) -> bool:
        ready = len(self.buf) - self.pos
        if ready >= count:
            return True
        pieces = [self.buf[self.pos :]]
        while ready < count:
            piece = self._piece()
            if piece is None:
                break
            pieces.append(piece)
            ready += len(piece)
            self._plain += len(piece)
        self.buf, self.pos = b"".join(pieces), 0
        return ready >= count

    def skip(self, count: int) -> int:
        done = 0
        while done < count and (self.pos < len(self.buf) or self.grow(1)):
            step = min(count - done, len(self.buf) - self.pos)
            self.pos += step
            done += step
        return done

    def place(self) -> Place:
        here = self._plain - (len(self.buf) - self.pos)
        while len(self._members) > 1 and self._members[1][0] <= here:
            del self._members[0]
        if self._members and self._members[0][0] <= here:
            _, offset, end = self._members[0]
            return Place(offset, None if end < 0 else end)
        return Place(self._at, None)

    def at_member_end(self) -> bool:
        """Whether all that was decoded is used up, at the end of a member."""
        return self.pos == len(self.buf) and self._inflate is None and self.failed is None

    @property
    def next_offset(self) -> int:
        """Offset of the next member that was not shown yet; the end of the data when there is none."""
        return self._members[-1][1] if self._pending is not None else self._at

    def _read(self, at: int) -> bytes:
        step = self._codec.step
        return self._source.read_at(at, step if self._limit is None else max(0, min(step, self._limit - at)))

    def _piece(self) -> bytes | None:
        if self._pending is not None:
            if self.in_record:
                return None
            piece, self._pending, self.stopped = self._pending, None, False
            return piece
        if self.failed is not None or self.ended:
            return None
        if self._inflate is not None:
            return self._more(self._inflate)
        first = self._member()
        if first is not None and self.in_record and first.startswith(b"WARC/"):
            self._pending, self.stopped = first, True
            return None
        return first

    def _member(self) -> bytes | None:
        """The next non-empty member: whole, or its first piece when it is large."""
        while True:
            start = self._at
            data = self._read(start)
            if not data:
                self.ended = True
                return None
            if data[1:4] == ZSTD_SKIP and self._codec.name == "zstd":
                self._skippable(start, data)
                continue
            inflate, pieces, size, where = self._codec(), [], 0, start
            try:
                while True:
                    where += len(data)
                    piece = inflate.decompress(data)
                    pieces.append(piece)
                    size += len(piece)
                    if inflate.eof or size > WHOLE:
                        break
                    data = self._read(where)
                    if not data:
                        return self._fail(start, True, b"".join(pieces))
            except self._codec.errors:
                return self._fail(start, False, b"")
            self._at = where - (len(inflate.unused_data or b"") if inflate.eof else 0)
            if size == 0:
                self.empty += 1
                continue
            self._inflate = None if inflate.eof else inflate
            self._members.append([self._plain, start, self._at if inflate.eof else -1])
            return b"".join(pieces)

    def _more(self, inflate: Inflate) -> bytes | None:
        """The next piece of a large member. Of bad gzip data the good bytes before them still come, found one by one."""
        data = self._read(self._at)
        start = self._members[-1][1]
        if not data:
            return self._fail(start, True, b"")
        before: Any = inflate.copy() if self._codec.name == "gzip" else None  # type: ignore[attr-defined]
        try:
            piece = inflate.decompress(data)
        except self._codec.errors:
            good: list[bytes] = []
            with contextlib.suppress(*self._codec.errors):
                for at in range(len(data) if before is not None else 0):
                    good.append(before.decompress(data[at : at + 1]))
            return self._fail(start, False, b"".join(good))
        self._at += len(data)
        if inflate.eof:
            self._at -= len(inflate.unused_data or b"")
            self._members[-1][2] = self._at
            self._inflate = None
        return piece

    def _fail(self, start: int, cut: bool, good: bytes) -> bytes | None:
        if cut and (self._limit is not None or self._border_behind(start)):
            cut, good = False, b""
        self.failed = FeedError(start, cut)
        if not good:
            return None
        if not self._members or self._members[-1][1] != start:
            self._members.append([self._plain, start, -1])
        return good

    def _skippable(self, start: int, head: bytes) -> None:
        """A skippable zstd frame; at the start of the file it holds the dictionary of all others."""
        length = int.from_bytes(head[4:8], "little")
        if start == 0 and head[0] == 0x5D:
            self._codec = zstd_with_dictionary(self._source.read_at(8, length), self._source.uri)
        self._at = start + 8 + length
