"""The block of a record that is a gzip member by itself: its first bytes, or all of it, inflated when they are asked for."""

from __future__ import annotations

import zlib
from typing import Any

from crawlmill.warc.damage import BodyDamage

try:
    import deflate

    _deflate: Any = deflate
except ImportError:  # crawlmill[fast]: faster, never another row
    _deflate = None

FIRST, FIRST_OUT = 640, 2048
"""Compressed bytes of the first inflate of a member, and the most plain bytes it may give: fixed, so that what it
notices is the same in every run."""
STEP = 512


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
