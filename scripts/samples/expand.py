"""From declared pages to the records of a WARC file, in Common Crawl's order: request, response, metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from samples.markup import Html, visible_text
from samples.model import Entry, Other, Page, Revisit, Site
from samples.records import Headers, digest, http_date, record_id, warc_date

PROFILE = "http://netpreserve.org/warc/1.0/revisit/"
AGENT = "crawlmill-samples/1.0 (+https://www.example.com/bot)"
LANGUAGES = {
    "eng": ("en", "ENGLISH"), "deu": ("de", "GERMAN"), "fra": ("fr", "FRENCH"), "spa": ("es", "SPANISH"),
    "rus": ("ru", "RUSSIAN"), "ell": ("el", "GREEK"), "jpn": ("ja", "Japanese"), "zho": ("zh", "Chinese"),
    "ara": ("ar", "ARABIC"),
}  # fmt: skip
"""CLD2's code and name of each ISO 639-3 code."""


@dataclass(frozen=True)
class Raw:
    """One record to be written.

    Attributes:
        type: its WARC-Type.
        url: its target URI without brackets; the file's name for a warcinfo record.
        block: bytes of the block; its first `http_bytes` are an HTTP header.
        entry: the declaration it comes from; None for the warcinfo record.
        http: the HTTP header lines, in order.
        level: the zlib level of its member; None for the usual one.
    """

    type: str
    url: str
    headers: Headers
    block: bytes
    date: datetime
    entry: Entry | None = None
    http: Headers = ()
    http_bytes: int = 0
    level: int | None = None

    @property
    def id(self) -> str:
        return dict(self.headers)["WARC-Record-ID"]

    @property
    def payload(self) -> bytes:
        return self.block[self.http_bytes :]


def expand(entries: Iterable[Entry], filename: str, start: datetime, seen: dict[str, datetime]) -> Iterator[Raw]:
    """The records of one file: warcinfo, then those of each entry, eleven seconds apart.

    Args:
        seen: when each page was fetched, by URL; pages of this file are added.
    """
    info = _warcinfo(filename, start)
    yield info
    for number, entry in enumerate(entries, 1):
        date = start + timedelta(seconds=11 * number)
        if isinstance(entry, Page):
            seen[entry.url] = date
            yield from _visit(entry, info.id, date, number)
        elif isinstance(entry, Revisit):
            yield from _revisit(entry, info.id, date, seen[entry.of.url])
        else:
            yield _other(entry, info.id, date)


def languages_of(raw: Raw) -> tuple[str, ...]:
    """Languages of a response with visible text, as its metadata record names them."""
    page = raw.entry
    if isinstance(page, Page) and raw.type == "response" and isinstance(page.body, Html) and page.status == "200":
        return page.languages
    return ()


def _record(
    type: str, url: str, content_type: str, block: bytes, date: datetime, id: str, *extra: tuple[str, str]
) -> tuple[str, str, Headers, bytes, datetime]:
    """The first five fields of Raw; Common Crawl's order of header lines."""
    headers = (
        ("WARC-Type", type),
        ("WARC-Date", warc_date(date)),
        ("WARC-Record-ID", id),
        ("Content-Length", str(len(block))),
        ("Content-Type", content_type),
        *extra,
    )
    return type, url, headers, block, date


def _warcinfo(filename: str, start: datetime) -> Raw:
    block = (
        b"isPartOf: CC-SAMPLE-2026-02\r\npublisher: crawlmill\r\ndescription: A synthetic crawl with known answers\r\n"
        b"operator: scripts/make_samples\r\nhostname: localhost\r\nsoftware: crawlmill samples\r\n"
        b"robots: nothing was fetched\r\n"
        b"format: WARC File Format 1.0\r\n\r\n"
    )
    extra = (("WARC-Filename", filename), ("WARC-Block-Digest", digest(block)))
    return Raw(
        *_record("warcinfo", filename, "application/warc-fields", block, start, record_id("info", filename), *extra)
    )


def _address(site: Site, path: str) -> str:
    return site.ips[len(path) % len(site.ips)]


def _request(page: Page, info: str, date: datetime, id: str) -> Raw:
    host = page.site.origin.partition("://")[2]
    http = (
        ("User-Agent", AGENT),
        ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("Accept-Encoding", "br,gzip"),
        ("Host", host),
        ("Connection", "Keep-Alive"),
    )
    block = _http_header(f"GET {page.path or '/'} HTTP/1.1", http)
    extra = (
        ("WARC-Warcinfo-ID", info),
        ("WARC-IP-Address", _address(page.site, page.path)),
        ("WARC-Target-URI", _target(page)),
        ("WARC-Payload-Digest", digest(b"")),
        ("WARC-Block-Digest", digest(block)),
    )
    fields = _record("request", page.url, "application/http; msgtype=request", block, date, id, *extra)
    return Raw(*fields, page, http, len(block))


