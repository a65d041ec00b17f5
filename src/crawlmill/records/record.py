"""Record: the one view of a WARC, ARC, WAT or WET record that an analysis sees. What is not touched is not inflated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from crawlmill.records import urls
from crawlmill.records.http import Headers, HttpMessage, find_header_end, parse_http, to_text
from crawlmill.records.lazy import lazy
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import MAX_BODY

if TYPE_CHECKING:
    from crawlmill.records.html import Tree
    from crawlmill.records.wat import Wat

MAX_HTTP_HEADER = 1 << 20
"""Bytes after which an HTTP header without its empty line is taken as unterminated."""


class Block(Protocol):
    """The bytes of a record after its header, as stored."""

    size: int

    def peek(self, count: int) -> bytes:
        """At least the first ``count`` bytes, or all there are. Raises :class:`BodyDamage` when they do not decode."""

    def load(self, start: int = 0) -> bytes:
        """All bytes from ``start`` on, checked. Raises :class:`BodyDamage` when they do not decode or are more than the limit."""


class Record:
    """One record.

    Attributes:
        uri: the archive it lives in.
        offset: first byte of its member (of the record itself in a plain file), in bytes of the file as stored.
        length: bytes of that member or record; 0 where the member is so large that its end is not known yet.
        ordinal: which record of its member, from 0.
        type: WARC-Type, lower-cased; ``arc`` and ``filedesc`` for ARC; ``''`` when absent.
        complete: False when the file ends inside it.
        head: the bytes of its header, with the version line.
        max_body: bytes of a body that may be decoded and parsed, default: 8 MiB. What is larger raises
            :class:`BodyDamage`; nothing ever gets a part of a body.

    A record may be used only until the next one is read; see :meth:`keep`.
    """

    max_body = MAX_BODY

    def __init__(
        self,
        uri: str,
        offset: int,
        length: int,
        ordinal: int,
        type: str,
        head: bytes,
        block: Block,
        complete: bool = True,
    ) -> None:
        self.uri = uri
        self.offset = offset
        self.length = length
        self.ordinal = ordinal
        self.type = type
        self.complete = complete
        self.head = head
        self._block = block

    def __repr__(self) -> str:
        return f"<Record {self.type} {self.url} at {self.uri}@{self.offset}+{self.ordinal}>"

    def keep(self) -> Record:
        """The same record with its block in memory: it may be used for ever. Where the block cannot be had, its beginning
        is kept, and touching the rest raises :class:`BodyDamage` as it does now."""
        from crawlmill.records.held import HeldBlock

        block = HeldBlock(self._block, 2 * MAX_HTTP_HEADER)
        kept = Record(self.uri, self.offset, self.length, self.ordinal, self.type, self.head, block, self.complete)
        kept.max_body = self.max_body
        return kept

    @lazy
    def headers(self) -> Headers:
        """The WARC header (of an ARC record: the fields of its URL line under their WARC names)."""
        return Headers(self.head)

    def _field(self, name: str, usual: bytes) -> str | None:
        """The first value of a header, as nearly all crawlers write it or in any other way."""
        head = self.head
        at = head.find(usual)
        if at >= 0:
            end = head.find(b"\r\n", at)
            if end >= 0 and head[end + 2 : end + 3] not in (b" ", b"\t"):
                return to_text(head[at + len(usual) : end].strip())
        return self.headers.get(name)

    @lazy
    def url(self) -> str | None:
        """WARC-Target-URI without white space around it and without one pair of ``<>``; None when absent."""
        raw = self._field("WARC-Target-URI", b"\nWARC-Target-URI: ")
        if raw is None:
            return None
        return urls.clean_url(raw) if raw[:1] == "<" else raw

    @lazy
    def date(self) -> str | None:
        """WARC-Date as written."""
        return self.headers.get("WARC-Date")

    @lazy
    def id(self) -> str | None:
        """WARC-Record-ID as written."""
        return self.headers.get("WARC-Record-ID")

    @lazy
    def ip(self) -> str | None:
        """WARC-IP-Address as written."""
        return self.headers.get("WARC-IP-Address")

    @lazy
    def content_type(self) -> str | None:
        """Content-Type of the record (not of the page in it)."""
        return self.headers.get("Content-Type")

    @lazy
    def content_length(self) -> int | None:
        """Content-Length of the record as declared, in bytes; None when it is no number."""
        found = self.headers.get("Content-Length")
        return int(found) if found is not None and found.isascii() and found.isdigit() else None

    @lazy
    def identified(self) -> str | None:
        """WARC-Identified-Payload-Type: the media type that the crawler recognised."""
        return self._field("WARC-Identified-Payload-Type", b"\nWARC-Identified-Payload-Type: ")

    @lazy
    def origin(self) -> str | None:
        """``scheme://host[:port]`` of the URL; None when it has none."""
        url = self.url
        return None if url is None else urls.origin(url)

    @lazy
    def host(self) -> str | None:
        """Host of the URL, without user and port; None when it has none."""
        url = self.url
        return None if url is None else urls.host(url)

    @lazy
    def registered_domain(self) -> str | None:
        """The domain below the public suffix; None for addresses and bare suffixes."""
        host = self.host
        return None if host is None else urls.registered_domain(host)

    @lazy
    def http(self) -> HttpMessage | None:
        """The HTTP message in the block; None when the block begins with neither a status nor a request line."""
        block = self._block
        data = block.peek(256)
        while len(data) < min(block.size, MAX_HTTP_HEADER) and find_header_end(data) < 0:
            if parse_http(data) is None and b"\n" in data:
                return None
            data = block.peek(min(block.size, 2 * len(data)))
        return parse_http(data)

    @lazy
    def status(self) -> str | None:
        """The HTTP status: three digits, or ``invalid``; None when the block begins with no status line."""
        http = self.http
        return None if http is None else http.status

    @lazy
    def mime(self) -> str | None:
        """The declared media type: Content-Type to the first ``;`` or ``,``, lower-cased; ``''`` when absent; None when
        there is no HTTP response."""
        http = self.http
        return None if http is None or http.status is None else http.mime

    @lazy
    def block(self) -> bytes:
        """All bytes after the record's header, as stored."""
        return self._block.load()

    @lazy
    def payload(self) -> bytes:
        """The bytes after the HTTP header, as stored; the whole block when it is not HTTP."""
        http = self.http
        return self.block if http is None else self._block.load(http.header_length)

    @lazy
    def payload_length(self) -> int:
        """Length of :attr:`payload` in bytes, without loading it."""
        http = self.http
        return self._block.size if http is None else max(0, self._block.size - http.header_length)

    @lazy
    def _decoded(self) -> tuple[bytes, tuple[str, ...]]:
        http = self.http
        if self.payload_length > self.max_body:
            raise BodyDamage("oversized")
        if http is None:
            return self.payload, ()
        from crawlmill.warc.decode import decode_http

        return decode_http(self.payload, http.headers, self.max_body)

    def _start_of_body(self, http: HttpMessage) -> bytes:
        """Enough of the body to tell what it is; of one that is too large to be decoded, the part that needs no decoding."""
        headers = http.headers
        if self.payload_length <= self.max_body or "Content-Encoding" in headers or "Transfer-Encoding" in headers:
            return self.body
        from crawlmill.records import html

        return self._block.peek(http.header_length + html.PRESCAN)[http.header_length :]

    def _small_block(self) -> bytes:
        """The block of a record that holds no HTTP message, to be parsed."""
        if self._block.size > self.max_body:
            raise BodyDamage("oversized")
        return self.block

    @property
    def body(self) -> bytes:
        """The payload with chunking and content encodings undone where the archive kept them. Raises :class:`BodyDamage`
        when it is larger than :attr:`max_body`, as stored or after any of its encodings."""
        return self._decoded[0]

    @property
    def body_problems(self) -> tuple[str, ...]:
        """What was odd in decoding the body (``bad-chunk``, ``bad-encoding`` ...); empty when nothing was."""
        return self._decoded[1]

    @lazy
    def is_html(self) -> bool:
        """Whether it is an HTTP response that holds a page, see :func:`crawlmill.records.html.is_html`."""
        http = self.http
        if http is None or http.status is None:
            return False
        from crawlmill.records import html

        typed = http.mime or self.identified
        return html.is_html(http.mime, self.identified, b"" if typed else self._start_of_body(http))

    @lazy
    def html(self) -> Tree | None:
        """The parsed page; None when the record holds no HTML. Needs ``crawlmill[html]``."""
        http = self.http
        if http is None or not self.is_html:
            return None
        from crawlmill.records import html

        return html.parse(self.body, http.headers.get("Content-Type"), self.max_body)

    @lazy
    def text(self) -> str:
        """The text: of a WET record its block, of an HTML page what a reader sees, else ``''``."""
        if self.type == "conversion":
            return to_text(self._small_block())
        tree = self.html
        if tree is None:
            return ""
        from crawlmill.records import html

        return html.text(tree)

    @lazy
    def json(self) -> object | None:
        """The parsed block of a record whose Content-Type is JSON (WAT); None for other records.

        Raises:
            BodyDamage: the block is no JSON (see :func:`crawlmill.records.parse_json.load_json`), or too large.
        """
        if b"json" not in self.head.lower():
            return None  # the cheaper look, at every metadata record of a crawl
        from crawlmill.records.parse_json import is_json, load_json

        return load_json(self._small_block(), self.max_body) if is_json(self.content_type) else None

    @lazy
    def wat(self) -> Wat | None:
        """The record as a typed view of WAT metadata; None when it is none: not JSON by its Content-Type, or JSON without
        an ``Envelope``. Raises as :attr:`json` does."""
        found = self.json
        if not isinstance(found, dict) or "Envelope" not in found:
            return None
        from crawlmill.records.wat import Wat

        return Wat(found)

    @lazy
    def languages(self) -> list[str]:
        """ISO 639-3 codes that the crawler found: of a WET header, or of a Common Crawl metadata record. Raises
        :class:`BodyDamage` when such a record notes them as JSON that is none."""
        found = self.headers.get("WARC-Identified-Content-Language")
        if found is not None:
            return [code.strip() for code in found.split(",") if code.strip()]
        if self.type != "metadata":
            return []
        from crawlmill.records.text import cld2_codes

        try:
            return cld2_codes(self._small_block())
        except ValueError:
            raise BodyDamage("body") from None
