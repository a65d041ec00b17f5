"""From a URL to its key in an index: the Sort-friendly URI Reordering Transform (SURT) of Internet Archive's indexes.

The rules are those of ``WaybackURLKeyMaker`` (``com.google`` and ``org.archive`` canonicalization of webarchive-commons), by
which Common Crawl's index is made too: host reversed, ``www`` and ports by default left out, ``.`` and ``..`` resolved,
percent-escapes unified, session ids left out, parameters sorted, all in lower case.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from crawlmill.records import urls

_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?://([^/?#\\]*))?([^?#]*)(?:\?([^#]*))?")
_SAFE = "!\"$&'()*+,-./:;<=>?@[\\]^_`{|}~"
_HEX = frozenset(b"0123456789abcdefABCDEF")
_PASSES = 4  # escapes of escapes that real URLs have are fewer
_WITH_SESSION = 8192  # characters of a path or query in which a session id is looked for: that takes their square
_WWW = re.compile(r"^www\d*\.")
_BREAKS = re.compile(r"[\t\r\n]")
_PATH_SESSIONS = (
    re.compile(r"^(.*/)(?:\((?:[a-z]\([0-9a-z]{24}\))+\)/)([^?]+\.aspx.*)$", re.I),
    re.compile(r"^(.*/)(?:\([0-9a-z]{24}\)/)([^?]+\.aspx.*)$", re.I),
)
_QUERY_SESSIONS = tuple(
    re.compile(rf"^(.*)(?:{name})(?:&(.*))?$", re.I)
    for name in (
        "jsessionid=[0-9a-z]{32}",
        "phpsessid=[0-9a-z]{32}",
        "sid=[0-9a-z]{32}",
        "aspsessionid[a-z]{8}=[a-z]{24}",
        "cfid=[^&]+&cftoken=[^&]+",
    )
)


def surt(url: str) -> str | None:
    """The key of a URL with a host; None without one.

    >>> surt("https://www.Example.com/a/../B/?b=2&a=1#top"), surt("http://192.0.2.7:8080/")
    ('com,example)/b?a=1&b=2', '7,2,0,192:8080)/')
    """
    url = _BREAKS.sub("", url.strip())
    found, host = _URL.match(url), urls.host(url)
    if found is None or host is None:
        return None
    port = (urls.origin(url) or "").partition("://")[2][len(host) :]
    if host[0] != "[":
        name = _WWW.sub("", host.replace("..", ".").strip("."))
        host = ",".join(reversed(name.split(".")))
    query = _query(found[4])
    return f"{host}{port}){_path(found[3])}{'?' + query if query else ''}"


def _unified(text: str) -> str:
    """Escapes undone as often as there are any, and made once: one form of what is the same.

    >>> _unified("%2541%20%ff")
    'A%20%FF'
    """
    return quote_from_bytes(_plain(text), safe=_SAFE)


def _plain(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    for _ in range(_PASSES):
        plain = unquote_to_bytes(data)
        if plain == data:
            return data
        data = plain
    return _undone(data)


def _undone(data: bytes) -> bytes:
    """All escapes undone in one pass: what an escape gives may end another one. ``%252525...`` would take a pass a level.

    >>> _undone(b"%25" + b"25" * 1000 + b"41"), _undone(b"%2%351%4")
    (b'A', b'%1%4')
    """
    done = bytearray()
    for byte in data:
        done.append(byte)
        while done[-3:-2] == b"%" and done[-2] in _HEX and done[-1] in _HEX:
            done[-3:] = bytes([int(done[-2:], 16)])
    return bytes(done)


def _path(path: str) -> str:
    r"""The path of a key.

    >>> _path(""), _path("//a/./b/../C/"), _path("/(abcdefghijklmnopqrstuvwx)/x.aspx")
    ('/', '/a/c', '/x.aspx')
    """
    kept: list[bytes] = []
    for part in _plain(path).split(b"/")[1:]:
        if part == b".." and kept:
            kept.pop()
        elif part != b".":
            kept.append(part)
    whole = b"/" + b"".join(part + b"/" for part in kept[:-1] if part) + (kept[-1] if kept else b"")
    text = quote_from_bytes(whole, safe=_SAFE).lower()
    for session in _PATH_SESSIONS if len(text) <= _WITH_SESSION else ():
        found = session.match(text)
        text = found[1] + found[2] if found else text
    return text[:-1] if text.endswith("/") and len(text) > 1 else text


def _query(query: str | None) -> str:
    """The query of a key.

    >>> _query("b&A=%41&sid=0123456789abcdef0123456789abcdef")
    '&a=a&b'
    """
    text = _unified(query or "")
    for session in _QUERY_SESSIONS if len(text) <= _WITH_SESSION else ():
        found = session.match(text)
        text = found[1] + (found[2] or "") if found else text
    return "&".join(sorted(text.lower().split("&"), key=lambda item: item.split("=", 1)))
