"""From a URL to its origin, host and registered domain.

Each runs once a page, so an answer is remembered by the URL's ``scheme://authority`` as written: a site seen before
costs one search and one look-up. What is odd stays as it is, lower-cased, for an analysis to see; nothing here raises.
"""

from __future__ import annotations

import re
from typing import Optional

from crawlmill.records.suffixes import suffix_start

_Site = tuple[Optional[str], Optional[str]]

_NOWHERE: _Site = (None, None)
_LIMIT = 65_536
"""Entries that a cache holds before it is emptied."""
_LONGEST = 300
"""Characters of the longest key that a cache takes. A host name has 253 at most (RFC 1035 section 2.3.4)."""

_PLAIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9_.-]+)(?=[/?#\\]|\Z)")
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\\]*)")
_HOST_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?")
_PORTS = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443", "gopher": "70"}

_sites: dict[str, _Site] = {}
_domains: dict[str, str | None] = {}


def clean_url(text: str) -> str:
    """A target URI without white space around it and without one pair of ``<>``, which some writers put there.

    >>> clean_url(" <http://a.example/> ")
    'http://a.example/'
    """
    text = text.strip()
    return text[1:-1].strip() if text[:1] == "<" and text[-1:] == ">" else text


def origin(url: str) -> str | None:
    """``scheme://host[:port]`` of a cleaned URL, ``scheme://`` where the host is empty; None without a ``scheme://``.

    Scheme and host in lower case, user information and the scheme's default port left out (RFC 6454 section 4). Any
    scheme will do. A ``\\`` ends the host as ``/`` does (WHATWG URL). A dot at the host's end stays.

    >>> origin("HTTP://user:secret@Bücher.Example:80/a?b")
    'http://xn--bcher-kva.example'
    >>> origin("https://[2001:DB8::0:1]:8443"), origin("ws://a.example?b"), origin("dns:a.example"), origin("file:///a")
    ('https://[2001:db8::1]:8443', 'ws://a.example', None, 'file://')
    """
    # A prefix cut in the middle of "://" (a long scheme) is never a key, so it is no wrong answer, only a slower one.
    end = url.find("/", 8)
    return (_sites.get(url[:end] if end > 0 else url) or _site(url))[0]


def host(url: str) -> str | None:
    """The host of a cleaned URL, without user information and port; None when it has none.

    Lower case; IPv6 addresses in brackets and in their short form (RFC 5952 section 4.2, all in hexadecimal as in
    WHATWG URL); international labels in ASCII form (RFC 3490, the standard library's), where they have one.

    >>> host("http://me@WWW.Bücher.example:8080/"), host("http://[::1]/"), host("urn:x")
    ('www.xn--bcher-kva.example', '[::1]', None)
    """
    end = url.find("/", 8)
    return (_sites.get(url[:end] if end > 0 else url) or _site(url))[1]


def registered_domain(host: str) -> str | None:
    """The name that somebody registered: the host's public suffix and one label more, in ASCII form.

    None for an IP address, for a host that is a public suffix itself, and for one with an empty label or a colon. One
    dot at the end is left out. Rules and version: :mod:`crawlmill.records.suffixes`.

    >>> [registered_domain(name) for name in ("www.example.co.uk", "a.me.github.io", "b.a.unknown", "食狮.公司.cn.")]
    ['example.co.uk', 'me.github.io', 'a.unknown', 'xn--85x722f.xn--55qx5d.cn']
    >>> [registered_domain(name) for name in ("co.uk", "github.io", "localhost", "192.0.2.1", "[::1]", "a..com")]
    [None, None, None, None, None, None]
    """
    known = _domains.get(host, "")
    if known != "":
        return known
    name = _domain_name(host)
    start = suffix_start(name) if name else 0
    found = name[name.rfind(".", 0, start - 1) + 1 :] if name and start else None
    if len(host) <= _LONGEST:
        if len(_domains) >= _LIMIT:
            _domains.clear()
        _domains[host] = found
    return found


def public_suffix(host: str) -> str | None:
    """The part of a host under which names are registered, in ASCII form; None for an IP address and an empty label.

    >>> [public_suffix(name) for name in ("www.example.co.uk", "a.b.unknown", "localhost", "192.0.2.1")]
    ['co.uk', 'unknown', 'localhost', None]
    """
    name = _domain_name(host)
    return name[suffix_start(name) :] if name else None


