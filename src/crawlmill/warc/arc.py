"""What begins an ARC record: its URL line of version 1 or 2, as real files write it."""

from __future__ import annotations

import re
from re import Match
from typing import NamedTuple

from crawlmill.warc.heads import Cursor, Head, Search, View

MAX_LINE = 16 << 10
"""Bytes of a URL line, at most."""
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


ARC = _Arc()


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
