"""What the sample crawl is declared with: sites, pages and other records, each beside the facts expected of it."""

from __future__ import annotations

from dataclasses import dataclass

from samples.markup import Html
from samples.payloads import chunked, gzipped, zlib_wrapped


@dataclass(frozen=True)
class Site:
    """A web server and what a reader must make of its name.

    Attributes:
        prefix: how its URLs begin, as the archive has it: scheme, user information, host and port as typed.
        origin: scheme://host[:port] after normalisation.
        host: the host after normalisation.
        domain: the registered domain; None for an IP address.
        surt: the host part of its key in an index, up to the `)`.
        ips: its addresses; pages take them in turn.
        servers: the values of its Server headers.
        http2: speaks HTTP/2: header names in lower case, no reason phrase.
    """

    prefix: str
    origin: str
    host: str
    domain: str | None
    surt: str
    ips: tuple[str, ...]
    servers: tuple[str, ...] = ("nginx",)
    http2: bool = False


@dataclass(frozen=True)
class Page:
    """A request, a response and a metadata record.

    Attributes:
        body: HTML, or the payload's bytes, before `kept` is applied.
        content_type: the Content-Type header; None leaves it out.
        mime: what an analysis must read in that header; '' when it is left out.
        status: what an analysis must read in `status_line`.
        languages: ISO 639-3 codes, the largest share first.
        kept: encodings that the archive keeps: gzip, deflate, chunked, in the order of their use.
        location: the target of a redirect.
        brackets: write the target URI as `<...>`, as Wget did.
        level: the zlib level of the member; None for the usual one.
    """

    site: Site
    path: str
    body: Html | bytes = b""
    content_type: str | None = "text/html; charset=UTF-8"
    mime: str = "text/html"
    identified: str | None = "text/html"
    status_line: str = "HTTP/1.1 200 OK"
    status: str = "200"
    charset: str = "utf-8"
    languages: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    kept: tuple[str, ...] = ()
    location: str | None = None
    newline: str = "\r\n"
    brackets: bool = False
    level: int | None = None
    truncated: str | None = None

    @property
    def url(self) -> str:
        return self.site.prefix + self.path

    def payload(self) -> bytes:
        """The payload as the archive stores it."""
        data = self.body.source.encode(self.charset) if isinstance(self.body, Html) else self.body
        for encoding in self.kept:
            data = {"gzip": gzipped, "deflate": zlib_wrapped, "chunked": chunked}[encoding](data)
        return data


@dataclass(frozen=True)
class Revisit:
    """A request and a revisit record: the page was the same as before.

    Attributes:
        of: the page as it was stored.
        not_modified: the server said so (304); otherwise the payload had the same digest.
    """

    of: Page
    not_modified: bool


@dataclass(frozen=True)
class Other:
    """A record by itself. `type` response: one that is not HTTP and whose URL has no host."""

    type: str
    url: str
    content_type: str
    block: bytes
    headers: tuple[tuple[str, str], ...] = ()


Entry = Page | Revisit | Other
