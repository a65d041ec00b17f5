"""A remote file, read by position out of few large reads: a request costs as much time as some MiB, whatever it asks for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Callable

from crawlmill.stores.patience import outside, patiently

WINDOW = 8 << 20
"""Bytes of a read at most."""
HELD = 2 * WINDOW
"""Bytes that are kept; one read is on its way besides, so that a file takes three windows at most."""
LEAST = 64 << 10
"""Bytes of a read at least, unless the file ends, or what is to be read of it; so many tell what kind of file it is."""
_BEGIN, _GROWTH = 1 << 20, 4  # bytes of the first of several reads outside of all spans, and how they grow
Read = Callable[[int, int], bytes]


class Windows:
    """Reads of a file, kept and joined.

    Inside of a span a read goes to its end, or takes a window; one that goes on where the last one ended makes the next
    window be read ahead, which never leaves the span. Outside of all spans (the first bytes, what lies behind a split) it
    takes little, and more each time it goes on.

    Args:
        read: one read of at most :data:`WINDOW` bytes; it returns fewer only at the end of the file.
        uri: the file, for messages.
        size: its size in bytes; None while it is not known.
        spans: what will be read, in order; None where that is not known.

    >>> asked = []
    >>> data = bytes(1000)
    >>> def read(offset, count):
    ...     asked.append((offset, count))
    ...     return data[offset : offset + count]
    >>> file = Windows(read, "x://h/a", 1000, [(200, 900)])
    >>> [len(file.read_at(at, 60)) for at in (200, 500, 990, 0, 1000)], asked
    ([60, 60, 10, 60, 0], [(200, 700), (990, 10), (0, 1000)])
    """

    def __init__(self, read: Read, uri: str, size: int | None, spans: Sequence[tuple[int, int]] | None) -> None:
        self.size = size
        self._read, self._uri = read, uri
        self._spans = spans or ()
        self._blocks: list[tuple[int, bytes]] = []  # the last one was used last
        self._end, self._step = -WINDOW, _BEGIN
        self._ahead: _Ahead | None = None

    def read_at(self, offset: int, count: int) -> bytes:
        """Bytes from a position on; fewer at the end of the file."""
        if self.size is not None:
            count = min(count, self.size - offset)
        if count <= 0 or offset < 0:
            return b""
        pieces: list[bytes] = []
        at, end = offset, offset + count
        while at < end:
            start, data = self._block(at, end - at)
            piece = data[at - start : end - start]
            if not piece:
                break
            pieces.append(piece)
            at += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Forget everything; a read that is on its way is waited for."""
        self._blocks = []
        if self._ahead is not None:
            self._ahead.taken()
            self._ahead = None

    def _block(self, at: int, wanted: int) -> tuple[int, bytes]:
        """What is held that begins at a position or before, and goes beyond it; it is read if it is not there."""
        for number, (start, data) in enumerate(self._blocks):
            if start <= at < start + len(data):
                self._blocks.append(self._blocks.pop(number))
                return self._blocks[-1]
        goes_on = (
            self._end <= at <= self._end + self._step
        )  # also past something short, as a body that is not asked for
        count, stop = self._extent(at, wanted, goes_on)
        found = self._from_ahead(at, count)
        if found is None:
            found = at, patiently(lambda: self._read(at, count), self._uri)
            if len(found[1]) < count:
                self.size = at + len(found[1])
        else:
            goes_on = True
        self._end = found[0] + len(found[1])
        self._blocks.append(found)
        self._forget()
        if goes_on and self._end < stop:
            self._ahead = _Ahead(self._read, self._end, min(WINDOW, stop - self._end))
        return found

    def _forget(self) -> None:
        """Keep to the limit. First goes what the reader has passed: it looks back after damage only."""
        at, _ = self._blocks[-1]
        while len(self._blocks) > 1 and sum(len(data) for _, data in self._blocks) > HELD:
            passed = [block for block in self._blocks if block[0] + len(block[1]) <= at]
            self._blocks.remove(min(passed, key=lambda block: block[0]) if passed else self._blocks[0])

    def _extent(self, at: int, wanted: int, goes_on: bool) -> tuple[int, int]:
        """How many bytes to read, and up to where one may read ahead."""
        stop = next((end for start, end in self._spans if start <= at < end), 0)
        if self.size is not None:
            stop = min(stop, self.size)
        if stop > at:
            inside = stop - at
            count = min(inside, WINDOW) if wanted <= inside else max(min(wanted, WINDOW), LEAST)
            self._step = _BEGIN // _GROWTH
        else:
            least = LEAST if at == 0 else min(self._step * _GROWTH, WINDOW) if goes_on else _BEGIN
            count = self._step = max(least, min(wanted, WINDOW))
        held = min((start for start, _ in self._blocks if start > at), default=at + count)
        count = min(count, max(held - at, LEAST))
        return (count if self.size is None else min(count, self.size - at)), stop

    def _from_ahead(self, at: int, count: int) -> tuple[int, bytes] | None:
        """What was read ahead, if this is in it. It is kept for later when the read in between is a small one."""
        ahead = self._ahead
        if ahead is None or (count <= LEAST and not ahead.start <= at < ahead.start + ahead.count):
            return None
        self._ahead, data = None, ahead.taken()
        if data is None or len(data) < ahead.count or not ahead.start <= at < ahead.start + ahead.count:
            return None
        return ahead.start, data


class _Ahead:
    """One read in a thread of its own. When it fails, its bytes are asked for again where they are needed."""

    def __init__(self, read: Read, start: int, count: int) -> None:
        self.start, self.count = start, count
        self._data: bytes | None = None
        self._thread = threading.Thread(target=self._run, args=(read,), name="crawlmill-ahead", daemon=True)
        self._thread.start()

    def _run(self, read: Read) -> None:
        try:
            self._data = read(self.start, self.count)
        except Exception:
            self._data = None

    def taken(self) -> bytes | None:
        """Its bytes; None when it failed."""
        with outside():
            self._thread.join()
        return self._data
