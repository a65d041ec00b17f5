"""Payloads made byte by byte, so that no compression library decides what they are: gzip, chunks, images, a PDF."""

from __future__ import annotations

import random
import struct
import zlib


def deflated(data: bytes) -> bytes:
    """Deflate data in one block of the fixed code, without matches (RFC 1951, 3.2.6); stored blocks where shorter.

    The bytes differ from the input at every place, as real compression does, and are the same for every zlib.

    >>> zlib.decompress(deflated("grüße".encode() * 9), -15) == "grüße".encode() * 9
    True
    """
    codes = (format(0x30 + byte, "08b") if byte < 144 else format(0x190 + byte - 144, "09b") for byte in data)
    bits = "110" + "".join(codes) + "0000000"
    bits += "0" * (-len(bits) % 8)
    packed = int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")
    raw = stored(data)
    return raw if len(raw) < len(packed) else packed


def stored(data: bytes) -> bytes:
    """Deflate data in stored blocks (RFC 1951, 3.2.4): the input itself, with five bytes before each 65,535."""
    starts = range(0, len(data) or 1, 65535)
    pieces = ((start == starts[-1], data[start : start + 65535]) for start in starts)
    return b"".join(struct.pack("<BHH", last, len(piece), len(piece) ^ 0xFFFF) + piece for last, piece in pieces)


def gzipped(data: bytes) -> bytes:
    """One gzip member (RFC 1952) without time or name."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated(data) + struct.pack("<II", zlib.crc32(data), len(data))


def zlib_wrapped(data: bytes) -> bytes:
    """What `Content-Encoding: deflate` means (RFC 1950)."""
    return b"\x78\x01" + deflated(data) + struct.pack(">I", zlib.adler32(data))


def chunked(data: bytes, size: int = 700) -> bytes:
    """`Transfer-Encoding: chunked` (RFC 9112, 7.1), a chunk extension included.

    >>> chunked(b"hello", 3)
    b'3;n=0\\r\\nhel\\r\\n2;n=3\\r\\nlo\\r\\n0\\r\\n\\r\\n'
    """
    chunks = ((start, data[start : start + size]) for start in range(0, len(data), size))
    return b"".join(b"%x;n=%d\r\n%b\r\n" % (len(chunk), start, chunk) for start, chunk in chunks) + b"0\r\n\r\n"


def noise(size: int, seed: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


def png(width: int, height: int, seed: int) -> bytes:
    """A valid RGB picture of noise."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + noise(3 * width, seed + row) for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib_wrapped(rows)) + chunk(b"IEND", b"")


def gif() -> bytes:
    """The transparent GIF of one pixel that counts visitors."""
    palette = b"\xff\xff\xff\0\0\0"
    return b"GIF89a\1\0\1\0\x80\0\0" + palette + b"!\xf9\4\1\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0" + b"\2\2D\1\0" + b";"


def pdf(line: str) -> bytes:
    """A PDF of one page with one line on it."""
    content = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET".encode("ascii")
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return out + trailer % (table, len(out))
