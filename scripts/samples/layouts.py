"""Pages of the usual kinds: an article, a short notice, plain text, other data."""

from __future__ import annotations

from dataclasses import replace

from samples.articles import Article
from samples.markup import Html, document, el, raw
from samples.model import Page, Site

CODES = {
    "en": "eng", "de": "deu", "fr": "fra", "es": "spa", "ru": "rus", "el": "ell", "ja": "jpn", "zh": "zho", "ar": "ara",
}  # fmt: skip
STYLE = el("link", {"rel": "stylesheet", "href": "/style.css"})


def a(href: str, to: Site | None, label: str, rel: str | None = None) -> Html:
    """A link; `to` is where it leads, None when its target is not http(s)."""
    return el("a", {"href": href, **({"rel": rel} if rel else {})}, label, to=to.host if to else None)


def menu(*links: Html) -> Html:
    """Links in a list."""
    return el("nav", {}, el("ul", {}, *(piece for link in links for piece in (el("li", {}, link), "\n"))))


def article(site: Site, path: str, language: str, text: Article, *links: Html, **options: object) -> Page:
    """An article with a menu under it. `options` are fields of Page."""
    paragraphs = (piece for paragraph in text.paragraphs for piece in (el("p", {}, paragraph), "\n"))
    charset = str(options.get("charset", "utf-8"))
    body = document(
        language, text.title, el("h1", {}, text.title), "\n", *paragraphs, menu(*links), head=(STYLE,), charset=charset
    )
    return html(site, path, body, CODES[language], **options)


def html(site: Site, path: str, body: Html, *languages: str, **options: object) -> Page:
    """A page of HTML."""
    return replace(Page(site, path, body, languages=languages), **options)  # type: ignore[arg-type]  # fields of Page


def notice(site: Site, path: str, status: str, title: str, *content: Html | str, **options: object) -> Page:
    """What a server says with an error or a redirect; `status` with its reason."""
    body = document("en", title, el("h1", {}, title), el("p", {}, *content))
    line = f"HTTP/1.1 {status}"
    return html(site, path, body, status_line=line, status=status[:3], content_type="text/html", **options)


def moved(site: Site, path: str, status: str, location: str, to: Site) -> Page:
    """A redirect with a page that says where to; `location` lies on the site `to`."""
    link = a(location, to, "here")
    return notice(site, path, status, status[4:], "The document is ", link, ".", location=location)


def data(site: Site, path: str, mime: str, body: bytes, parameters: str = "", **options: object) -> Page:
    """A payload that is not HTML."""
    page = Page(site, path, body, content_type=mime + parameters, mime=mime, identified=mime)
    return replace(page, **options)  # type: ignore[arg-type]  # fields of Page


def text(site: Site, path: str, *lines: str, **options: object) -> Page:
    """Plain text."""
    return data(site, path, "text/plain", "".join(f"{line}\n" for line in lines).encode(), "; charset=utf-8", **options)


SCRIPT = el(
    "script",
    {},
    raw("""
document.write("<div><a href='http://fake.example/script'>not a link<\\/a><table><tr><td>1<\\/td><\\/tr><\\/table>");
if (1 < 2 && "<h1>".length > 3) { console.log('<img src="http://fake.example/i.png">'); }
"""),
)
"""A script full of markup that is none."""
COMMENT = raw('\n<!-- <p><a href="http://fake.example/comment">not a link</a></p> <br> -- <table> -->\n')
IE_COMMENT = raw('\n<!--[if lt IE 9]><script src="http://fake.example/html5.js"></script><![endif]-->\n')
CSS = el(
    "style", {}, raw('\nblockquote::before { content: "<b>" } a[href^="http://fake.example/"] > i { color: red }\n')
)
TYPED = el(
    "textarea", {"name": "code", "rows": "2"}, raw('<h1><a href="http://fake.example/typed">typed by a reader</a></h1>')
)
QUOTED = el("p", {"title": "a > b, <i>not an element</i>, 'c'"}, "The title of this paragraph holds angle brackets.")
