"""The bytes of WARC records and of the gzip members around them."""

from __future__ import annotations

import base64
import hashlib
import struct
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import datetime

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Headers = tuple[tuple[str, str], ...]


def warc_record(headers: Headers, block: bytes, version: str = "1.0", newline: str = "\r\n") -> bytes:
    """One record: version line, header lines, empty line, block, two line ends."""
    lines = [f"WARC/{version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return newline.join(lines).encode() + block + 2 * newline.encode()


def header_length(headers: Headers) -> int:
    """Bytes from the version line to the empty line, both included."""
    return len(warc_record(headers, b"")) - 4


def member(plain: bytes, level: int = 6) -> bytes:
    """One gzip member without time or name: nothing but the zlib build can change a byte of it."""
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = deflate.compress(plain) + deflate.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + struct.pack("<II", zlib.crc32(plain), len(plain))


def digest(data: bytes) -> str:
    """`sha1:` and base32, as Common Crawl writes it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def record_id(*names: str) -> str:
    """The same id for the same names."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(names))}>"


def warc_date(moment: datetime) -> str:
    """WARC-Date of WARC/1.0: seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(moment: datetime) -> str:
    """An HTTP date, without asking the locale for names."""
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[moment.weekday()]
    month = MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment:%Y %H:%M:%S} GMT"


@dataclass(frozen=True)
class Place:
    """Where a record lies in its file: bytes of the compressed member, and what the member inflates to."""

    offset: int
    length: int
    plain_length: int
    crc: int


@dataclass
class GzipFile:
    """A `.warc.gz` being written, one member a record."""

    level: int
    data: bytearray = field(default_factory=bytearray)

    def add(self, headers: Headers, block: bytes, level: int | None = None) -> Place:
        plain = warc_record(headers, block)
        packed = member(plain, self.level if level is None else level)
        place = Place(len(self.data), len(packed), len(plain), zlib.crc32(plain))
        self.data += packed
        return place
