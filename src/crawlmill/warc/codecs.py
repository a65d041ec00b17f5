"""One decoder a member (gzip), frame (zstd, lz4) or stream (bz2, xz): compressed bytes in, plain bytes in bounded pieces out."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from re import Pattern
from typing import Any, Callable

from crawlmill.errors import MissingExtra

ZSTD, LZ4, GZIP, BZ2, XZ = (
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
)
SKIP = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""A skippable frame, of zstd and of lz4 (RFC 8878, 3.1.2)."""
DICTIONARY = b"\x5d\x2a\x4d\x18"
WINDOW = 128 << 20
"""Bytes of history that a decoder may ask for; a frame that needs more is refused as ``oversized``."""
PIECE = 1 << 20
_DICTIONARY = 16 << 20  # bytes of a dictionary, at most


class BadData(Exception):
    """Compressed bytes that do not decode."""


class LargeWindow(BadData):
    """A frame whose decoder needs more memory than :data:`WINDOW`."""


class Decoder:
    """Decodes one member.

    Attributes:
        eof: whether the member's end was reached.
        unused: of the bytes fed, those behind the end.
    """

    def __init__(self, raw: Any, errors: tuple[type[BaseException], ...]) -> None:
        self._raw, self._errors = raw, errors
        self.eof = False
        self.unused = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of more compressed ones, in pieces of bounded size. Raises :class:`BadData`."""
        raw = self._raw
        try:
            yield from self._pieces(raw, data)
        except self._errors as error:
            raise (LargeWindow if "memory" in str(error).lower() else BadData)() from None
        self.eof = raw.eof
        if raw.eof:
            self.unused = raw.unused_data or b""

    def _pieces(self, raw: Any, data: bytes) -> Iterator[bytes]:
        yield raw.decompress(data, PIECE)
        while not raw.eof and not raw.needs_input:
            yield raw.decompress(b"", PIECE)


class _Zlib(Decoder):
    def _pieces(self, raw: Any, data: bytes) -> Iterator[bytes]:
        yield raw.decompress(data, PIECE)
        while raw.unconsumed_tail and not raw.eof:
            yield raw.decompress(raw.unconsumed_tail, PIECE)


class _Zstd(Decoder):
    """zstandard's decoder has no limit of its own, and a block of four bytes may give 128 KiB: so it is fed block by block."""

    _BLOCKS = 8

    def __init__(self, raw: Any, errors: tuple[type[BaseException], ...]) -> None:
        super().__init__(raw, errors)
        self._head = b""  # of the frame, or of a block, as far as it came
        self._left = 0  # bytes before the next block's header
        self._in_frame = self._last = False

    def _pieces(self, raw: Any, data: bytes) -> Iterator[bytes]:
        start = at = blocks = 0
        while at < len(data) and not self._last:
            if self._left:
                step = min(self._left, len(data) - at)
                at, self._left = at + step, self._left - step
                continue
            count = 3 if self._in_frame else 5
            taken = data[at : at + count - len(self._head)]
            at, self._head = at + len(taken), self._head + taken
            if len(self._head) < count:
                break
            self._next(self._head)
            self._head, blocks = b"", blocks + 1
            if blocks >= self._BLOCKS:
                yield raw.decompress(data[start:at])
                start, blocks = at, 0
        yield raw.decompress(data[start:])

    def _next(self, head: bytes) -> None:
        """Take in the header of the frame (RFC 8878, 3.1.1.1) or of a block (3.1.1.2)."""
        if self._in_frame:
            self._last = bool(head[0] & 1)
            kind = head[0] >> 1 & 3
            self._left = 1 if kind == 1 else int.from_bytes(head, "little") >> 3
            return
        flags = head[4]
        single = flags >> 5 & 1
        self._left = (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
        self._in_frame = True


@dataclass(frozen=True)
class Codec:
    """How one layout is compressed.

    Attributes:
        name: of the layout.
        magic: finds where a member may begin.
        chain: compressed bytes over which members must follow one another so that the first of them is surely no part of
            another one: the longest run of bytes that the format stores raw.
        step: compressed bytes to feed at a time.
        make: makes a decoder.
    """

    name: str
    magic: Pattern[bytes]
    chain: int
    step: int
    make: Callable[[], Decoder]

    def plain(self, head: bytes, most: int) -> bytes:
        """The first plain bytes, as far as they can be had from the first compressed ones, whatever members they are in."""
        decoder, found, at, step = self.make(), b"", 0, 16
        try:
            while at < len(head) and len(found) < most:
                data = head[at : at + step]
                at += len(data)
                step = min(2 * step, self.step, 1 << 12)  # small ones first: what is before damage comes
                for piece in decoder.feed(data):
                    found += piece[: most - len(found)]
                if decoder.eof:
                    at -= len(decoder.unused)
                    decoder = self.make()
        except BadData:
            pass
        return found


def _codec(
    name: str, magic: bytes, chain: int, make: Callable[[], Any], *errors: type[BaseException], step: int = 1 << 16
) -> Codec:
    kind = {"gzip": _Zlib, "zstd": _Zstd}.get(name, Decoder)
    return Codec(name, re.compile(magic, re.DOTALL), chain, step, lambda: kind(make(), errors))


def _bytes_with(clear: int) -> bytes:
    """A set of the bytes in which these bits are clear, for a pattern."""
    return b"[" + b"".join(b"\\x%02x" % value for value in range(256) if not value & clear) + b"]"


_NO_FIELD, _WITH_FIELD = rb"[\x00-\x03\x08-\x0b\x10-\x13\x18-\x1b]", rb"[\x04-\x07\x0c-\x0f\x14-\x17\x1c-\x1f]"
GZIP_CODEC = _codec(
    "gzip",
    rb"\x1f\x8b\x08(?=%b|%b.{6}(?:.\x00|\x00\x01))" % (_NO_FIELD, _WITH_FIELD),  # an extra field of 256 bytes at most
    65_535,
    lambda: zlib.decompressobj(31),
    zlib.error,
)
"""gzip members (RFC 1952): CRC32 and ISIZE are checked. A stored block has at most 65,535 bytes (RFC 1951, 3.2.4)."""
_BZ2_CODEC = _codec(
    "bz2", rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", 0, bz2.BZ2Decompressor, OSError, ValueError, EOFError
)  # stores nothing raw
_XZ_CODEC = _codec(
    "xz",
    rb"\xfd7zXZ\x00",
    1 << 16,
    lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, WINDOW + (1 << 20)),
    lzma.LZMAError,
    EOFError,
)  # an uncompressed chunk of LZMA2 has at most 64 KiB


