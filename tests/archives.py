"""Makes small archives for tests: records as bytes, and rows of gzip members out of them. Same input, same bytes."""

from __future__ import annotations

import gzip
import uuid
import zlib
from collections.abc import Iterable

Headers = Iterable[tuple[str, str]]


def http_response(body: bytes, status: str = "200 OK", headers: Headers = (("Content-Type", "text/html"),)) -> bytes:
    """An HTTP response; `Content-Length` is left out, as archives of decoded bodies do.

    >>> http_response(b"hi")
    b'HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\n\\r\\nhi'
    """
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def make_record(
    type: str,
    url: str | None,
    body: bytes = b"",
    *,
    http: str | None = "200 OK",
    http_headers: Headers = (("Content-Type", "text/html"),),
    headers: Headers = (),
    date: str | None = "2024-05-01T12:00:00Z",
    version: str = "WARC/1.1",
    content_length: int | None = None,
    newline: str = "\r\n",
) -> bytes:
    """One uncompressed WARC record.

    A response gets an HTTP head of status `http` and `http_headers` before its body; other types, and a response with
    `http=None`, have `body` as their whole block. `headers` are added after the usual ones and may repeat them.
    `content_length` replaces the true one. `newline` ends the lines of the WARC header; two CRLF always end the record.

    >>> print(make_record("resource", "http://a.example/", b"hi").decode().replace("\\r", "")) # doctest: +ELLIPSIS
    WARC/1.1
    WARC-Type: resource
    WARC-Record-ID: <urn:uuid:...>
    WARC-Date: 2024-05-01T12:00:00Z
    WARC-Target-URI: http://a.example/
    Content-Length: 2
    <BLANKLINE>
    hi
    <BLANKLINE>
    <BLANKLINE>
    """
    is_http = type == "response" and http is not None
    block = http_response(body, http or "", http_headers) if is_http else body
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{type} {url} {date} {zlib.crc32(block)}")
    fields: list[tuple[str, str]] = [("WARC-Type", type), ("WARC-Record-ID", f"<urn:uuid:{identity}>")]
    if date is not None:
        fields.append(("WARC-Date", date))
    if url is not None:
        fields.append(("WARC-Target-URI", url))
    if is_http:
        fields.append(("Content-Type", "application/http; msgtype=response"))
    fields.extend(headers)
    fields.append(("Content-Length", str(len(block) if content_length is None else content_length)))
    lines = [version, *(f"{name}: {value}" for name, value in fields)]
    return newline.join([*lines, "", ""]).encode() + block + b"\r\n\r\n"


def gz(records: Iterable[bytes], level: int = 6) -> bytes:
    """A row of gzip members, one a record, as crawlers write them.

    >>> gz([b"a", b"b"]).count(b"\\x1f\\x8b\\x08")
    2
    """
    return b"".join(gzip.compress(record, level, mtime=0) for record in records)


def gz_whole(records: Iterable[bytes], level: int = 6) -> bytes:
    """One gzip member over all records, as `gzip FILE` makes it."""
    return gzip.compress(b"".join(records), level, mtime=0)
