"""The one text format of keys and values: what Streaming, mrjob, partials and spills write, and what is equal in it.

A line is ``KEY TAB VALUE LF``. KEY is a canonical JSON array of the analysis' name and the key's columns, VALUE a
canonical JSON value; both are ASCII-escaped, so no TAB, CR or LF of the data stands raw in them. Lines sort by the
bytes of KEY (``LC_ALL=C``). Names that begin with ``!`` are reserved for damage and counters.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quote
from typing import Union

from crawlmill.errors import CrawlmillError

DAMAGE = "!damage"
COUNTERS = "!counters"

Scalar = Union[str, int, bool, None]
Json = Union[str, int, bool, None, "list[Json]", "dict[str, Json]"]
Key = Union[Scalar, tuple[Scalar, ...]]

_dumps = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False).encode


def prefix(name: str) -> str:
    """The part of a key that names the analysis; a key is ``prefix(name) + columns(key) + "]"``.

    >>> prefix("origins")
    '["origins",'
    """
    return f"[{quote(name)},"


def columns(key: Key) -> str:
    """The key's columns as JSON, joined by commas.

    >>> columns("http://a.example"), columns(("text/html", None)), columns(7)
    ('"http://a.example"', '"text/html",null', '7')
    """
    if type(key) is str:
        return quote(key)
    if type(key) is tuple:
        return ",".join([quote(part) if type(part) is str else _dumps(part) for part in key])
    return _dumps(key)


def value(state: Json) -> str:
    """A value as canonical JSON: no blanks, sorted names, ASCII only.

    >>> value(3), value(["ü", 1]), value({"b": 1, "a": None})
    ('3', '["\\\\u00fc",1]', '{"a":null,"b":1}')
    """
    return str(state) if type(state) is int else _dumps(state)


def encode(name: str, key: Key, state: Json) -> bytes:
    r"""One line.

    >>> encode("origins", "http://a.example", 3)
    b'["origins","http://a.example"]\t3\n'
    >>> encode("mime", ("text/html", None), 1)
    b'["mime","text/html",null]\t1\n'
    """
    return f"{prefix(name)}{columns(key)}]\t{value(state)}\n".encode("ascii")


def split(line: bytes) -> tuple[bytes, bytes]:
    r"""A line's key bytes and value bytes. Raises :class:`CrawlmillError` when there is no TAB.

    >>> split(b'["origins","http://a.example"]\t3\n')
    (b'["origins","http://a.example"]', b'3')
    """
    key, tab, rest = line.rstrip(b"\r\n").partition(b"\t")
    if not tab:
        raise CrawlmillError(f"not a key TAB value line: {line[:80]!r}", hint="feed the output of a crawlmill mapper")
    return key, rest


def parse_key(key: bytes) -> tuple[str, tuple[Scalar, ...]]:
    """The analysis' name and the key's columns.

    >>> parse_key(b'["mime","text/html",null]')
    ('mime', ('text/html', None))
    """
    try:
        name, *parts = json.loads(key)
    except (ValueError, TypeError):
        raise CrawlmillError(
            f"not a crawlmill key: {key[:80]!r}", hint="feed the output of a crawlmill mapper"
        ) from None
    return name, tuple(parts)


def name_of(key: bytes) -> str:
    """The analysis' name alone, without parsing the columns.

    >>> name_of(b'["words[min_length=3]","a"]')
    'words[min_length=3]'
    """
    end = key.find(b'",')
    return str(json.loads(key[1 : end + 1])) if end > 0 else parse_key(key)[0]
