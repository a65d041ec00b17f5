"""An archive on standard input or in a named pipe. What was read is kept in a temporary file: a resync after damage looks
back."""

from __future__ import annotations

import os
import select
import sys
import tempfile
import time
from typing import BinaryIO

from crawlmill.errors import CrawlmillError
from crawlmill.stores.names import STDIN
from crawlmill.stores.store import Entry, Opened, Spans, Store

PATIENCE = 10.0
"""Seconds in which somebody must have opened a named pipe for writing."""
_POLL = 0.02


class StandardInput(Store):
    """Standard input, the URI ``-``."""

    def open(self, uri: str, known: Entry | None = None, spans: Spans | None = None) -> Opened:
        return standard_input()

    def tell(self, uri: str) -> Entry:
        return Entry(STDIN, None, None)

    def identity(self, uri: str, known: Entry | None = None) -> tuple[object, ...]:
        return STDIN, STDIN


def standard_input() -> Opened:
    """Standard input as an archive; a program that has read its first bytes puts another function here."""
    return Pipe()


class Pipe:
    """A pipe, read by position; everything read so far stays readable until ``close``.

    Args:
        stream: the pipe, which is closed with this; standard input, which is not, when None.
        start: bytes of it that were already read (to see whether they are an archive).
        uri: its name.
    """

    opened: Entry | None = None

    def __init__(self, stream: BinaryIO | None = None, start: bytes = b"", uri: str = "-") -> None:
        self.uri = uri
        self._stream = sys.stdin.buffer if stream is None else stream
        self._ours = stream is not None
        self._spool = tempfile.TemporaryFile(prefix="crawlmill-")  # it has no name: nothing is left of a killed run
        self._have = 0
        self._ended = False
        self._keep(start)

    def _keep(self, data: bytes) -> None:
        self._spool.seek(0, os.SEEK_END)
        self._spool.write(data)
        self._have += len(data)

    def read_at(self, offset: int, count: int) -> bytes:
        if offset < 0:
            return b""
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
        if self._ours:
            self._stream.close()


def open_fifo(path: str, uri: str) -> tuple[BinaryIO, bytes]:
    """A named pipe, and the first bytes that came through it, if any did so far.

    Raises:
        CrawlmillError: nobody opened it for writing within :data:`PATIENCE` seconds: reading would wait for ever.
    """
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    ready = select.poll()
    ready.register(file, select.POLLIN)
    until = time.monotonic() + PATIENCE
    while True:
        gone = any(event & select.POLLHUP for _, event in ready.poll(0))  # asked first: a writer may come and go
        try:
            start = os.read(file, 1 << 16)
        except BlockingIOError:  # a writer is there, and has not written yet
            start, gone = b"", True
        if start or gone:
            os.set_blocking(file, True)
            return os.fdopen(file, "rb"), start
        if time.monotonic() > until:
            os.close(file)
            raise CrawlmillError("nobody writes to this pipe", uri, "start what writes to it first")
        time.sleep(_POLL)
