"""An archive on standard input. What was read is kept in a temporary file: a resync after damage looks back."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import BinaryIO

from crawlmill.sources import Stamp


class Pipe:
    """Standard input, read by position; everything read so far stays readable until ``close``.

    Args:
        stream: the pipe; standard input when None.
        start: bytes of it that were already read (to see whether they are an archive).
    """

    uri = "-"
    opened: Stamp | None = None

    def __init__(self, stream: BinaryIO | None = None, start: bytes = b"") -> None:
        self._stream = sys.stdin.buffer if stream is None else stream
        self._spool = tempfile.TemporaryFile(prefix="crawlmill-")
        self._have = 0
        self._ended = False
        self._keep(start)

    def _keep(self, data: bytes) -> None:
        self._spool.seek(0, os.SEEK_END)
        self._spool.write(data)
        self._have += len(data)

    def read_at(self, offset: int, count: int) -> bytes:
        while not self._ended and self._have < offset + count:
            data = self._stream.read(min(1 << 20, offset + count - self._have))
            self._ended = not data
            self._keep(data)
        if offset >= self._have:
            return b""
        self._spool.seek(offset)
        return self._spool.read(min(count, self._have - offset))

    def size(self) -> int | None:
        return self._have if self._ended else None

    def now(self) -> None:
        return None

    def close(self) -> None:
        self._spool.close()
