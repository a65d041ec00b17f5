"""What begins a record, and what that says of it: what WARC and ARC have in common, and the header of WARC."""

from __future__ import annotations

import re
from re import Match, Pattern
from typing import NamedTuple, Protocol

from crawlmill.records.http import Headers, find_header_end

MAX_HEADER = 1 << 20
"""Bytes after which a header without its empty line is none."""
VERSION = re.compile(rb"WARC/\d[\d.]*[ \t]*\r*\n")
_VERSION_LINE = re.compile(rb"\n(?=[^:\r\n]{0,99}WARC/\d[\d.]*[ \t]*\r*\n)")
"""A line that ends in a version and is no field: a record begins in it."""
_REPEATS = tuple(re.compile(rb"\n%b[ \t]*:" % name, re.IGNORECASE) for name in (b"WARC-Type", b"WARC-Record-ID"))
_FIELD = re.compile(rb"\n(?:WARC-Type|WARC-Record-ID|Content-Length)[ \t]*:", re.IGNORECASE)
_EMPTY_LINE = re.compile(rb"\n\r*\n")


class Head(NamedTuple):
    """A record's header: how many bytes it takes, its fields as WARC header lines, its type, and the declared length of
    its block (None when there is none)."""

    size: int
    data: bytes
    type: str
    length: int | None


class View(Protocol):
    """Plain bytes by position."""

    def look(self, at: int, count: int) -> bytes:
        """Bytes from a position on; fewer where the data end, or where one may not look further."""


class Grammar(Protocol):
    """How records begin.

    Attributes:
        line_ends: LF that end a record, at most.
    """

    line_ends: int

    def begins(self, data: bytes) -> bool:
        """Whether these may be the first bytes (at least five) of a record."""

    def opens(self, data: bytes) -> bool:
        """Whether the first bytes of a member begin a record."""

    def head(self, view: View, at: int) -> Head | None:
        """The header at a position; None when no record begins there, or another begins inside its header."""

    def opened(self, view: View, at: int) -> bool:
        """Whether a header begins here, be it without an end."""

    def border(self, view: View, at: int) -> bool:
        """Whether what stands here shows that a record ended before it."""

    def search(self, view: View) -> Search:
        """What finds the places where records may begin."""


class Search(Protocol):
    """A search for records that goes forward through a view."""

    def next(self, at: int, stop: int | None, last: int | None = None) -> int | None:
        """The first place from ``at`` on, before ``stop``, where a record seems to begin; None when there is none. Nothing is
        looked at from ``last`` on.

        Positions must not fall from call to call by more than what was found: then all calls together are linear.
        """


class _Warc:
    line_ends = 2

    def begins(self, data: bytes) -> bool:
        return data.startswith(b"WARC/")

    def opens(self, data: bytes) -> bool:
        return VERSION.match(data) is not None

    def opened(self, view: View, at: int) -> bool:
        return VERSION.match(view.look(at, 64)) is not None

    border = opened

    def head(self, view: View, at: int) -> Head | None:
        wanted = 1024
        while True:
            data = view.look(at, wanted)
            version = VERSION.match(data)
            if version is None:
                return None
            end = find_header_end(data, version.end())
            if end >= 0 or _VERSION_LINE.search(data, version.end() - 1):
                break
            if len(data) < wanted or wanted == MAX_HEADER:
                return None
            wanted = min(8 * wanted, MAX_HEADER)
        if end < 0:
            return None
        data = data[:end]
        if data.find(b"WARC/", 5) > 0 and _begins_another(data, version.end() - 1):
            return None
        headers = Headers(data)
        kind = (headers.get("WARC-Type") or "").lower()
        return Head(end, data, kind, declared_length(headers.get("Content-Length")))

    def search(self, view: View) -> Search:
        return _WarcSearch(view)


def _begins_another(data: bytes, at: int) -> bool:
    """Whether a record begins inside a header: at a version line; or at a version in mid-line, when no colon stands before
    it, or when WARC-Type or WARC-Record-ID stands before and behind it (a URL may end in ``WARC/1.0``)."""
    if _VERSION_LINE.search(data, at):
        return True
    for name in _REPEATS:
        first = name.search(data, at)
        version = VERSION.search(data, first.end()) if first else None
        if version is not None and name.search(data, version.end() - 1):
            return True
    return False


class Cursor:
    """The next match of a pattern at or after a position, over a view; all calls with growing positions are linear."""

    _STEP = 1 << 16
    _OVERLAP = 256  # no pattern here is longer (a run of CR may be: then it is no line end)

    def __init__(self, view: View, pattern: Pattern[bytes]) -> None:
        self._view, self._pattern = view, pattern
        self._from, self._scanned = 0, -1  # no match begins in [from, scanned)
        self._found: tuple[int, int] | None = None  # where one does: begin and end
        self.ended = False
        self.seen = 0  # bytes looked at

    def next(self, at: int, stop: int | None = None) -> tuple[int, int] | None:
        """Begin and end of the first match at or after ``at`` that begins before ``stop``."""
        found = self._found
        if found is not None and self._from <= at <= found[0]:
            return None if stop is not None and found[0] >= stop else found
        if found is not None or not self._from <= at <= self._scanned:
            self._from = self._scanned = at
            self._found = None
        while stop is None or self._scanned < stop:
            data = self._view.look(self._scanned, self._STEP)
            self.seen += len(data)
            ended = len(data) < self._STEP
            match = self._match(data, ended)
            if match is not None:
                self._found = (self._scanned + match.start(), self._scanned + match.end())
                self._scanned = self._found[0]
                return None if stop is not None and self._found[0] >= stop else self._found
            if ended:
                return None
            self._scanned += len(data) - self._OVERLAP
        return None

    def _match(self, data: bytes, ended: bool) -> Match[bytes] | None:
        match = self._pattern.search(data)
        return match if match is None or ended or match.start() < len(data) - self._OVERLAP else None


class _WarcSearch:
    """Finds version lines, also in mid-line, that a header with an end and with a field of WARC follows."""

    def __init__(self, view: View) -> None:
        self._versions = Cursor(view, VERSION)
        self._lines, self._empty, self._fields = (
            Cursor(view, pattern) for pattern in (_VERSION_LINE, _EMPTY_LINE, _FIELD)
        )
        self._repeats = [(Cursor(view, name), Cursor(view, VERSION), Cursor(view, name)) for name in _REPEATS]

    def next(self, at: int, stop: int | None, last: int | None = None) -> int | None:
        while True:
            found = self._versions.next(at, stop)
            if found is None:
                return None
            start, end = found
            field = self._fields.next(end - 1, last if stop is None else min(last or stop, stop) + MAX_HEADER)
            if field is None:
                return None
            if self._plausible(start, end - 1, field, last):
                return start
            at = max(start + 1, field[0] - MAX_HEADER)

    def _plausible(self, start: int, line_end: int, field: tuple[int, int], last: int | None) -> bool:
        last = start + MAX_HEADER if last is None else min(last, start + MAX_HEADER)
        if field[0] >= last:
            return False
        empty = self._empty.next(line_end, last)
        if empty is None or empty[0] < field[0]:
            return False
        end = empty[0] + 1
        if self._lines.next(line_end, end) is not None:
            return False
        for names, versions, again in self._repeats:
            first = names.next(line_end, end)
            version = None if first is None else versions.next(first[1], end)
            if version is not None and again.next(version[1] - 1, end) is not None:
                return False
        return True


WARC = _Warc()


def declared_length(value: str | None) -> int | None:
    """What a Content-Length says, in bytes; None when it says nothing that can be."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 19 else None
