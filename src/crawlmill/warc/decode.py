"""The body of an HTTP message from its stored payload: chunking and encodings undone, as far as they are there."""

from __future__ import annotations

import re

from crawlmill.records.http import Headers
from crawlmill.warc import body_codings as codings
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import MAX_BODY

PROBLEMS = {
    "not-chunked": "said to be chunked and is not; taken as it is",
    "bad-chunk": "the chunks break off; the part before that is kept",
    "unknown-encoding": "an encoding that is not known here; left as it is",
    "not-encoded": "said to be encoded and is not; taken as it is",
    "bad-encoding": "the encoded data break off; the part before that is kept",
}
"""What a body may suffer from, each with what was done about it."""

_MAX_CODINGS = 8  # curl refuses more than five; each layer may cost the time of inflating `limit` bytes
_CHUNK_SIZE = re.compile(rb"[ \t]*(?=[0-9A-Fa-f])0*((?:[1-9A-Fa-f][0-9A-Fa-f]{0,14})?)[ \t\r]*(?:;[^\n]*)?\n")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")

Body = tuple[bytes, tuple[str, ...]]


def decode_http(payload: bytes, headers: Headers, limit: int = MAX_BODY) -> Body:
    """The body of a message by its own headers; see :func:`decode_body`.

    Only Transfer-Encoding and Content-Encoding are looked at. `X-Crawler-Content-Encoding` and its like name what a
    crawler has already undone.
    """
    transfer = headers.get("Transfer-Encoding")
    content = headers.get("Content-Encoding")
    if transfer is not None:
        transfer = ",".join(headers.get_all("Transfer-Encoding"))
    if content is not None:
        content = ",".join(headers.get_all("Content-Encoding"))
    return decode_body(payload, transfer, content, limit)


def decode_body(
    payload: bytes, transfer_encoding: str | None, content_encoding: str | None, limit: int = MAX_BODY
) -> Body:
    """Undo the transfer codings, then the content codings, each list from its end (RFC 9112 6.1, RFC 9110 8.4).

    Archives often keep a header whose encoding the crawler has undone, so what is said is tried, not trusted.

    Args:
        payload: what the archive stores behind the HTTP header.
        transfer_encoding: the header's value; None when it is absent.
        content_encoding: likewise.
        limit: the most bytes that the payload may have, and what any of its codings gives.

    Returns:
        The body, and the names of what was wrong (:data:`PROBLEMS`) in the order met. An empty payload is an empty
        body whatever the headers say: an answer to HEAD has one.

    Raises:
        BodyDamage: ``oversized``: more bytes than the limit. A part of a body is never given for the whole.
        MissingExtra: br or zstd data, and the package that decodes them is not installed.

    >>> decode_body(b"2\\r\\nhi\\r\\n0\\r\\n\\r\\n", "chunked", None)
    (b'hi', ())
    >>> decode_body(b"hi", "chunked", "gzip")
    (b'hi', ('not-chunked', 'not-encoded'))
    """
    if len(payload) > limit:
        raise BodyDamage("oversized")
    body = payload
    problems: list[str] = []
    names = _names(content_encoding, transfer_encoding)
    if len(names) > _MAX_CODINGS:
        names = []
        problems.append("unknown-encoding")
    while names and body:
        body, problem = _undo(names.pop(), body, limit)
        if problem is not None and problem not in problems:
            problems.append(problem)
        if problem == "unknown-encoding":
            break  # what lies inside a layer that stays on cannot be told
    return body, tuple(problems)


def _names(*values: str | None) -> list[str]:
    """The codings in the order they were applied, without parameters and those that do nothing."""
    named = [part.split(";", 1)[0].strip().lower() for value in values if value for part in value.split(",")]
    return [name for name in named if name not in ("", "identity")]


def _undo(name: str, data: bytes, limit: int) -> tuple[bytes, str | None]:
    """One coding undone, and what was wrong with it."""
    if name == "chunked":
        body, problem = dechunk(data)
        return bytes(body), problem
    if name in ("gzip", "x-gzip"):
        return _decode(codings.gzip(), data, limit) if codings.begins_gzip(data) else (data, "not-encoded")
    if name == "zstd":
        return _decode(codings.zstd(), data, limit) if codings.begins_zstd(data) else (data, "not-encoded")
    if name == "br":
        return _decode_unmarked(codings.brotli(), data, limit)
    if name == "deflate":
        if codings.begins_zlib(data):
            body, problem = _decode_unmarked(codings.zlib_deflate(), data, limit)
            if problem != "not-encoded":
                return body, problem
        return _decode_unmarked(codings.raw_deflate(), data, limit)
    return data, "unknown-encoding"


def _decode(coding: codings.Coding, data: bytes, limit: int) -> tuple[bytes, str | None]:
    body, sound = codings.decode(coding, data, limit)
    return body, None if sound else "bad-encoding"


def _decode_unmarked(coding: codings.Coding, data: bytes, limit: int) -> tuple[bytes, str | None]:
    """As :func:`_decode`, where no magic tells encoded data from plain ones: those show only by failing."""
    body, problem = _decode(coding, data, limit)
    if problem is not None and (not body or _CONTROL.search(data, 0, 512) is None):
        return data, "not-encoded"
    return body, problem


def dechunk(data: bytes | memoryview) -> tuple[bytes | bytearray | memoryview, str | None]:
    """Chunked data (RFC 9112 7.1) joined; bare LF is taken for CRLF, trailers and what follows them are dropped.

    A text that was never chunked may begin with a line such as `2024`: where the first line ends in LF, what follows
    must bear it out.
    """
    body, rest, at = bytearray(), memoryview(data), 0
    while True:
        line = _CHUNK_SIZE.match(data, at)
        if line is None:
            return (body, "bad-chunk") if at else (data, "not-chunked")
        begin = line.end()
        end = begin + int(line[1] or b"0", 16)
        doubtful = at == 0 and bytes(rest[begin - 2 : begin]) != b"\r\n"
        if end == begin:
            return (data, "not-chunked") if doubtful and bytes(rest[begin:]).strip() else (body, None)
        behind = bytes(rest[end : end + 2])
        newline = 2 if behind == b"\r\n" else 1 if behind[:1] == b"\n" else 0
        if doubtful and not newline:
            return data, "not-chunked"
        body += rest[begin:end]
        if not newline:
            return body, "bad-chunk"
        at = end + newline
