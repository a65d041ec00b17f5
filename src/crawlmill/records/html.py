"""HTML pages: which records hold one, their text encoding, and a real parse for elements, links and visible text.

The parser is resiliparse (``crawlmill[html]``), which follows the parsing rules of the HTML standard.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

from crawlmill.errors import MissingExtra

Tree = Any
"""``resiliparse.parse.html.HTMLTree``, which has no types of its own."""

_HTML = ("text/html", "application/xhtml+xml")
_SNIFF = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.IGNORECASE)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDER = {
    "iso8859-1": "windows-1252",
    "ascii": "windows-1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_html(mime: str | None, identified: str | None, body: bytes) -> bool:
    """Whether a response holds HTML: by the media type that the crawler identified, else by the declared one, else by its
    first bytes.

    >>> is_html("text/html", None, b""), is_html("text/html", "image/png", b""), is_html("", None, b" <!DOCTYPE html>")
    (True, False, True)
    """
    kind = identified or mime
    if kind:
        return kind.partition(";")[0].strip().lower() in _HTML
    return _SNIFF.match(body[:1024]) is not None


def encoding(body: bytes, content_type: str | None) -> str:
    """The text encoding of a page: byte order mark, charset of Content-Type, of a ``<meta>`` in the first 1,024 bytes, else
    UTF-8 if it decodes, else windows-1252 (what the WHATWG encoding standard makes of Latin-1).

    >>> encoding(b"<meta charset=koi8-r>", None), encoding(b"caf\\xe9", None), encoding(b"", "text/html; charset=latin1")
    ('koi8-r', 'windows-1252', 'windows-1252')
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    declared = _CHARSET.search(content_type or "")
    meta = _META.search(body, 0, 1024)
    for name in (declared[1] if declared else "", meta[1].decode("latin-1") if meta else ""):
        try:
            known = codecs.lookup(name).name if name else ""
        except (LookupError, ValueError):
            continue
        if known and known not in (
            "base64",
            "bz2",
            "hex",
            "quopri",
            "rot13",
            "uu",
            "zlib",
            "punycode",
            "idna",
            "undefined",
        ):
            if meta is not None and name != (declared[1] if declared else "") and known.startswith("utf-16"):
                known = "utf-8"  # a meta that could be read is not UTF-16
            return _WIDER.get(known, known)
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def decode(body: bytes, content_type: str | None = None) -> str:
    """The page as text; what does not decode becomes U+FFFD.

    >>> decode(b"caf\\xc3\\xa9", "text/html; charset=utf-8")
    'café'
    """
    try:
        text = body.decode(encoding(body, content_type), "replace")
    except (LookupError, ValueError, TypeError):  # a codec that is not one of text
        text = body.decode("utf-8", "replace")
    text = text[1:] if text.startswith("\ufeff") else text
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def parse(body: bytes, content_type: str | None = None) -> Tree:
    """Parse a page. Raises :class:`MissingExtra` without resiliparse."""
    try:
        from resiliparse.parse.html import HTMLTree
    except ImportError:
        raise MissingExtra("resiliparse", "html") from None
    return HTMLTree.parse(decode(body, content_type))


def tags(tree: Tree) -> dict[str, int]:
    """How often each element stands in the parsed page, by lower-case name. The parser adds ``html``, ``head`` and ``body``
    where a page leaves them out: they are elements of the page, and count."""
    counts: dict[str, int] = {}
    for element in tree.document.get_elements_by_tag_name("*"):
        name = element.tag
        counts[name] = counts.get(name, 0) + 1
    return counts


def links(tree: Tree, base_url: str) -> Iterator[str]:
    """Absolute http(s) URLs of ``a`` and ``area`` elements, in order; relative ones by ``<base>``, else by the page's URL."""
    base = tree.document.query_selector("base[href]")
    if base is not None:
        base_url = absolute(base_url, base.getattr("href") or "") or base_url
    for element in tree.document.query_selector_all("a[href], area[href]"):
        found = absolute(base_url, element.getattr("href") or "")
        if found is not None:
            yield found


_STRIPPED = str.maketrans("", "", "\t\r\n")


def absolute(base: str, reference: str) -> str | None:
    """A reference as an absolute http(s) URL; None when it is none. Blanks around it and line ends in it go, as in browsers.

    >>> absolute("http://a.example/b/c", " ../d"), absolute("http://a.example/", "mailto:x") is None
    ('http://a.example/d', True)
    """
    reference = reference.translate(_STRIPPED).strip(" \f\0")
    try:
        found = urljoin(base, reference)
    except ValueError:
        return None
    return found if found[:8].lower().startswith(("http://", "https://")) else None


def title(tree: Tree) -> str:
    """The page's title, ``''`` when it has none."""
    return tree.title or ""


def text(tree: Tree) -> str:
    """What a reader sees of the page, as plain text."""
    from resiliparse.extract.html2text import extract_plain_text

    found: str = extract_plain_text(tree, preserve_formatting=False, main_content=False)
    return found
