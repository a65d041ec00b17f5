"""One decompressor a member (gzip), frame (zstd, lz4) or stream (bz2, xz), all with the face of ``zlib.decompressobj``."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any, Callable, Protocol

from crawlmill.errors import MissingExtra


class Inflate(Protocol):
    """What is needed of a decompressor. ``unused_data`` is what follows the member's end."""

    eof: bool
    unused_data: bytes

    def decompress(self, data: bytes) -> bytes: ...


ZSTD, ZSTD_SKIP, LZ4, GZIP, BZ2, XZ = (
    b"\x28\xb5\x2f\xfd",
    b"\x2a\x4d\x18",
    b"\x04\x22\x4d\x18",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\x00",
)


class Codec(Protocol):
    """How one layout is decompressed: ``step`` compressed bytes are fed at a time, ``errors`` are what bad data raise."""

    name: str
    step: int
    errors: tuple[type[BaseException], ...]

    def __call__(self) -> Inflate: ...


class _Codec:
    def __init__(
        self, name: str, make: Callable[[], Any], errors: tuple[type[BaseException], ...], step: int = 1 << 16
    ) -> None:
        self.name, self._make, self.errors, self.step = name, make, errors, step

    def __call__(self) -> Inflate:
        inflate: Inflate = self._make()
        return inflate


def gzip_codec() -> Codec:
    """gzip members, RFC 1952: CRC32 and ISIZE are checked."""
    return _Codec("gzip", lambda: zlib.decompressobj(31), (zlib.error,))


def codec_for(head: bytes, uri: str) -> Codec | None:
    """The codec of a file that begins with these bytes; None when it is not compressed.

    Raises:
        MissingExtra: the decoder is not installed; never damage.
    """
    if head.startswith(GZIP):
        return gzip_codec()
    if head.startswith(BZ2):
        return _Codec("bz2", bz2.BZ2Decompressor, (OSError, ValueError))
    if head.startswith(XZ):
        return _Codec("xz", lambda: lzma.LZMADecompressor(memlimit=1 << 28), (lzma.LZMAError,))
    if head.startswith(LZ4):
        try:
            import lz4.frame
        except ImportError:
            raise MissingExtra("lz4", "codecs", uri) from None
        return _Codec("lz4", lz4.frame.LZ4FrameDecompressor, (RuntimeError, ValueError, EOFError))
    if head.startswith(ZSTD) or (head[1:4] == ZSTD_SKIP and head[0] & 0xF0 == 0x50):
        return _zstd_codec(uri)
    return None


def _zstd_codec(uri: str, dictionary: bytes | None = None) -> Codec:
    try:
        import zstandard
    except ImportError:
        raise MissingExtra("zstandard", "codecs", uri) from None
    words = None if dictionary is None else zstandard.ZstdCompressionDict(dictionary)
    # 4 KiB at a time: a run-length block makes 128 KiB of 4 bytes
    return _Codec(
        "zstd", lambda: zstandard.ZstdDecompressor(dict_data=words).decompressobj(), (zstandard.ZstdError,), 1 << 12
    )


def zstd_with_dictionary(frame: bytes, uri: str) -> Codec:
    """The codec of a .warc.zst whose first, skippable frame holds this dictionary (itself compressed or not).

    Source: the WARC zstd proposal of the IIPC, "Zstandard for WARC".
    """
    if frame.startswith(ZSTD):
        frame = _zstd_codec(uri)().decompress(frame)
    return _zstd_codec(uri, frame)
