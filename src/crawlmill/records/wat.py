"""A typed view of WAT records: the JSON that Common Crawl and other tools of the Internet Archive write for a record.

Fields come and go with the years and the writers; whatever is missing or of another type reads as None or empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from crawlmill.records.http import media_type
from crawlmill.records.parse_json import load_json as load_json  # what a Wat is made of
from crawlmill.records.urls import clean_url

_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST = (1 << 63) - 1
"""The largest offset that a file can have."""

_Json = Mapping[str, object]  # a JSON object: its keys are strings
_NOTHING: _Json = {}


class Link(NamedTuple):
    """A link of a page.

    Attributes:
        path: element and attribute, as ``A@/href`` or ``IMG@/src``.
        url: as written in the page, not resolved.
        text: its text, which writers cut (at 128 characters in Common Crawl); empty when there is none.
    """

    path: str
    url: str
    text: str


class Wat:
    """What a WAT record tells about the record that it was made from.

    Args:
        data: the parsed JSON, with ``Envelope`` and ``Container``.

    >>> headers = {"content-type": ["text/html; charset=x"]}
    >>> payload = {"HTTP-Response-Metadata": {"Response-Message": {"Status": "200"}, "Headers": headers}}
    >>> wat = Wat({"Envelope": {"Payload-Metadata": payload}, "Container": {"Offset": "17"}})
    >>> wat.status, wat.mime, wat.offset, wat.length, wat.url, wat.links
    ('200', 'text/html', 17, None, None, [])
    """

    __slots__ = ("_head", "_html", "_response", "_warc", "data")

    def __init__(self, data: object) -> None:
        self.data = _object(data)
        """All of the JSON, as it is."""
        envelope = _object(self.data.get("Envelope"))
        payload = _object(envelope.get("Payload-Metadata"))
        response = payload.get("HTTP-Response-Metadata")
        self._warc = _object(envelope.get("WARC-Header-Metadata"))
        self._response = response if isinstance(response, dict) else None
        self._html = _object(_object(response).get("HTML-Metadata"))
        self._head = _object(self._html.get("Head"))

    def __repr__(self) -> str:
        return f"<Wat {self.source_type} {self.url}>"

    @property
    def source_type(self) -> str:
        """WARC-Type of the source record, lower-cased; empty when absent. Most WAT files tell of every type."""
        return (_first(self._warc, "WARC-Type") or "").lower()

    @property
    def url(self) -> str | None:
        """WARC-Target-URI of the source record, cleaned as :attr:`Record.url` is."""
        found = _first(self._warc, "WARC-Target-URI")
        return None if found is None else clean_url(found)

    @property
    def ip(self) -> str | None:
        """WARC-IP-Address of the source record, as written."""
        return _first(self._warc, "WARC-IP-Address")

    @property
    def status(self) -> str | None:
        """The HTTP status: three digits, or ``invalid``; None when there is none."""
        found = _object(_object(self._response).get("Response-Message")).get("Status")
        if isinstance(found, int) and not isinstance(found, bool):
            try:
                found = str(found)
            except ValueError:  # more digits than Python writes
                return "invalid"
        if not isinstance(found, str) or not found:
            return None
        return found if len(found) == 3 and found.isascii() and found.isdigit() else "invalid"

    @property
    def mime(self) -> str | None:
        """The declared media type, as :attr:`Record.mime`: empty when absent, None when there is no HTTP response."""
        if self._response is None:
            return None
        found = self.header_values("Content-Type")
        return media_type(found[0]) if found else ""

    def header_values(self, name: str) -> list[str]:
        """All values of a header field of the HTTP response, in any case of its name.

        Repeated fields are there in Common Crawl from CC-MAIN-2024-51 on; before, only the last one was kept.
        """
        return _values(_object(_object(self._response).get("Headers")), name)

    @property
    def title(self) -> str | None:
        """The page's title, as written."""
        return _text(self._head.get("Title"))

    @property
    def base(self) -> str | None:
        """``base[href]`` of the page, against which its links are resolved; as written."""
        return _text(self._head.get("Base"))

    @property
    def links(self) -> list[Link]:
        """The links in the page's body, in its order; those without a URL left out."""
        entries = self._html.get("Links")
        found = []
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict):
                url = _text(entry.get("url"))
                if url is None:
                    url = _text(entry.get("href"))  # how writers put the URLs in style sheets
                if url is not None:
                    found.append(Link(_text(entry.get("path")) or "", url, _text(entry.get("text")) or ""))
        return found

    @property
    def filename(self) -> str | None:
        """Name of the file that holds the source record."""
        return _text(_object(self.data.get("Container")).get("Filename"))

    @property
    def offset(self) -> int | None:
        """Where the source record begins in that file, in bytes of the file as stored."""
        return _number(_object(self.data.get("Container")).get("Offset"))

    @property
    def length(self) -> int | None:
        """Bytes of its gzip member; None when the file was not compressed."""
        return _number(_object(_object(self.data.get("Container")).get("Gzip-Metadata")).get("Deflate-Length"))


def _object(value: object) -> _Json:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: object) -> str | None:
    """A string without half surrogate pairs; None when it is no string."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _values(fields: _Json, name: str) -> list[str]:
    """All strings of the fields called `name`; a field may be one string or a list of them."""
    key = name.lower()
    found = []
    for field, value in fields.items():
        if field.lower() == key:
            texts = [_text(item) for item in (value if isinstance(value, list) else [value])]
            found += [text for text in texts if text is not None]
    return found


def _first(fields: _Json, name: str) -> str | None:
    found = _text(fields.get(name))  # as nearly all writers spell it
    if found is not None:
        return found
    values = _values(fields, name)
    return values[0] if values else None


def _number(value: object) -> int | None:
    """A number of bytes; all numbers are strings in the WAT files of Common Crawl."""
    if isinstance(value, str) and len(value) <= len(str(_LARGEST)) and value.isascii() and value.isdigit():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST else None
