"""From the block of a record that says it is JSON to its value: the same value, or the same damage, on every machine.

The ``json`` of the standard library gives up at a depth that depends on who calls it and on the version of Python, and so
do the digits that it takes for a whole number. Here both are rules:

* nested at most :data:`MAX_DEPTH` deep, else it is damage (``body``);
* a whole number of more than :data:`MAX_DIGITS` digits is read as a float, as it is in JavaScript.
"""

from __future__ import annotations

import json
import re
import threading
from array import array
from itertools import accumulate

from crawlmill.records.http import media_type, to_text
from crawlmill.warc.damage import BodyDamage
from crawlmill.warc.reading import MAX_BODY

MAX_DEPTH = 256
"""Arrays and objects inside each other; a WAT record has about 10."""
MAX_DIGITS = 4300
"""Digits of a whole number (the most that Python itself has read since 3.11)."""
BYTES_AN_ITEM = 8
"""JSON may hold one array, object or member for each of these bytes of the limit (of the default one at least): as Python
objects, small ones take 30 times the bytes of their JSON. The links of a WAT record have 10 bytes or more for each."""

_JSON_TYPES = frozenset({"application/json", "text/json", "application/x-json", "text/x-json"})
_TOO_DEEP = "nested too deep"
_STEP = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_NO_BRACKET_OR_QUOTE = bytes(set(range(256)) - set(b'[]{}"'))
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}(?:\\u[dD][c-fC-F][0-9a-fA-F]{2})?|u[dD][c-fC-F][0-9a-fA-F]{2}|.)", re.DOTALL
)


def is_json(content_type: str | None) -> bool:
    """Whether a Content-Type declares one JSON text.

    >>> [is_json(value) for value in ("application/json; charset=utf-8", "application/ld+json", "application/x-ndjson")]
    [True, True, False]
    """
    kind = media_type(content_type)
    return kind in _JSON_TYPES or kind.endswith("+json")


def load_json(block: bytes, limit: int = MAX_BODY) -> object:
    """The JSON value that a block holds. Half surrogate pairs in it become U+FFFD, of equal names in an object the last counts,
    and NaN and Infinity are numbers, as everywhere in Python.

    Args:
        block: UTF-8, else Latin-1; byte order marks are left aside.
        limit: bytes that may be parsed, see :data:`BYTES_AN_ITEM` too.

    Raises:
        BodyDamage: ``body``: it is no JSON, or nested deeper than :data:`MAX_DEPTH`. ``oversized``: more than the limit.

    >>> load_json(b'{"a": "\\\\ud800"}'), load_json(b"null")
    ({'a': '\ufffd'}, None)
    """
    items = block.count(b"{") + block.count(b"[") + block.count(b":")
    if len(block) > limit or items > max(limit, MAX_BODY) // BYTES_AN_ITEM:
        raise BodyDamage("oversized")
    try:
        return loads(block)
    except ValueError:
        raise BodyDamage("body") from None


def loads(block: bytes) -> object:
    """As :func:`load_json`, without limits of size. Raises ValueError when it is no JSON or nested too deep."""
    if block.count(b"{") + block.count(b"[") > MAX_DEPTH and depth(block) > MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    text = to_text(block).lstrip("\ufeff")
    if _SURROGATE_ESCAPE.search(text) is not None:
        text = _ESCAPE.sub(_whole_pair, text)
    try:
        return _parse(text)
    except RecursionError:
        return _parse_elsewhere(text)


def depth(block: bytes) -> int:
    """How deep arrays and objects of a JSON text are nested, whatever stands in its strings. Takes linear time.

    >>> depth(b'{"a": [{}, "[[["]}'), depth(b'["\\\\"[", []]')
    (3, 2)
    """
    # Without escaped quotes, two quotes with no bracket between them are a string, or the gap between two strings: only where
    # one remains does a string hold a bracket. This is ten times as fast as looking for strings.
    marks = block.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_BRACKET_OR_QUOTE).replace(b'""', b"")
    if b'"' in marks:
        marks = _STRING.sub(b"", block).translate(None, _NO_BRACKET)
    return max(accumulate(array("b", marks.translate(_STEP))), default=0)


def _parse(text: str) -> object:
    value: object = json.loads(text, parse_int=_number)
    return value


def _parse_elsewhere(text: str) -> object:
    """Parse in a thread of its own, which has all of its stack before it: the caller's is used up."""
    found: list[object] = []
    raised: list[Exception] = []

    def parse() -> None:
        try:
            found.append(_parse(text))
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=parse, daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return found[0]


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else float(digits)


def _whole_pair(escape: re.Match[str]) -> str:
    """An escape as it is, but for half of a surrogate pair."""
    found = escape[0]
    return "\\ufffd" if len(found) == 6 else found
