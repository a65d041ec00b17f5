"""The codings of HTTP bodies undone within bounds: what gzip, deflate, br and zstd data give, up to where they break."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import NamedTuple, Protocol

from crawlmill.errors import MissingExtra
from crawlmill.warc.damage import BodyDamage

MOST_WINDOW = 1 << 27
"""Bytes of a window that a decoder may ask for: what zstd itself decodes unless it is told otherwise."""

_STEPS = (1 << 20, 1 << 12, 1)  # bytes asked for at once; the smaller ones only close in on an error
_FIRST_INPUT = 1 << 12  # for a stream behind another: thousands of tiny ones must not each copy all that follows


class Stream(Protocol):
    """A decoder as the standard library's `bz2` has it: bounded output; input that is not used up stays inside."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Coding(NamedTuple):
    """How to decode one kind of data.

    Attributes:
        open: makes a decoder of one stream.
        error: what it raises on data that do not decode.
        begins: do these bytes begin a stream? Asked again behind the end of one.
        most_input: bytes given to a decoder at once.
        window: bytes of memory that the stream which begins so asks for; None where the format bounds them.
    """

    open: Callable[[], Stream]
    error: type[Exception]
    begins: Callable[[bytes], bool]
    most_input: int = 1 << 16
    window: Callable[[bytes], int] | None = None


def decode(coding: Coding, data: bytes, limit: int) -> tuple[bytes, bool]:
    """What `data` decode to, and whether they do so to their end.

    A decoder that meets an error throws away what it decoded in that call. The data are then decoded again up to the
    last good step and on from there in smaller steps, so that the part before the error depends on the data alone and
    not on the sizes of buffers.

    Args:
        coding: of :func:`gzip`, :func:`zstd` and so on.
        data: one stream, or several one behind the other; zero bytes may follow.
        limit: the most bytes to give back.

    Returns:
        The decoded bytes, and False when the data break off, do not decode, or are followed by something else.

    Raises:
        BodyDamage: ``oversized``: there are more than `limit` bytes, or decoding takes a window above
            :data:`MOST_WINDOW`. No more than some MiB beyond the limit were decoded.

    >>> decode(zlib_deflate(), zlib.compress(b"crawl")[:-4], 100)
    (b'crawl', False)
    """
    good: list[int] = []
    pieces: list[bytes] = []
    for step in _STEPS:
        reader = _Reader(coding, data)
        pieces = [reader.read(size) for size in good]
        length = sum(map(len, pieces))
        try:
            while length <= limit:
                piece = reader.read(step)
                if not piece:
                    return b"".join(pieces), reader.sound
                pieces.append(piece)
                good.append(step)
                length += len(piece)
        except coding.error:
            continue
        raise BodyDamage("oversized")
    return b"".join(pieces), False


class _Reader:
    """What `data` decode to, read in steps of any size."""

    def __init__(self, coding: Coding, data: bytes) -> None:
        self.coding, self.data, self.at = coding, data, 0
        self.stream, self.most_input = self._open(), coding.most_input
        self.sound = False  # the end was reached, and nothing but zero bytes lies behind it

    def _open(self) -> Stream:
        window = self.coding.window
        if window is not None and window(self.data[self.at : self.at + 18]) > MOST_WINDOW:
            raise BodyDamage("oversized")
        return self.coding.open()

    def read(self, size: int) -> bytes:
        """About `size` bytes or fewer; none at the end."""
        while True:
            if self.stream.eof:
                self.at -= len(self.stream.unused_data)
                if not self.coding.begins(self.data[self.at : self.at + 8]):
                    self.sound = not self.data[self.at :].strip(b"\0")
                    return b""
                self.stream, self.most_input = self._open(), min(self.coding.most_input, _FIRST_INPUT)
            hungry = self.stream.needs_input
            given = b""
            if hungry:
                given = self.data[self.at : self.at + min(size, self.most_input)]
                self.at += len(given)
                self.most_input = min(self.coding.most_input, 2 * self.most_input)
            piece = self.stream.decompress(given, size)
            if piece:
                return piece
            if hungry and not given and not self.stream.eof:
                return b""


def gzip() -> Coding:
    """RFC 1952: members one behind the other, their CRC and length checked."""
    return _GZIP


def zlib_deflate() -> Coding:
    """RFC 1950, what HTTP calls ``deflate``."""
    return _ZLIB


def raw_deflate() -> Coding:
    """RFC 1951 without a frame, what some servers call ``deflate`` (RFC 9110, 8.4.1.2)."""
    return _DEFLATE


def brotli() -> Coding:
    """RFC 7932.

    Raises:
        MissingExtra: neither brotli nor brotlicffi is installed, or only a version that knows no bound of its output.
    """
    for name in ("brotli", "brotlicffi"):
        try:
            package = import_module(name)
        except ImportError:
            continue
        opened = package.Decompressor
        if hasattr(opened, "can_accept_more_data"):  # since 1.2, with the bound
            # It keeps input that it has no room to decode, and raises for junk behind the end together with the last
            # output: little input at once leaves little to lose.
            return Coding(partial(_open_brotli, opened), package.error, _never, 256)
    raise MissingExtra("brotli>=1.2", "codecs")


