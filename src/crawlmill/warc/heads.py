"""What begins a record: the version line and fields of WARC, the URL line of ARC; and what that says of the record."""

from __future__ import annotations

import re
from re import Match, Pattern
from typing import NamedTuple, Protocol

from crawlmill.records.http import Headers, find_header_end

MAX_HEADER = 1 << 20
"""Bytes after which a header without its empty line is none."""
MAX_LINE = 16 << 10
"""Bytes of a URL line of ARC, at most."""
VERSION = re.compile(rb"WARC/\d[\d.]*[ \t]*\r*\n")
_VERSION_LINE = re.compile(rb"\n(?=[^:\r\n]{0,99}WARC/\d[\d.]*[ \t]*\r*\n)")
"""A line that ends in a version and is no field: a record begins in it."""
_REPEATS = tuple(re.compile(rb"\n%b[ \t]*:" % name, re.IGNORECASE) for name in (b"WARC-Type", b"WARC-Record-ID"))
_FIELD = re.compile(rb"\n(?:WARC-Type|WARC-Record-ID|Content-Length)[ \t]*:", re.IGNORECASE)
_EMPTY_LINE = re.compile(rb"\n\r*\n")

_SCHEMES = rb"https?|ftps?|dns|filedesc|whois|gopher|nntp|news|metadata|file|rtsp|mms"
_KNOWN = re.compile(rb"(?:%b):" % _SCHEMES, re.IGNORECASE)
_ENDS_OF_SCHEMES = {
    name[at:]
    for name in (b"http", b"https", b"ftp", b"ftps", b"dns", b"filedesc", b"whois")
    for at in range(1, len(name))
}
_SCHEME = re.compile(rb"([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_ADDRESS = re.compile(rb"-|0|(?=[^ \t]*[.:])[\da-fA-F.:]+|null|unknown")
_ADDRESS_FIELD = re.compile(rb"[ \t]\d{1,3}\.\d")
_ESCAPED = re.compile(rb"%[\da-fA-F]{2}\Z")
_DATE = re.compile(rb"\d{10,18}")
_DATE_FIELD = re.compile(rb"[ \t]\d{10,18}[ \t]")
_LENGTH = re.compile(rb"\d{1,18}")
_TOKEN = re.compile(rb"[^ \t\r\n]+")
_V2 = 7  # fields behind the date: type, code, checksum, location, offset, file name, length


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


class _Arc:
    line_ends = 1
    _starts = (b"http", b"file", b"dns:", b"ftp:", b"ftps", b"whoi", b"goph", b"meta", b"nntp", b"news")

    def begins(self, data: bytes) -> bool:
        return data.startswith(self._starts)

    def opens(self, data: bytes) -> bool:
        return self.begins(data) and arc_head(data[: data.find(b"\n", 0, MAX_LINE) + 1]) is not None

    def opened(self, view: View, at: int) -> bool:
        return False

    def border(self, view: View, at: int) -> bool:
        cut = _SCHEME.match(view.look(at, 16))
        return self.head(view, at) is not None and (cut is None or cut[1].lower() not in _ENDS_OF_SCHEMES)

    def head(self, view: View, at: int) -> Head | None:
        data = view.look(at, 512)
        end = data.find(b"\n") + 1
        if not end and len(data) == 512:
            data = view.look(at, MAX_LINE)
            end = data.find(b"\n") + 1
        return arc_head(data[:end]) if end else None

    def search(self, view: View) -> Search:
        return _ArcSearch(view)


class _ArcSearch:
    """Finds the lines that hold a date between blanks and, in them, where a URL line begins."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._dates = Cursor(view, _DATE_FIELD)

    def next(self, at: int, stop: int | None, last: int | None = None) -> int | None:
        here = at
        while True:
            found = self._dates.next(here, None if stop is None else stop + MAX_LINE)
            if found is None:
                return None
            first = max(at, found[0] - MAX_LINE // 2)
            before = self._view.look(first, found[0] - first)
            start = first + before.rfind(b"\n") + 1
            rest = self._view.look(found[0], MAX_LINE // 4)
            end = rest.find(b"\n") + 1
            if not end:
                here = found[0] + max(1, len(rest) - 64)
                continue
            line = before[start - first :] + rest[:end]
            begin = arc_start(line)
            if begin is not None:
                place = start + begin
                if stop is not None and place >= stop:
                    return None
                if place >= at:
                    return place
            here = found[0] + end


WARC, ARC = _Warc(), _Arc()


def declared_length(value: str | None) -> int | None:
    """What a Content-Length says, in bytes; None when it says nothing that can be."""
    return int(value) if value is not None and value.isascii() and value.isdigit() and len(value) < 19 else None


def arc_start(line: bytes) -> int | None:
    r"""Where in a line the URL line of an ARC record begins; None when there is none.

    >>> arc_start(b"http://a.example/ 192.0.2.7 20080102030405 text/html 12\n")
    0
    >>> arc_start(b"\x00\xffhttp://a.example/ 192.0.2.7 20080102030405 text/html 12\n")
    2
    """
    fields = _fields(line)
    if fields is None:
        return None
    url = line[: fields.url]
    inner = [found.start() for found in _KNOWN.finditer(url)]
    if not fields.strict:
        return 0 if inner[:1] == [0] else None
    if inner[:1] == [0]:
        return next((at for at in reversed(inner[1:]) if _begins_another_url(url[:at])), 0)
    name = _SCHEME.match(url)
    if name is not None and not _blank(url) and not inner:
        return 0
    return next((at for at in inner if not _blank(url[at:])), inner[0] if inner else None)


def _begins_another_url(before: bytes) -> bool:
    """Whether a known scheme begins another record, and not a URL in the URL, by what stands before it: a letter, a byte
    that no URL has, or an address field. The record whose line that is was cut in it."""
    last = before[-1:]
    if _ADDRESS_FIELD.search(before) or not b" " <= last <= b"~":
        return True
    return last.isalnum() and not _ESCAPED.search(before)


def _blank(url: bytes) -> bool:
    return b" " in url.strip() or b"\t" in url.strip()


def arc_head(line: bytes) -> Head | None:
    r"""The header of an ARC record (URL line of version 1 or 2) under the names of WARC; None when the line is none.

    The fields are counted from the right, since a URL may hold blanks.

    >>> arc_head(b"http://a.example/ 192.0.2.7 20080102030405 text/html 12\n").type
    'arc'
    >>> arc_head(b"junk http://a.example/ 192.0.2.7 20080102030405 text/html 12\n") is None
    True
    """
    if arc_start(line) != 0:
        return None
    fields = _fields(line)
    assert fields is not None
    url, date = line[: fields.url].rstrip(b" \t"), fields.date
    kind = "filedesc" if url.startswith(b"filedesc:") else "arc"
    when = (
        b"%b-%b-%bT%b:%b:%bZ" % (date[:4], *(date[at : at + 2] for at in range(4, 14, 2))) if len(date) == 14 else date
    )
    names = (
        (b"WARC-Target-URI", url),
        (b"WARC-IP-Address", b"" if fields.address == b"-" else fields.address),
        (b"WARC-Date", when if date[:1].isdigit() else b""),
        (b"Content-Type", fields.mime),
        (b"Content-Length", fields.length),
    )
    data = b"".join(b"%b: %b\r\n" % (name, value) for name, value in names if value)
    return Head(len(line), b"WARC/0.0\r\n" + data + b"\r\n", kind, int(fields.length))


class _Fields(NamedTuple):
    url: int  # where the URL ends
    address: bytes
    date: bytes
    mime: bytes
    length: bytes
    strict: bool


def _fields(line: bytes) -> _Fields | None:
    """The fields of a URL line: URL, address, date, type and length, or of version 2 five more before the length."""
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        return None
    tokens = list(_TOKEN.finditer(line))
    if len(tokens) < 4 or not _LENGTH.fullmatch(tokens[-1][0]):
        return None
    last = len(tokens) - 1
    at = _date_at(tokens)
    if at is None:  # the odd forms: `null` or `-` in place of a date
        at = last - 2
        if tokens[at][0] not in (b"-", b"null") or at < 2 or not _ADDRESS.fullmatch(tokens[at - 1][0]):
            return None
    strict = _DATE.fullmatch(tokens[at][0]) is not None
    version_2 = last - at == _V2
    mime = b" ".join(token[0] for token in tokens[at + 1 : at + 2 if version_2 else last])
    return _Fields(tokens[at - 1].start(), tokens[at - 1][0], tokens[at][0], mime, tokens[-1][0], strict)


def _date_at(tokens: list[Match[bytes]]) -> int | None:
    """Which token is the date: in its place of version 1 or 2, else the last that can be (a type may hold blanks)."""
    last = len(tokens) - 1

    def fits(at: int) -> bool:
        return at >= 2 and bool(_DATE.fullmatch(tokens[at][0]) and _ADDRESS.fullmatch(tokens[at - 1][0]))

    for at in (last - _V2, last - 2):
        if fits(at):
            return at
    return next((at for at in range(last - 1, 1, -1) if fits(at)), None)
