"""From the links as a page wrote them, and its base, to the URLs that they mean.

A base stands once in a page and takes part in every link: copied into each, a base of 2 MB makes 200 GB of 100,000 links.
So where only the site of a link is asked for, the base is cut behind its site, and a whole URL is made only of a base of at
most :data:`MAX_BASE` characters. Work and output then grow with the page alone.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin

MAX_BASE = 8192
"""Characters of a base against which links are resolved."""
MAX_URL = 2 << 20
"""Characters of a link that is resolved; browsers take as many (Chromium's ``url::kMaxURLChars``)."""
_forget = getattr(urllib.parse, "clear_cache", lambda: None)  # the module keeps the last 128 URLs, of any length
_SHORT = 2048  # characters of a link in which its site must stand, unless the site itself is longer

_WEB_URL = re.compile(r"https?://[^/?#\\]", re.IGNORECASE)
_PLAIN_URL = re.compile(r"https?://[!-Z^-~]+")
_SITE = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#\\]*")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_DROPPED = {ord(char): None for char in "\t\n\r"}


def absolute(page: str, base: str | None, hrefs: Iterable[str]) -> Iterator[str]:
    """The absolute ``http`` and ``https`` URLs that links mean, in their order.

    A URL that is absolute already stays as written, but for white space around it and the tabs and line ends in it (WHATWG
    URL, section 4.4). What cannot be resolved is left out: links longer than :data:`MAX_URL`, and relative ones where the
    base is longer than :data:`MAX_BASE`.

    Args:
        page: URL of the page.
        base: ``base[href]`` of the page, which is resolved against `page` and then takes its place.
        hrefs: the links as written.

    >>> list(absolute("http://c.example/y", "/x/", [" a ", "mailto:b", "HTTP://d.example"]))
    ['http://c.example/x/a', 'http://d.example']
    """
    against = _base(page[: MAX_BASE + 1], base)
    for href in hrefs:
        if len(href) <= MAX_URL:
            url = _resolve(against, _cleaned(href))
            if url is not None:
                yield url


def sites(page: str, base: str | None, hrefs: Iterable[str]) -> Iterator[str]:
    """As :func:`absolute`, but no link is left out for its length, and only the part of each URL is right that names its site:
    ``scheme://authority``.

    >>> list(sites("http://c.example/y", "/x/" * 9999, ["a", "//d.example/b"]))
    ['http://c.example/a', 'http://d.example/b']
    """
    against = _site(page)
    if base:
        against = _site(_resolve(against, _shortened(_cleaned(base))) or against)
    for href in hrefs:
        url = _resolve(against, _shortened(_cleaned(href)))
        if url is not None:
            yield url


def _base(page: str, base: str | None) -> str:
    found = _resolve(page, _cleaned(base)) if base and len(base) <= MAX_URL else None
    return found or page


def _site(url: str) -> str:
    """A URL up to the end of its site, with a path that links can be resolved against."""
    found = _SITE.match(url)
    return f"{found[0]}/" if found else url[:_SHORT]


def _shortened(href: str) -> str:
    if len(href) <= _SHORT:
        return href
    found = _SITE.match(href)
    return href[: max(_SHORT, found.end() if found else 0)]


def _cleaned(href: str) -> str:
    return href.strip(_C0_AND_SPACE).translate(_DROPPED)


def _resolve(base: str, href: str) -> str | None:
    """The absolute web URL that `href` means; None when it is none."""
    if _PLAIN_URL.fullmatch(href) is None:
        if len(base) > MAX_BASE:
            if not href.startswith("//") and not _WEB_URL.match(href):
                return None
            base = _site(base)
        try:
            href = urljoin(base, href)
        except ValueError:
            return None
        if len(href) > MAX_BASE:
            _forget()
    return href if _WEB_URL.match(href) else None
