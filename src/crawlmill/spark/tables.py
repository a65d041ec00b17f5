"""The tables that Spark reads from archives: their columns, each with its type and where a record has it."""

from __future__ import annotations

from operator import attrgetter
from typing import Callable, NamedTuple

from crawlmill.contract import type_set
from crawlmill.errors import UsageError
from crawlmill.records import urls
from crawlmill.records.record import Record
from crawlmill.schema import parse_schema
from crawlmill.warc.damage import COLUMNS

LINKS = "array<struct<path:string,url:string,text:string>>"
_SPARK = {"string": "string", "int64": "bigint"}
DAMAGE = {column.name: _SPARK[column.type] for column in parse_schema(COLUMNS)}
"""The columns of every damage table and Spark's names of their types."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        type: Spark's name of the type.
        get: the value, of a record and the most bytes that it may have (``max_payload``).
        body: it is of a body, and null when the body cannot be had.
    """

    type: str
    get: Callable[[Record, int], object]
    body: bool = False


class Table(NamedTuple):
    """A table.

    Attributes:
        name: Spark's name of the format.
        analysis: what the damage table calls the reader of it.
        types: the record types that are its rows; None for all.
        columns: all that it can have, in order.
        bodies: those columns of bodies that it has unasked.
    """

    name: str
    analysis: str
    types: frozenset[str] | None
    columns: dict[str, Column]
    bodies: tuple[str, ...] = ()

    @property
    def default(self) -> tuple[str, ...]:
        """The columns that it has when none are named."""
        return tuple(name for name, column in self.columns.items() if not column.body or name in self.bodies)


def _of(path: str, type: str = "string") -> Column:
    get = attrgetter(path)
    return Column(type, lambda record, limit: get(record))


def _header(name: str) -> Column:
    return Column("string", lambda record, limit: record.headers.get(name))


def _wat(name: str, type: str = "string") -> Column:
    get = attrgetter(name)
    return Column(type, lambda record, limit: None if record.wat is None else get(record.wat))


def _body(get: Callable[[Record, int], object], type: str) -> Column:
    return Column(type, get, True)


def _digest(record: Record, limit: int) -> str | None:
    return record.headers.get("WARC-Payload-Digest") or record.headers.get("WARC-Block-Digest")


def http_headers(record: Record) -> list[tuple[str, str]] | None:
    """The HTTP headers by lower-cased name, in their order; the values of a repeated one joined by a line feed, which no
    value can hold (a comma, as RFC 9110 would have it, cannot be undone). None when there is no HTTP message."""
    http = record.http
    if http is None:
        return None
    found: dict[str, list[str]] = {}
    for name, value in http.headers.items():
        found.setdefault(name.lower(), []).append(value)
    return [(name, "\n".join(values)) for name, values in found.items()]


def _wat_host(record: Record) -> str | None:
    url = None if record.wat is None else record.wat.url
    return None if url is None else urls.host(url)


def _wat_domain(record: Record) -> str | None:
    host = _wat_host(record)
    return None if host is None else urls.registered_domain(host)


_PLACE = {name: _of(name, "string" if name == "uri" else "bigint") for name in ("uri", "offset", "ordinal", "length")}
_PAYLOAD = {
    "payload": _body(lambda record, limit: record.payload[:limit], "binary"),
    "payload_truncated": _body(lambda record, limit: record.payload_length > limit, "boolean"),
}
_BODIES = {
    **_PAYLOAD,
    "body": _body(lambda record, limit: record.body[:limit], "binary"),
    "body_truncated": _body(lambda record, limit: len(record.body) > limit, "boolean"),
}
_TEXT = _body(lambda record, limit: record.text, "string")

WARC = Table(
    "warc",
    "records",
    None,
    {
        **_PLACE,
        "type": _of("type"),
        "url": _of("url"),
        "date": _of("date"),
        "status": _of("status"),
        "mime": _of("mime"),
        "identified": _of("identified"),
        "payload_length": _of("payload_length", "bigint"),
        "digest": Column("string", _digest),
        "host": _of("host"),
        "registered_domain": _of("registered_domain"),
        "ip": _of("ip"),
        "record_id": _of("id"),
        "concurrent_to": _header("WARC-Concurrent-To"),
        "languages": _header("WARC-Identified-Content-Language"),
        "truncated": _header("WARC-Truncated"),
        "headers": Column("map<string,string>", lambda record, limit: http_headers(record)),
        **_BODIES,
        "text": _TEXT,
    },
)
WAT = Table(
    "wat",
    "wat",
    type_set("metadata/json"),
    {
        **_PLACE,
        "record_id": _of("id"),
        "date": _of("date"),
        "url": _wat("url"),
        "host": Column("string", lambda record, limit: _wat_host(record)),
        "registered_domain": Column("string", lambda record, limit: _wat_domain(record)),
        "ip": _wat("ip"),
        "status": _wat("status"),
        "mime": _wat("mime"),
        "title": _wat("title"),
        "base": _wat("base"),
        "links": _wat("links", LINKS),
        "source_type": _wat("source_type"),
        "source_filename": _wat("filename"),
        "source_offset": _wat("offset", "bigint"),
        "source_length": _wat("length", "bigint"),
        **_PAYLOAD,
    },
)
WET = Table(
    "wet",
    "wet",
    type_set("conversion"),
    {
        **_PLACE,
        "record_id": _of("id"),
        "date": _of("date"),
        "url": _of("url"),
        "host": _of("host"),
        "registered_domain": _of("registered_domain"),
        "digest": Column("string", _digest),
        "payload_length": _of("payload_length", "bigint"),
        "languages": _header("WARC-Identified-Content-Language"),
        "text": _TEXT,
        **_PAYLOAD,
    },
    ("text",),
)
TABLES = {table.name: table for table in (WARC, WAT, WET)}


def table_of(name: str) -> Table:
    """A table by its name. Raises :class:`UsageError` when there is none."""
    if name not in TABLES:
        raise UsageError(f"no table is called {name!r}", hint=f"there are {', '.join(TABLES)}")
    return TABLES[name]


def chosen(table: Table, names: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns that a user named, or the default ones. Raises :class:`UsageError` for what the table does not have.

    >>> chosen(WARC, ("url", "colour"))
    Traceback (most recent call last):
    ...
    crawlmill.errors.UsageError: warc: no column is called 'colour'; there are uri, offset, ordinal, length, type, url, \
date, status, mime, identified, payload_length, digest, host, registered_domain, ip, record_id, concurrent_to, languages, truncated, \
headers, payload, payload_truncated, body, body_truncated, text
    """
    if names is None:
        return table.default
    for at, name in enumerate(names):
        if name not in table.columns:
            raise UsageError(f"no column is called {name!r}", table.name, f"there are {', '.join(table.columns)}")
        if name in names[:at]:
            raise UsageError(f"the column {name!r} is named twice", table.name)
    if not names:
        raise UsageError("no column is named", table.name, f"there are {', '.join(table.columns)}")
    return names


def ddl(table: Table, names: tuple[str, ...]) -> str:
    """Columns as Spark's schema text.

    >>> ddl(WARC, ("url", "offset"))
    'url string, offset bigint'
    """
    return ", ".join(f"{name} {table.columns[name].type}" for name in names)
