"""WAT: a record's JSON metadata as a typed view that forgives missing keys and wrong types.

Since CC-MAIN-2024-51 a header that repeats is a JSON list, a single one a string; before, always a string. All numbers
are JSON strings. The layout is that of ia-web-commons, which writes the files.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from crawlmill.records.http import media_type

_SURROGATE = re.compile("[\ud800-\udfff]")


class Link(NamedTuple):
    """A link of a page: where it stands (``A@/href``), the URL as written, and its text."""

    path: str
    url: str
    text: str


def load_json(block: bytes) -> object | None:
    """A parsed JSON block; None when it is none.

    >>> load_json(b'{"a": 1}'), load_json(b"{") is None
    ({'a': 1}, True)
    """
    try:
        found: object = json.loads(block)
    except (ValueError, RecursionError):
        return None
    return found


def clean(text: str) -> str:
    """Text without lone surrogates, which JSON escapes can make."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


class Wat:
    """The metadata of one source record."""

    def __init__(self, data: dict[str, object]) -> None:
        self._envelope = _child(data, "Envelope")
        self._container = _child(data, "Container")
        self._warc = _child(self._envelope, "WARC-Header-Metadata")
        payload = _child(self._envelope, "Payload-Metadata")
        self._response = _child(payload, "HTTP-Response-Metadata")
        self._html = _child(self._response, "HTML-Metadata")

    @property
    def source_type(self) -> str:
        """WARC-Type of the source record, lower-cased; ``''`` when absent."""
        return (_text(self._warc.get("WARC-Type")) or "").strip().lower()

    @property
    def url(self) -> str | None:
        """The source record's URL."""
        found = self.warc_value("WARC-Target-URI")
        return None if found is None else found.strip().strip("<>")

    @property
    def ip(self) -> str | None:
        """The address that the page came from."""
        return self.warc_value("WARC-IP-Address")

    def warc_value(self, name: str) -> str | None:
        """The first value of a WARC header of the source record."""
        return next(iter(_values(self._warc, name)), None)

    @property
    def is_response(self) -> bool:
        """Whether the source record held an HTTP response."""
        return bool(self._response)

    @property
    def status(self) -> str | None:
        """The HTTP status; ``invalid`` when it is not three digits; None without a response."""
        if not self._response:
            return None
        found = _text(_child(self._response, "Response-Message").get("Status")) or ""
        return found if len(found) == 3 and found.isascii() and found.isdigit() else "invalid"

    def header_values(self, name: str) -> list[str]:
        """All values of an HTTP header of the response, the name in any case."""
        return _values(_child(self._response, "Headers"), name)

    @property
    def mime(self) -> str | None:
        """The declared media type, as in :attr:`Record.mime`."""
        return media_type(next(iter(self.header_values("Content-Type")), None)) if self._response else None

    @property
    def title(self) -> str:
        """The page's title."""
        return _text(_child(self._html, "Head").get("Title")) or ""

    @property
    def base(self) -> str | None:
        """The page's ``<base href>``."""
        return _text(_child(self._html, "Head").get("Base"))

    @property
    def links(self) -> list[Link]:
        """The links of the body, unresolved."""
        found = self._html.get("Links")
        links = []
        for item in found if isinstance(found, list) else ():
            if isinstance(item, dict):
                path, url, text = _text(item.get("path")), _text(item.get("url")), _text(item.get("text"))
                if url is not None:
                    links.append(Link(path or "", url, text or ""))
        return links

    @property
    def filename(self) -> str | None:
        """Name of the WARC file."""
        return _text(self._container.get("Filename"))

    @property
    def offset(self) -> int | None:
        """Offset of the source record in the WARC file, in bytes."""
        return _number(self._container.get("Offset"))

    @property
    def length(self) -> int | None:
        """Compressed length of the source record in the WARC file, in bytes."""
        return _number(_child(self._container, "Gzip-Metadata").get("Deflate-Length"))


def _child(data: dict[str, object], name: str) -> dict[str, object]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) else None


def _number(value: object) -> int | None:
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _values(headers: dict[str, object], name: str) -> list[str]:
    found = []
    for key, value in headers.items():
        if key.lower() == name.lower():
            items = value if isinstance(value, list) else [value]
            found += [clean(item).strip() for item in items if isinstance(item, str)]
    return found
