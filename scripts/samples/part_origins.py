"""The second file: hosts in every spelling, every status, redirects, robots.txt, and pages seen before."""

from __future__ import annotations

from samples import articles as words
from samples.layouts import a, article, data, html, moved, notice, text
from samples.markup import document, el
from samples.model import Entry, Page, Revisit
from samples.part_web import HOME
from samples.payloads import gif, pdf
from samples.sites import (
    AKHBAR,
    BLOG,
    BOOKS,
    BOOKS_CAPITALS,
    BOOKS_RAW,
    CAPITALS,
    CDN,
    DIARIO,
    GREEK,
    GREEK_RAW,
    IPV4,
    IPV6,
    JOURNAL,
    MUSEUM,
    NEWS,
    NOVOSTI,
    ORG,
    PLAIN,
    PORT,
    PORT_80,
    PORT_443,
    SHOP,
    USER,
    WWW,
    ZEITUNG,
)

SECOND = article(ORG, "/clubs/rain", "en", words.ENGLISH[4], a("/", ORG, "Maps"))
XHTML = html(
    MUSEUM,
    "/visit.xhtml",
    document("en", "Visit", el("p", {}, "Open on Sundays."), el("p", {}, a("maps/", MUSEUM, "Maps"))),
    "eng",
    content_type="application/xhtml+xml",
    mime="application/xhtml+xml",
    identified="application/xhtml+xml",
)

ENTRIES: tuple[Entry, ...] = (
    # names in every spelling
    article(BOOKS_RAW, "/", "de", words.GERMAN[3], a("laden", BOOKS, "Laden")),
    article(BOOKS_CAPITALS, "/Regal", "de", words.GERMAN[2], a("#oben", BOOKS, "Nach oben")),
    article(GREEK_RAW, "/karavi", "el", words.GREEK_TEXTS[0], a("/elies", GREEK, "Ελιές")),
    article(
        IPV6, "/", "en", words.ENGLISH[2],
        a("/next", IPV6, "Next"), a("http://192.0.2.7/", IPV4, "The older address"),
    ),
    text(IPV6, "/next", "The second page of a host without a name."),
    article(IPV4, "/", "en", words.ENGLISH[3], a("http://[2001:db8::1]/", IPV6, "The newer address")),
    article(
        PORT, "/status", "en", words.ENGLISH[1],
        a("/status?page=2", PORT, "Next"), a("https://cdn.example.net/notes.pdf", CDN, "Notes"),
    ),
    article(PORT_80, "/explicit", "en", words.ENGLISH[0], a("/", PLAIN, "Home")),
    article(PORT_443, "/explicit", "en", words.ENGLISH[5], a("/", ORG, "Home")),
    article(USER, "/members", "en", words.ENGLISH[4], a("/", PLAIN, "Home")),
    article(CAPITALS, "/Upper/Case", "en", words.ENGLISH[3], a("/", PLAIN, "Home")),
    SECOND,
    XHTML,
    # other media types
    data(CDN, "/pixel.gif", "image/gif", gif()),
    data(CDN, "/notes.pdf", "application/pdf", pdf("Notes for the map room")),
    data(CDN, "/api/ships.json", "application/json", b'{"ships": ["Anna", "Berta"], "html": "<p><a href=\\"/x\\">"}\n'),
    data(CDN, "/style.css", "text/css", b'a > b { content: "<i>"; }\n', ";charset=utf-8"),
    html(
        CDN, "/no-type", document("en", "A page without Content-Type", el("p", {}, "Guess what I am.")), "eng",
        content_type=None, mime="",
    ),
    html(
        CDN, "/two-in-one", document("en", "Two types in one header", el("p", {}, "Said twice.")), "eng",
        content_type="Text/HTML,text/html;charset=utf-8",
    ),
    # redirects and errors
    moved(PLAIN, "/", "301 Moved Permanently", "https://www.example.com/", WWW),
    moved(BLOG, "/old-clock", "301 Moved Permanently", "/clock", BLOG),
    moved(SHOP, "/login", "302 Found", "https://shop.example.co.uk/maps", SHOP),
    Page(
        NEWS, "/today", content_type=None, mime="", identified=None,
        status_line="HTTP/1.1 302 Found", status="302", location="/rain",
    ),
    notice(SHOP, "/staff", "403 Forbidden", "Forbidden", "This room is for the staff."),
    notice(WWW, "/missing", "404 Not Found", "Not Found", "No such page. ", a("/", WWW, "Home")),
    notice(JOURNAL, "/disparu", "404 Not Found", "Introuvable", "Rien ici."),
    notice(DIARIO, "/verano", "410 Gone", "Gone", "The summer is over."),
    notice(NOVOSTI, "/search?q=%D1%87%D0%B0%D0%B9", "500 Internal Server Error", "Error", "Something broke."),
    notice(AKHBAR, "/live", "503 Service Unavailable", "Busy", "Come back later.", headers=(("Retry-After", "120"),)),
    html(
        MUSEUM, "/strange", document("en", "A strange answer", el("p", {}, "One version too many.")), "eng",
        status_line="HTTP/1.1 HTTP/1.1 200 OK", status="invalid",
    ),
    # robots.txt
    text(WWW, "/robots.txt", "User-agent: *", "Disallow: /private/", "Sitemap: https://www.example.com/sitemap.xml"),
    text(ZEITUNG, "/robots.txt", "User-agent: *", "Crawl-delay: 2", "Disallow:"),
    notice(ORG, "/robots.txt", "404 Not Found", "Not Found", "No robots here."),
    moved(DIARIO, "/robots.txt", "301 Moved Permanently", "https://noticias.diario.example/robots2.txt", DIARIO),
    # pages seen before
    Revisit(HOME, not_modified=True),
    Revisit(SECOND, not_modified=False),
)  # fmt: skip
