"""Fields of lines that others wrote, in manifests and indexes: what they may be, whatever stands there."""

from __future__ import annotations

import json
import os
from typing import Any

from crawlmill.schema import clean_string
from crawlmill.stores.names import scheme

LEAST, MOST = -(1 << 63), (1 << 63) - 1
"""The numbers that a table can hold."""


def object_of(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises :class:`ValueError` for what is none, for a name that is there twice, for nesting without end.

    >>> object_of('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    ValueError: a name is there twice
    """
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if type(found) is not dict:
        raise ValueError("it is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def whole(value: object) -> int:
    """A whole number of 64 bits, also as text, as CDXJ has it. Raises :class:`ValueError`.

    >>> whole(7), whole("7"), whole("-7")
    (7, 7, -7)
    >>> whole(True)
    Traceback (most recent call last):
    ...
    ValueError: not a whole number of 64 bits
    """
    number = value
    if type(value) is str and len(value) <= 20 and value.isascii() and value[value[:1] == "-" :].isdigit():
        number = int(value)
    if type(number) is not int or not LEAST <= number <= MOST:
        raise ValueError("not a whole number of 64 bits")
    return number


def archive_name(value: object) -> str:
    """The name of an archive. Raises :class:`ValueError` for what no file is called and no table can hold.

    Bytes of a local name that are not UTF-8 stand in it as surrogates; :func:`crawlmill.stores.uri_of` makes a URI of it.

    >>> archive_name("caf\\udce9.warc.gz")
    'caf\\udce9.warc.gz'
    >>> archive_name("s3://crawl/caf\\udce9.warc.gz")
    Traceback (most recent call last):
    ...
    ValueError: not the name of a file
    """
    if type(value) is not str or not value or "\0" in value:
        raise ValueError("not the name of a file")
    if not clean_string(value) and (scheme(value) != "file" or not _names_bytes(value)):
        raise ValueError("not the name of a file")
    return value


def _names_bytes(value: str) -> bool:
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return True
