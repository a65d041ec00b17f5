"""The log of a program: cut into lines as it comes, of which a bounded part is kept."""

from __future__ import annotations

import re
from collections import deque

LONGEST = 64 << 10
"""Bytes after which a line is cut."""
KEPT = 200
"""Lines that are kept of the beginning, of the end, and of what is notable between them."""
WIDTH = 4096
"""Characters of a line that are kept."""


class Cutter:
    """Bytes into lines of text. A carriage return ends a line, too: bars of progress have one.

    >>> cutter = Cutter()
    >>> list(cutter.feed(b"a\\nb")), list(cutter.feed(b"c\\r\\nd")), list(cutter.rest())
    (['a'], ['bc'], ['d'])
    """

    def __init__(self) -> None:
        self._begun = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete. Empty ones are left out."""
        *whole, self._begun = re.split(rb"[\r\n]+", self._begun + data)
        if len(self._begun) > LONGEST:
            whole.append(self._begun)
            self._begun = b""
        return [line.decode("utf-8", "replace") for line in whole if line]

    def rest(self) -> list[str]:
        """What stands behind the last line end."""
        line, self._begun = self._begun, b""
        return [line.decode("utf-8", "replace")] if line else []


class Kept:
    """Lines of a log: the first, the last, and from between them the first that are notable.

    Args:
        notable: what such a line has.
    """

    def __init__(self, notable: re.Pattern[str]) -> None:
        self._notable = notable
        self._first: list[str] = []
        self._between: list[str] = []
        self._last: deque[str] = deque(maxlen=KEPT)

    def add(self, line: str) -> None:
        """Take a line."""
        line = line[:WIDTH].rstrip()
        if len(self._first) < KEPT:
            self._first.append(line)
            return
        if len(self._last) == KEPT and len(self._between) < KEPT and self._notable.search(self._last[0]):
            self._between.append(self._last[0])
        self._last.append(line)

    @property
    def lines(self) -> list[str]:
        """All that is kept, in order."""
        return [*self._first, *self._between, *self._last]

    @property
    def tail(self) -> list[str]:
        """The last lines, :data:`KEPT` at most."""
        return [*self._first, *self._last][-KEPT:]
