"""Lines of a manifest or an index, plain or gzip, with their numbers: what cannot be read is one error with its place."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from crawlmill.errors import CrawlmillError
from crawlmill.stores.names import shown

LONGEST = 16 << 20
"""Bytes of a line at most: a manifest line has a few thousand ranges, and a file without line ends is none."""


class Lines(Protocol):
    """What lines are read from."""

    def readline(self, limit: int, /) -> bytes: ...


@contextmanager
def opened(path: str) -> Iterator[Lines]:
    """A local file, unpacked where it is gzip. Raises :class:`CrawlmillError`."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
            packed = file.peek(2).startswith(b"\x1f\x8b")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise CrawlmillError(f"it cannot be read: {why}", shown(path), "check the path") from None
        yield stack.enter_context(gzip.GzipFile(fileobj=file)) if packed else file


def numbered(file: Lines, where: str) -> Iterator[tuple[int, bytes]]:
    """The lines of a file that are not blank, each with its number, from 1 on.

    Args:
        file: opened, and unpacked where it is gzip.
        where: what it is called in an error.

    Raises:
        CrawlmillError: it cannot be read any further, or a line is longer than :data:`LONGEST`.
    """
    number = 0
    while True:
        try:
            line = file.readline(LONGEST + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise CrawlmillError(f"it cannot be read: {error}", f"{where}:{number + 1}", "fetch it again") from None
        if not line:
            return
        number += 1
        if len(line) > LONGEST:
            raise CrawlmillError(f"a line of more than {LONGEST >> 20} MiB", f"{where}:{number}", "is it a text file?")
        if line.strip():
            yield number, line
