"""Tables as files: Parquet, JSON lines, CSV, TSV. A file is there whole or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence

import pyarrow.parquet as pq

from crawlmill.errors import UsageError
from crawlmill.files import beside, complete, discard
from crawlmill.results.tables import Row, Sink, arrow_schema, table_of
from crawlmill.schema import Schema, names

FORMATS = ("parquet", "jsonl", "csv", "tsv")


def writer(path: str, schema: Schema, format: str, scratch: str | None = None) -> Sink:
    """A sink that writes a file of that format. Raises :class:`UsageError` for another.

    Args:
        path: where.
        schema: its columns.
        format: one of :data:`FORMATS`.
        scratch: a folder on the same disk for the file while it is not whole; beside it when None.
    """
    if format == "parquet":
        return _Parquet(path, schema, scratch)
    if format == "jsonl":
        return _Lines(path, schema, scratch)
    if format in ("csv", "tsv"):
        return _Delimited(path, schema, scratch, "," if format == "csv" else "\t")
    raise UsageError(f"no format is called {format!r}", hint=f"there are {', '.join(FORMATS)}")


def json_line(columns: Sequence[str], row: Row) -> str:
    """The canonical JSON line of a row: columns in their order, no blanks, UTF-8.

    >>> json_line(["origin", "pages"], ("http://bücher.example", 3))
    '{"origin":"http://bücher.example","pages":3}\\n'
    """
    return json.dumps(dict(zip(columns, row, strict=True)), separators=(",", ":"), ensure_ascii=False) + "\n"


class _File:
    """A file written under another name, and renamed when it is whole."""

    def __init__(self, path: str, schema: Schema, scratch: str | None) -> None:
        self._path, self._schema = path, schema
        self._beside = beside(path, scratch)
        self._columns = names(schema)


class _Parquet(_File):
    def __init__(self, path: str, schema: Schema, scratch: str | None) -> None:
        super().__init__(path, schema, scratch)
        self._file = open(self._beside, "wb")  # pyarrow takes a name for UTF-8, and for a URI
        self._writer = pq.ParquetWriter(self._file, arrow_schema(schema), compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(table_of(self._schema, rows))

    def close(self) -> None:
        self._writer.close()
        self._file.close()
        complete(self._beside, self._path)

    def abort(self) -> None:
        self._writer.close()
        self._file.close()
        discard(self._beside)


class _Text(_File):
    """A text file that is written line by line."""

    def __init__(self, path: str, schema: Schema, scratch: str | None) -> None:
        super().__init__(path, schema, scratch)
        self._file = open(self._beside, "w", encoding="utf-8", newline="")

    def close(self) -> None:
        self._file.close()
        complete(self._beside, self._path)

    def abort(self) -> None:
        self._file.close()
        discard(self._beside)


class _Lines(_Text):
    def write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(json_line(self._columns, row) for row in rows)


class _Delimited(_Text):
    """CSV and TSV as Python's csv module quotes them; a list is its JSON."""

    def __init__(self, path: str, schema: Schema, scratch: str | None, delimiter: str) -> None:
        super().__init__(path, schema, scratch)
        self._csv = csv.writer(self._file, delimiter=delimiter, lineterminator="\n")
        self._csv.writerow(self._columns)
        self._lists = any(column.type.startswith("list") for column in schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._csv.writerows([[cell(value) for value in row] for row in rows] if self._lists else rows)


def cell(value: object) -> object:
    """A value as a cell of a delimited file: a list is its JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if isinstance(value, (list, tuple)) else value
