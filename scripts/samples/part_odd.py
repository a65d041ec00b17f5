"""The third file: everything legal that readers get wrong, from kept encodings to archives inside the archive."""

from __future__ import annotations

from samples import articles as words
from samples.layouts import COMMENT, SCRIPT, a, article, data, html, text
from samples.markup import document, el
from samples.model import Entry, Other
from samples.payloads import gif, gzipped, noise, png
from samples.records import Headers, record_id, warc_record
from samples.sites import ARCHIVE, BLOG, CDN, JOURNAL, MUSEUM, ORG, PLAIN, SHINBUN, SHOP, WWW, XINWEN

LONG = tuple(line for text in (*words.ENGLISH, *words.GERMAN, *words.JAPANESE) for line in text.paragraphs)


def nested(number: int, type: str, block: bytes) -> bytes:
    """A record for an archive inside the archive; whoever counts nested.example has looked into a payload."""
    headers: Headers = (
        ("WARC-Type", type),
        ("WARC-Date", "2019-11-03T10:20:30Z"),
        ("WARC-Record-ID", record_id("nested", type, str(number))),
        ("WARC-Target-URI", f"http://nested.example/{number}"),
        ("Content-Type", "application/http; msgtype=response" if type == "response" else "application/octet-stream"),
        ("Content-Length", str(len(block))),
    )
    return warc_record(headers, block)


def nested_page(number: int) -> bytes:
    """A small page, different for each number."""
    lines = (LONG[(number + step) % len(LONG)] for step in range(5))
    body = "".join(f"<p>{number}: {line}</p>\n" for line in lines).encode()
    head = f"HTTP/1.1 200 OK\r\nServer: nested\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    return nested(number, "response", head.encode() + body)


MANY_SMALL = b"".join(gzipped(nested_page(number)) for number in range(110))
"""More than 65,535 bytes of small members: a reader that looks for gzip magics finds true-looking records in it."""
FEW_LARGE = b"".join(gzipped(nested(number, "resource", noise(15_000, seed=number))) for number in range(5))
"""Members of what no level makes smaller, for an outer member of level 9."""
UNCOMPRESSED = b"".join(nested_page(number) for number in range(200, 203))

FAKE = (
    "An example of an archive, as text:",
    "",
    "WARC/1.0",
    "WARC-Type: response",
    "WARC-Target-URI: http://fake.example/",
    "WARC-Date: 2026-01-05T00:00:00Z",
    "Content-Type: application/http; msgtype=response",
    "Content-Length: 19",
    "",
    "HTTP/1.1 200 OK",
    "",
    "",
    "",
    "",
    "The line that counts begins with",
    "WARC-Target-URI: http://fake.example/again",
)

ENTRIES: tuple[Entry, ...] = (
    # encodings that the archive kept
    article(
        JOURNAL, "/archives/1", "fr", words.FRENCH[0], a("/archives/2", JOURNAL, "Suite"),
        kept=("gzip", "chunked"), headers=(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")),
    ),
    article(
        JOURNAL, "/archives/2", "fr", words.FRENCH[1], a("/archives/1", JOURNAL, "Début"),
        kept=("deflate",), headers=(("Content-Encoding", "deflate"),),
    ),
    article(
        SHINBUN, "/kako", "ja", words.JAPANESE[0], a("/", SHINBUN, "トップ"),
        kept=("chunked",), headers=(("Transfer-Encoding", "chunked"),),
    ),
    # headers
    article(
        SHOP, "/two-servers", "en", words.ENGLISH[1], a("/maps", SHOP, "Maps"),
        headers=(("Server", "Varnish"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")),
    ),
    article(MUSEUM, "/lf", "en", words.ENGLISH[0], a("/visit", MUSEUM, "Visit"), newline="\n"),
    article(MUSEUM, "/wget", "en", words.ENGLISH[3], a("/visit", MUSEUM, "Visit"), brackets=True),
    article(
        BLOG, "/folded", "en", words.ENGLISH[2], a("/clock", BLOG, "The clock"),
        headers=(("X-Note", "one line\r\n and its continuation"), ("X-Empty", ""), ("X-Soup", "crème brûlée")),
    ),
    # bodies
    text(WWW, "/about-archives.txt", *FAKE),
    text(ORG, "/log.txt", *(f"{hour:02d}:00 nothing to report" for hour in range(24)), truncated="length"),
    html(
        PLAIN, "/page-of-traps", document(
            "en", "A page of traps", COMMENT, SCRIPT, el("p", {}, "One paragraph, ", el("b", {}, "one"), " link: "),
            el("p", {}, a("/#a>b", PLAIN, "<a href=x>")), COMMENT,
        ), "eng",
    ),
    data(CDN, "/noise.png", "image/png", png(48, 48, seed=1)),
    text(ORG, "/empty.txt"),
    # archives inside the archive
    data(ARCHIVE, "/many-small.warc.gz", "application/warc", MANY_SMALL, identified="application/gzip", level=0),
    data(ARCHIVE, "/few-large.warc.gz", "application/gzip", FEW_LARGE, level=9),
    data(ARCHIVE, "/uncompressed.warc", "application/warc", UNCOMPRESSED),
    # records that are not pages
    Other("response", "dns:www.example.com", "text/dns", b"20260105140000\nwww.example.com. 3600 IN A 192.0.2.10\n"),
    Other("resource", "https://cdn.example.net/pixel.gif", "image/gif", gif()),
    Other("conversion", "https://cdn.example.net/noise.png", "image/gif", gif()),
    Other(
        "metadata", "https://www.example.com/", "application/warc-fields",
        b"via: https://example.org/\r\nhopsFromSeed: L\r\noutlink: https://example.org/ L a/@href\r\n",
    ),
    Other("metadata", "urn:crawlmill:notes", "text/plain", "Notes of the crawl: es war schön.\n".encode()),
    # and the file ends as it should
    article(XINWEN, "/last", "zh", words.CHINESE[0], a("/", XINWEN, "首页")),
    html(WWW, "/last", document("en", "The last page", el("p", {}, "If you can read this, nothing was lost.")), "eng"),
)  # fmt: skip