def codec_for(head: bytes, uri: str) -> Codec | None:
    """The codec of a member that begins with these bytes; None when it is none.

    Raises:
        MissingExtra: the decoder is not installed; never damage.
    """
    if head.startswith(GZIP):
        return GZIP_CODEC
    if head.startswith(BZ2):
        return _BZ2_CODEC
    if head.startswith(XZ):
        return _XZ_CODEC
    if head.startswith(LZ4):
        return _lz4_codec(uri)
    if head.startswith(ZSTD):
        return zstd_codec(uri)
    return None


def _lz4_codec(uri: str) -> Codec:
    try:
        import lz4.frame
    except ImportError:
        raise MissingExtra("lz4", "codecs", uri) from None
    make = lz4.frame.LZ4FrameDecompressor
    magic = re.escape(LZ4) + rb"(?=[\x40-\x7f][\x40\x50\x60\x70])"
    return _codec("lz4", magic, 4 << 20, make, RuntimeError, ValueError, EOFError)  # a block: 4 MiB at most


def zstd_codec(uri: str, dictionary: bytes | None = None) -> Codec:
    """The codec of zstd frames (RFC 8878).

    Args:
        uri: the file, for the error.
        dictionary: of all frames; itself compressed or not. Source: the IIPC's "Zstandard for WARC".

    Raises:
        MissingExtra: zstandard is not installed.
        BadData: the dictionary is none, or too large.
    """
    try:
        import zstandard
    except ImportError:
        raise MissingExtra("zstandard", "codecs", uri) from None
    words = None
    if dictionary is not None:
        if dictionary.startswith(ZSTD):
            dictionary = zstd_codec(uri).plain(dictionary, _DICTIONARY + 1)
        if len(dictionary) > _DICTIONARY:
            raise BadData
        words = zstandard.ZstdCompressionDict(dictionary)
        try:
            zstandard.ZstdDecompressor(dict_data=words).decompressobj()
        except zstandard.ZstdError:
            raise BadData from None
    return _codec(
        "zstd",
        re.escape(ZSTD) + b"(?=%b)" % _bytes_with(0x08),  # the reserved bit of the frame header
        128 << 10,  # a block: 128 KiB at most
        lambda: zstandard.ZstdDecompressor(dict_data=words, max_window_size=WINDOW).decompressobj(),
        zstandard.ZstdError,
        step=1 << 12,  # what is fed behind a frame is copied
    )


def may_begin(codec: Codec, head: bytes) -> bool:
    """Whether a member, or a skippable frame, may begin with these bytes; fewer than its magic at the end of a file may."""
    magic = {"gzip": GZIP, "zstd": ZSTD, "lz4": LZ4, "bz2": BZ2, "xz": XZ}[codec.name]
    return magic.startswith(head[: len(magic)]) or SKIP.match(head) is not None
