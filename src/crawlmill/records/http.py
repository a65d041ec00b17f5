"""Header blocks and HTTP messages as archives store them: every line end, folding and case that real files show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from re import Pattern
from typing import NamedTuple, overload

_EMPTY_LINE = re.compile(rb"\n\r*\n")
_EMPTY_FIRST_LINE = re.compile(rb"\r*\n")
_STATUS_LINE = re.compile(rb"HTTP/?(\S*)[ \t]+(\S+)([^\r\n]*)")
_REQUEST_LINE = re.compile(rb"([A-Z][A-Z_-]*)[ \t]+(\S(?:[^\r\n]*\S)?)[ \t]+HTTP/(\d(?:\.\d)?)[ \t]*")
_PLAIN_NAME = re.compile(r"[!-9;-~]+(?:[ \t]+[!-9;-~]+)*", re.ASCII)
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def to_text(data: bytes) -> str:
    """The text of header bytes: UTF-8, else Latin-1, so never a surrogate and never an error.

    >>> to_text("Malmö".encode()), to_text("Malmö".encode("latin-1"))
    ('Malmö', 'Malmö')
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def media_type(value: str | None) -> str:
    """A Content-Type without its parameters: up to ``;`` or ``,``, stripped, lower-cased; empty when there is none.

    >>> media_type("Text/HTML; charset=utf-8"), media_type("text/html, text/html"), media_type(None)
    ('text/html', 'text/html', '')
    """
    if value is None:
        return ""
    return value.split(";", 1)[0].split(",", 1)[0].strip().lower()


class _Field(NamedTuple):
    key: str  # the name, its ASCII letters lower-cased
    name: str  # as written
    value: str


