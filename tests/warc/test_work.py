"""Reading is linear in the plain bytes, whatever the bytes are: twice the input takes about twice the work, counted and not timed."""

from __future__ import annotations

import gzip
import struct
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from memory import Memory, read

SIZE = 60_000
MOST = 2.7
"""How much more work the double input may take: what happens once a region, or once a file, is not twice as much."""


class Counted(Memory):
    """An archive in memory that counts the bytes that are asked of it."""

    asked = 0

    def read_at(self, offset: int, count: int) -> bytes:
        data = super().read_at(offset, count)
        self.asked += len(data)
        return data


def work(data: bytes) -> float:
    """Calls of functions, of Python and of C, and thousands of bytes read."""
    calls = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    source = Counted(data)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        read(source, http=False)
    finally:
        sys.setprofile(before)
    return calls + source.asked / 1000


def nested_blocks(size: int) -> bytes:
    """Members that begin every 20 bytes, each in a stored block that ends where another one's header stands: every one of
    them can be decoded to the end of the file."""
    length = 65_535 - (65_535 - 15) % 20
    block = b"\0" + struct.pack("<HH", length, length ^ 0xFFFF)
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + block + b"WARC/") * (size // 20)


def to_bad_places(size: int) -> bytes:
    """Records of which every one seems to end at another place, where a header begins that has no end."""
    first = b"".join(b"WARC/1.0\nWARC-Type: x\nContent-Length: %d\n\n" % (size // 2) for _ in range(size // 90))
    return first + b"aWARC/1.0\nb: c" * (size // 28)


TINY = gzip.compress(b"WARC/1.0\r\n\r\n", mtime=0)
SHAPES: dict[str, Callable[[int], bytes]] = {
    "headers in headers, gzip": lambda size: gzip.compress(b"WARC/1.0\r\nX: y\r\n" * (size // 4), mtime=0),
    "headers in headers": lambda size: b"WARC/1.0\r\nWARC-Type: y\r\n" * (size // 23),
    "versions in mid-line": lambda size: b"WARC/1.0\r\n" + b"a:WARC/1.0\nWARC-Type: x\n" * (size // 24) + b"\n\n",
    "lengths that are too large": lambda size: b"WARC/1.0\r\nWARC-Type: x\r\nContent-Length: 999999\r\n\r\nabc" * (size // 56),
    "lengths that are too small": lambda size: b"WARC/1.0\r\nWARC-Type: x\r\nContent-Length: 1\r\n\r\nabc" * (size // 51),
    "lengths that lead to one another": to_bad_places,
    "no lengths": lambda size: b"WARC/1.0\r\nWARC-Type: x\r\n\r\nabc\n" * (size // 32),
    "no lengths, gzip": lambda size: gzip.compress(b"WARC/1.0\r\nWARC-Type: x\r\n\r\nabc\n" * (size // 32), mtime=0),
    "magics": lambda size: b"\x1f\x8b\x08" * (size // 3),
    "magics with a sound header": lambda size: b"\x1f\x8b\x08\0" * (size // 4),
    "members in members": nested_blocks,
    "tiny members, chains that break": lambda size: (TINY * 50 + b"\0") * (size // (50 * len(TINY))),
    "empty members": lambda size: gzip.compress(b"", mtime=0) * (size // 20),
    "skippable frames": lambda size: struct.pack("<II", 0x184D2A50, 0) * (size // 8),
    "zstd magics": lambda size: b"\x28\xb5\x2f\xfd\0" * (size // 5),
    "bz2 magics": lambda size: b"BZh91AY&SY" * (size // 10),
    "xz magics": lambda size: b"\xfd7zXZ\x00\x00\x04" * (size // 8),
    "line ends": lambda size: b"WARC/1.0\r\nContent-Length: 0\r\n\r\n" + b"\r\n" * (size // 2),
    "ARC lines that lead nowhere": lambda size: b"http://a/ 192.0.2.7 20080102030405 text/html 9999999\n" * (size // 54),
    "ARC dates in one line": lambda size: b"http://a/ 192.0.2.7 20080102030405 text/html 5\nhello\n" + b" 20080102030405 " * (size // 16),
    "one byte a member": lambda size: b"".join(
        gzip.compress(bytes([byte]), 0, mtime=0) for byte in b"WARC/1.0\r\nContent-Length: 9999999\r\n\r\n" + b"a" * (size // 24)
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_input_is_twice_the_work(shape: str) -> None:
    once, twice = (work(SHAPES[shape](size)) for size in (SIZE, 2 * SIZE))
    assert twice <= MOST * once + 2000, f"{once:.0f}, then {twice:.0f}"
