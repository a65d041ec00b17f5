"""What a table is written as: one table of formats, each a module that is imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, BinaryIO, Protocol

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import beside, complete, discard

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from crawlmill.output.tables import Row
    from crawlmill.schema import Schema

FORMATS = {
    "parquet": "crawlmill.output.parquet:PARQUET",
    "jsonl": "crawlmill.output.text:JSONL",
    "tsv": "crawlmill.output.text:TSV",
    "csv": "crawlmill.output.text:CSV",
}
"""Name, which is also the ending of a file, to ``module:Format``. In this order they are asked whether bytes are theirs."""
ENTRY_POINTS = "crawlmill.formats"
"""The group in which an installed package names formats of its own, as in the table above."""


class Writer(Protocol):
    """Writes the rows of one table to a binary file, in key order."""

    def write(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None:
        """Write what belongs behind the rows. The file stays open."""


@dataclass(frozen=True)
class Format:
    """How a table becomes bytes, and bytes a table.

    Attributes:
        write: begins a table with these columns in a binary file, which need not be able to seek.
        read: the table in a binary file that can seek, as Arrow tables of some rows each, at least one. The columns may be
            given; they are guessed when None. Raises ``pyarrow.ArrowException``, ValueError or KeyError for other bytes.
        recognise: whether a file that begins with these bytes (4,096 or all of it) may be one.
    """

    write: Callable[[BinaryIO, Schema], Writer]
    read: Callable[[BinaryIO, Schema | None], Iterator[pa.Table]]
    recognise: Callable[[bytes], bool]


@cache
def format_names() -> tuple[str, ...]:
    """The formats there are, those of installed packages last.

    >>> format_names()[:4]
    ('parquet', 'jsonl', 'tsv', 'csv')
    """
    return (*FORMATS, *(name for name in sorted(_installed()) if name not in FORMATS))


@cache
def format_named(name: str) -> Format:
    """The format of a name. Raises :class:`UsageError` when there is none."""
    where = FORMATS.get(name) or _installed().get(name)
    if where is None:
        raise UsageError(f"no format is called {name!r}", hint=f"there are {', '.join(format_names())}")
    module, _, attribute = where.partition(":")
    found: Format = getattr(importlib.import_module(module), attribute)
    return found


def format_of_bytes(start: bytes) -> str:
    """The format of a table by its first bytes.

    >>> format_of_bytes(b'{"a":1}'), format_of_bytes(b"a,b")
    ('jsonl', 'csv')
    """
    own = [name for name in format_names() if name not in FORMATS]  # "csv" may be anything, so it is asked last
    return next(name for name in (*own, *FORMATS) if format_named(name).recognise(start))


@cache
def _installed() -> dict[str, str]:
    from importlib import metadata

    return {point.name: point.value for point in metadata.entry_points(group=ENTRY_POINTS)}


class FileSink:
    """The sink of a file that is there whole or not at all.

    Args:
        path: where.
        schema: the columns.
        format: one of :func:`format_names`.
        scratch: a folder on the same disk for the file while it is not whole; beside it when None.

    Raises:
        UsageError: no such format. CrawlmillError: the file cannot be written, here and of every method.
    """

    def __init__(self, path: str, schema: Schema, format: str, scratch: str | None = None) -> None:
        self._path, self._beside = path, beside(path, scratch)
        begin = format_named(format).write
        try:
            self._file = open(self._beside, "wb")  # by us: pyarrow takes a name for UTF-8, and for a URI
            self._writer = begin(self._file, schema)
        except OSError as error:
            raise self._failed(error) from None

    def write(self, rows: Sequence[Row]) -> None:
        try:
            self._writer.write(rows)
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        try:
            self._writer.close()
            self._file.close()
        except OSError as error:
            raise self._failed(error) from None
        complete(self._beside, self._path)

    def abort(self) -> None:
        for close in (self._writer.close, self._file.close):
            try:
                close()
            except Exception:  # the disk is full, or half a row was written: it goes
                continue
        discard(self._beside)

    def _failed(self, error: OSError) -> CrawlmillError:
        return CrawlmillError(f"cannot write: {error.strerror or error}", self._path)