class Headers:
    """Header fields in their order, found by name whatever the case; WARC headers and HTTP headers alike.

    Lines end in LF, CRLF or CR CR LF, mixed as they come. A line that begins with a blank continues the field before
    it, joined by one blank. Names and values are stripped. Nothing is parsed before it is asked for, and the first
    value of a name is found without parsing the rest.

    Args:
        raw: the lines after the status or version line, with or without the empty line that ends them; empty lines
            carry no field.

    >>> headers = Headers(b"Server: a\\r\\nVary: x,\\r\\n  y\\r\\nserver: b\\r\\n\\r\\n")
    >>> headers.get("SERVER"), headers.get_all("server"), headers.get("Vary"), headers.get("Date")
    ('a', ['a', 'b'], 'x, y', None)
    """

    __slots__ = ("_fields", "_odd_lines", "_raw")

    def __init__(self, raw: bytes) -> None:
        self._raw = b"\n" + raw  # every line, the first one too, now stands behind a line end
        self._fields: list[_Field] | None = None
        self._odd_lines = 0

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    @overload
    def get(self, name: str, default: str | None) -> str | None: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of `name`, or `default` when no field has that name."""
        pattern = _first_field(name)
        if pattern is not None:
            found = pattern.search(self._raw)
            if found is None:
                return default
            if found.lastindex == 1 and self._raw[found.start() + 1] not in b" \t":
                return to_text(found[1].strip())
        key = name.translate(_ASCII_LOWER)
        for field in self._parsed():
            if field.key == key:
                return field.value
        return default

    def get_all(self, name: str) -> list[str]:
        """All values of `name` in their order; empty when no field has that name."""
        pattern = _first_field(name) if self._fields is None else None
        if pattern is not None:
            raw, values = self._raw, []
            found = pattern.search(raw)
            while found is not None and found.lastindex == 1 and raw[found.start() + 1] not in b" \t":
                values.append(to_text(found[1].strip()))
                found = pattern.search(raw, found.end(1))
            if found is None:
                return values
        key = name.translate(_ASCII_LOWER)
        return [field.value for field in self._parsed() if field.key == key]

    def items(self) -> list[tuple[str, str]]:
        """All fields in their order as (name as written, value)."""
        return [(field.name, field.value) for field in self._parsed()]

    @property
    def odd_lines(self) -> int:
        """How many lines were no field: no colon, and nothing before them to continue."""
        self._parsed()
        return self._odd_lines

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        """The names as written, one a field: a repeated field gives its name again."""
        return iter([field.name for field in self._parsed()])

    def __len__(self) -> int:
        """The number of fields."""
        return len(self._parsed())

    def __repr__(self) -> str:
        return f"Headers({self._raw[1:]!r})"

    def _parsed(self) -> list[_Field]:
        if self._fields is None:
            self._fields, self._odd_lines = _parse(self._raw)
        return self._fields


def _parse(raw: bytes) -> tuple[list[_Field], int]:
    """All fields of a header block, and how many lines were none."""
    found: list[tuple[bytes, list[bytes]]] = []
    odd = 0
    for line in raw.split(b"\n"):
        line = line.rstrip(b"\r")
        if not line:
            continue
        if found and line[:1] in b" \t":
            found[-1][1].append(line.strip())
        elif b":" in line:
            name, value = line.split(b":", 1)
            found.append((name.strip(), [value.strip()]))
        else:
            odd += 1
    # Joined once at the end: adding every continuation to the value so far takes quadratic time on a hostile block.
    return [_Field(to_text(n.lower()), to_text(n), to_text(b" ".join(filter(None, vs)))) for n, vs in found], odd


@lru_cache(maxsize=1024)
def _first_field(name: str) -> Pattern[bytes] | None:
    """What finds the first field of `name` in a block without parsing it; None for names that only a parse can find.

    One search ignoring case, because `content-type` may stand before `Content-Type`. Group 1 is the value; group 2
    matches when it is not certain that the value ends with its line: a continuation belongs to the field before it even
    over lines without a colon, so the end is sure only where a line with a colon and without a leading blank follows,
    or nothing. A match that begins with a blank may itself continue another field; the caller looks at that.
    """
    if not _PLAIN_NAME.fullmatch(name):
        return None
    blanks = rb"[ \t\r\x0b\x0c]*"  # what bytes.strip() removes, but for the line end
    start = rb"\n" + blanks + re.escape(name.encode("ascii")) + blanks + rb":"
    return re.compile(start + rb"([^\n]*)(?:\n(?![ \t])[^\n:]*:|[\r\n]*\Z|())", re.IGNORECASE)


class HttpMessage:
    """The head of an HTTP response or request (RFC 9112), read leniently.

    Attributes:
        version: as written after ``HTTP/``, such as ``1.1``.
        status: three digits, or ``invalid`` when the status line has something else there; None for a request.
        reason: the rest of the status line; empty when there is none.
        method: of a request, else None.
        target: of a request, as written, else None.
        headers: the header fields.
        header_length: bytes of the head with the empty line that ends it; the payload begins there.
        terminated: False when that empty line is missing; the head is then the whole block.
    """

    __slots__ = ("_mime", "header_length", "headers", "method", "reason", "status", "target", "terminated", "version")

    def __init__(
        self,
        version: str,
        status: str | None,
        reason: str,
        headers: Headers,
        header_length: int,
        terminated: bool = True,
        method: str | None = None,
        target: str | None = None,
    ) -> None:
        self.version = version
        self.status = status
        self.reason = reason
        self.headers = headers
        self.header_length = header_length
        self.terminated = terminated
        self.method = method
        self.target = target
        self._mime: str | None = None

    @property
    def mime(self) -> str:
        """The declared media type (:func:`media_type` of the first Content-Type); empty when there is none."""
        if self._mime is None:
            self._mime = media_type(self.headers.get("Content-Type"))
        return self._mime

    def __repr__(self) -> str:
        what = f"status={self.status!r}" if self.method is None else f"method={self.method!r} target={self.target!r}"
        return f"<HttpMessage {what} version={self.version!r} header_length={self.header_length}>"


def find_header_end(block: bytes, start: int = 0) -> int:
    """Where the header block whose first line begins at `start` ends: behind its first empty line.

    Args:
        block: as many bytes as there are; more may follow.
        start: where a line begins.

    Returns:
        The offset of the first byte after the empty line, or -1 when the empty line is not there yet.

    >>> find_header_end(b"A: b\\r\\n\\r\\nbody"), find_header_end(b"A: b\\n\\nbody"), find_header_end(b"A: b\\r\\n\\r")
    (8, 6, -1)
    """
    # One search for every mix of line ends: looking for CRLF CRLF first would run past an empty line written as LF LF.
    if start > 0 and block[start - 1] == 10:
        found = _EMPTY_LINE.search(block, start - 1)
    else:
        found = _EMPTY_FIRST_LINE.match(block, start) or _EMPTY_LINE.search(block, start)
    return -1 if found is None else found.end()


def parse_http(block: bytes) -> HttpMessage | None:
    """The head of the HTTP message that `block` begins with; None when it begins with no status or request line.

    Args:
        block: the block of a record, or its beginning: enough of it that :func:`find_header_end` finds the end.

    >>> message = parse_http(b"HTTP/1.1 200 OK\\r\\nContent-Type: Text/HTML; charset=utf-8\\r\\n\\r\\n<p>")
    >>> message.status, message.mime, message.header_length
    ('200', 'text/html', 59)
    """
    response = block.startswith(b"HTTP")
    if not response and not b"A" <= block[:1] <= b"Z":
        return None
    newline = block.find(b"\n")
    if newline < 0:
        return None
    end = newline - 1 if block[newline - 1] == 13 else newline
    if block.find(b"\r", 0, end) >= 0:
        return None
    line = (_STATUS_LINE.match if response else _REQUEST_LINE.fullmatch)(block, 0, end)
    if line is None:
        return None
    length = find_header_end(block, newline + 1)
    terminated = length >= 0
    if not terminated:
        length = len(block)
    headers = Headers(block[newline + 1 : length])
    first, second, third = line.group(1, 2, 3)
    if response:
        status = second.decode() if len(second) == 3 and second.isdigit() else "invalid"
        return HttpMessage(to_text(first), status, to_text(third.strip()), headers, length, terminated)
    return HttpMessage(to_text(third), None, "", headers, length, terminated, to_text(first), to_text(second))