def reverse_host(host: str) -> str:
    """The labels from the last to the first, as in SURT and web-graph names; an IP address stays as it is.

    >>> reverse_host("www.example.com"), reverse_host("192.0.2.1"), reverse_host("[::1]")
    ('com.example.www', '192.0.2.1', '[::1]')
    """
    return host if _is_address(host) else ".".join(reversed(host.removesuffix(".").split(".")))


def _site(url: str) -> _Site:
    """(origin, host) of a URL whose site is not remembered."""
    plain = _PLAIN.match(url)
    if plain:
        prefix = plain.group()
        site: _Site = (prefix, plain.group(1))
    else:
        found = _AUTHORITY.match(url)
        if not found:
            return _NOWHERE
        prefix = found.group()
        site = _sites.get(prefix) or _odd_site(*found.groups())
    if len(prefix) <= _LONGEST:
        if len(_sites) >= _LIMIT:
            _sites.clear()
        _sites[prefix] = site
    return site


def _odd_site(scheme: str, authority: str) -> _Site:
    """(origin, host) of an authority that has more than a lower-case host. Two colons outside brackets are no port."""
    scheme, authority = scheme.lower(), authority.rpartition("@")[2]
    parts = _HOST_PORT.fullmatch(authority)
    name, port = (parts.group(1), parts.group(2) or "") if parts else (authority, "")
    if not name:
        return f"{scheme}://", None
    name, port = _host_name(name), port and (port.lstrip("0") or "0")
    return (f"{scheme}://{name}" if port in ("", _PORTS.get(scheme)) else f"{scheme}://{name}:{port}"), name


def _host_name(name: str) -> str:
    """The one form of a host: see :func:`host`."""
    if name.isascii():
        return _short_ipv6(name.lower()) if name[:1] == "[" and name[-1:] == "]" else name.lower()
    name = re.sub("[\ud800-\udfff]", "\ufffd", name)  # Arrow and UTF-8 refuse them
    if len(name) > 255:  # no name in any form; and IDNA takes quadratic time
        return name.lower()
    labels = re.split("[.\u3002\uff0e\uff61]", name)  # the four dots of RFC 3490 section 3.1
    return ".".join([label.lower() if label.isascii() else _ascii_label(label) for label in labels])


def _ascii_label(label: str) -> str:
    """The ``xn--`` form of an international label; the label in lower case when it has none.

    Characters such as U+2100 become several, a slash among them; a host must not gain one so.

    >>> _ascii_label("Bücher"), _ascii_label("\u2100")
    ('xn--bcher-kva', '\u2100')
    """
    from encodings.idna import ToASCII  # here: few hosts need it, and it loads tables

    try:
        text = ToASCII(label).decode("ascii")
    except UnicodeError:
        return label.lower()
    return text if re.fullmatch("[a-z0-9_-]+", text) else label.lower()


def _short_ipv6(name: str) -> str:
    """A bracketed IPv6 address in its short form; anything else as it is.

    >>> _short_ipv6("[2001:db8:0:0:1:0:0:0]"), _short_ipv6("[::ffff:192.0.2.1]"), _short_ipv6("[v1.x]")
    ('[2001:db8:0:0:1::]', '[::ffff:c000:201]', '[v1.x]')
    """
    from ipaddress import IPv6Address

    try:
        packed = b"" if "%" in name else IPv6Address(name[1:-1]).packed
    except ValueError:
        packed = b""
    if not packed:
        return name
    # Not str(IPv6Address): Python 3.13 writes mapped IPv4 addresses in another way than those before.
    text = ":".join([f"{packed[i] << 8 | packed[i + 1]:x}" for i in range(0, 16, 2)])
    runs = sorted(re.finditer("(?:^|:)0(?::0)+(?:$|:)", text), key=lambda run: -run.group().count("0"))
    return f"[{text[: runs[0].start()]}::{text[runs[0].end() :]}]" if runs else f"[{text}]"


def _domain_name(host: str) -> str | None:
    """The host as a name to which the suffix rules apply; None for an address and where a label is empty."""
    name = _host_name(host).removesuffix(".")
    if not name or name[0] == "." or name[-1] == "." or ".." in name or "[" in name or ":" in name:
        return None
    return None if _is_address(name) else name


def _is_address(host: str) -> bool:
    """A bracketed address, or a host that ends in a number: that is an IPv4 address or nothing (WHATWG URL)."""
    if host[:1] == "[":
        return True
    last = host.removesuffix(".").rpartition(".")[2]
    return "0" <= last[:1] <= "9" and re.fullmatch("[0-9]+|0x[0-9a-f]*", last.lower()) is not None