def _visit(page: Page, info: str, date: datetime, number: int) -> Iterator[Raw]:
    request = _request(page, info, date, record_id("request", page.url))
    yield request
    payload = page.payload()
    http = _response_headers(page, payload, date, number)
    header = _http_header(page.status_line, http, page.newline)
    block = header + payload
    tls = (("WARC-Protocol", "tls/1.3"),) if page.site.prefix.startswith("https") else ()
    extra = (
        ("WARC-Warcinfo-ID", info),
        ("WARC-Concurrent-To", request.id),
        ("WARC-IP-Address", _address(page.site, page.path)),
        ("WARC-Target-URI", _target(page)),
        ("WARC-Protocol", "h2" if page.site.http2 else "http/1.1"),
        *tls,
        ("WARC-Payload-Digest", digest(payload)),
        ("WARC-Block-Digest", digest(block)),
        *((("WARC-Truncated", page.truncated),) if page.truncated else ()),
        *((("WARC-Identified-Payload-Type", page.identified),) if page.identified else ()),
    )
    id = record_id("response", page.url)
    fields = _record("response", page.url, "application/http; msgtype=response", block, date, id, *extra)
    response = Raw(*fields, page, http, len(header), page.level)
    yield response
    yield _metadata(response, page, info, number)


def _metadata(response: Raw, page: Page, info: str, number: int) -> Raw:
    lines = [f"fetchTimeMs: {40 + 37 * number % 900}"]
    codes = languages_of(response)
    if codes:
        shares = (0.98,) if len(codes) == 1 else (0.7, 0.28)
        found = [
            {
                "code": LANGUAGES[code][0],
                "code-iso-639-3": code,
                "text-covered": share,
                "score": 1024.0,
                "name": LANGUAGES[code][1],
            }
            for code, share in zip(codes, shares, strict=True)
        ]
        assert isinstance(page.body, Html)
        size = len(visible_text(page.body).encode())
        lines.append(f"charset-detected: {page.charset.upper()}")
        lines.append(
            "languages-cld2: "
            + json.dumps({"reliable": True, "text-bytes": size, "languages": found}, separators=(",", ":"))
        )
    block = "".join(f"{line}\r\n" for line in [*lines, ""]).encode()
    extra = (
        ("WARC-Warcinfo-ID", info),
        ("WARC-Concurrent-To", response.id),
        ("WARC-Target-URI", _target(page)),
        ("WARC-Block-Digest", digest(block)),
    )
    id = record_id("metadata", page.url)
    return Raw(*_record("metadata", page.url, "application/warc-fields", block, response.date, id, *extra), page)


def _revisit(again: Revisit, info: str, date: datetime, first: datetime) -> Iterator[Raw]:
    page = again.of
    request = _request(page, info, date, record_id("request", "again", page.url))
    yield request
    payload = page.payload()
    same: Headers = ()
    if again.not_modified:
        http: Headers = (("Date", http_date(date)), ("ETag", '"v1"'))
        block = _http_header("HTTP/1.1 304 Not Modified", http)
        content_type, profile = "message/http", "server-not-modified"
    else:
        http = _response_headers(page, payload, date, 0)
        block = _http_header(page.status_line, http)
        content_type, profile = "application/http; msgtype=response", "identical-payload-digest"
        same = (("WARC-Payload-Digest", digest(payload)),)
    extra = (
        ("WARC-Warcinfo-ID", info),
        ("WARC-Concurrent-To", request.id),
        ("WARC-IP-Address", _address(page.site, page.path)),
        ("WARC-Target-URI", _target(page)),
        ("WARC-Profile", PROFILE + profile),
        ("WARC-Refers-To", record_id("response", page.url)),
        ("WARC-Refers-To-Target-URI", page.url),
        ("WARC-Refers-To-Date", warc_date(first)),
        *same,
        ("WARC-Block-Digest", digest(block)),
    )
    fields = _record("revisit", page.url, content_type, block, date, record_id("revisit", page.url), *extra)
    yield Raw(*fields, again, http, len(block))


def _other(other: Other, info: str, date: datetime) -> Raw:
    extra = (
        ("WARC-Warcinfo-ID", info),
        ("WARC-Target-URI", other.url),
        *other.headers,
        ("WARC-Payload-Digest", digest(other.block)),
        ("WARC-Block-Digest", digest(other.block)),
    )
    id = record_id("other", other.type, other.url)
    return Raw(*_record(other.type, other.url, other.content_type, other.block, date, id, *extra), other)


def _target(page: Page) -> str:
    return f"<{page.url}>" if page.brackets else page.url


def _response_headers(page: Page, payload: bytes, date: datetime, number: int) -> Headers:
    """What the server sent, with what Common Crawl changes: encodings it has undone are kept as X-Crawler-*."""
    http: list[tuple[str, str]] = [("Date", http_date(date)), *(("Server", value) for value in page.site.servers)]
    if page.content_type is not None:
        http.append(("Content-Type", page.content_type))
    if page.location is not None:
        http.append(("Location", page.location))
    http += page.headers
    if isinstance(page.body, Html) and page.status == "200" and not page.kept:
        http.append(("X-Crawler-Content-Encoding", ("gzip", "br")[number % 2]))
        undone = (
            ("X-Crawler-Transfer-Encoding", "chunked")
            if number % 3
            else ("X-Crawler-Content-Length", str(len(payload) // 3))
        )
        http.append(undone)
    if page.site.http2:
        http = [
            ("X-Crawler-" + name[10:].lower() if name.startswith("X-Crawler-") else name.lower(), value)
            for name, value in http
        ]
    if "chunked" not in page.kept:
        http.append(("Content-Length", str(len(payload))))
    return tuple(http)


def _http_header(first: str, headers: Headers, newline: str = "\r\n") -> bytes:
    return newline.join([first, *(f"{name}: {value}" for name, value in headers), "", ""]).encode()