def zstd() -> Coding:
    """RFC 8878: frames one behind the other.

    Raises:
        MissingExtra: neither zstandard nor Python's own module (3.14) is there.
    """
    try:
        package = import_module("zstandard")
    except ImportError:
        pass
    else:
        # It knows no bound of its output, but its input bounds it: four bytes give at most one block of 128 KiB
        # (RFC 8878, 3.1.1.2), so 256 bytes give 8 MiB.
        frames = package.ZstdDecompressor(
            max_window_size=MOST_WINDOW
        )  # one for all: to make one takes longer than to use it
        return Coding(lambda: _Zstandard(frames.decompressobj()), package.ZstdError, begins_zstd, 256, zstd_window)
    try:
        package = import_module("compression.zstd")
    except ImportError:
        raise MissingExtra("zstandard", "codecs") from None
    return Coding(package.ZstdDecompressor, package.ZstdError, begins_zstd, window=zstd_window)


def begins_gzip(data: bytes) -> bool:
    """Whether `data` begin with the magic of a gzip member."""
    return data.startswith(b"\x1f\x8b")


def begins_zlib(data: bytes) -> bool:
    """Whether `data` begin with what may be a header of RFC 1950; a check of four bits and a sum, not a magic."""
    return len(data) > 1 and data[0] & 15 == 8 and (data[0] << 8 | data[1]) % 31 == 0


def begins_zstd(data: bytes) -> bool:
    """Whether `data` begin with the magic of a zstd frame or of a skippable one (RFC 8878, 3.1)."""
    return data.startswith(b"\x28\xb5\x2f\xfd") or (data[1:4] == b"\x2a\x4d\x18" and data[0] >> 4 == 5)


def zstd_window(head: bytes) -> int:
    """Bytes of the window of the zstd frame that begins with `head`, of which 18 bytes are enough (RFC 8878, 3.1.1.1).

    0 for a skippable frame, and for one that is cut inside its header.

    >>> zstd_window(b"\\x28\\xb5\\x2f\\xfd\\x00\\x90") >> 20
    256
    """
    if not head.startswith(b"\x28\xb5\x2f\xfd") or len(head) < 6:
        return 0
    flags = head[4]
    if not flags & 0x20:
        base = 1 << 10 + (head[5] >> 3)
        return base + (base >> 3) * (head[5] & 7)
    at = (
        5 + (0, 1, 2, 4)[flags & 3]
    )  # a single segment: the window is the content, whose size stands behind the dictionary's
    size = (1, 2, 4, 8)[flags >> 6]
    return int.from_bytes(head[at : at + size], "little") + (256 if size == 2 else 0)


def _never(data: bytes) -> bool:
    return False


class _Zlib:
    """zlib's decompressor with its leftover input kept inside.

    No call takes in more bytes than it may give out: zlib reads on after the last byte it has room for, and an error
    there, such as a wrong checksum, would take that byte along.
    """

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data + self._waiting

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data = self._waiting + data
        piece = self._zlib.decompress(data[:max_length], max_length)
        self._waiting = self._zlib.unconsumed_tail + data[max_length:]
        return piece


_GZIP = Coding(lambda: _Zlib(31), zlib.error, begins_gzip)
_ZLIB = Coding(lambda: _Zlib(15), zlib.error, _never)
_DEFLATE = Coding(lambda: _Zlib(-15), zlib.error, _never)


class _BrotliDecompressor(Protocol):
    def process(self, data: bytes, output_buffer_limit: int) -> bytes: ...

    def is_finished(self) -> bool: ...

    def can_accept_more_data(self) -> bool: ...


class _Brotli:
    unused_data = b""  # it raises on what lies behind the end, unless that comes in a later call

    def __init__(self, decompressor: _BrotliDecompressor) -> None:
        self._brotli = decompressor

    @property
    def eof(self) -> bool:
        return self._brotli.is_finished()

    @property
    def needs_input(self) -> bool:
        return self._brotli.can_accept_more_data()

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._brotli.process(data, output_buffer_limit=max_length)


def _open_brotli(decompressor: Callable[[], _BrotliDecompressor]) -> _Brotli:
    return _Brotli(decompressor())


class _ZstandardDecompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes) -> bytes: ...


class _Zstandard:
    needs_input = True

    def __init__(self, decompressor: _ZstandardDecompressor) -> None:
        self._zstd = decompressor

    @property
    def eof(self) -> bool:
        return self._zstd.eof

    @property
    def unused_data(self) -> bytes:
        return self._zstd.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._zstd.decompress(data)
