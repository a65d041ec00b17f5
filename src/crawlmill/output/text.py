"""Tables as lines of text: JSON lines, CSV, TSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import IO, BinaryIO

import pyarrow as pa

from crawlmill.output.formats import Format
from crawlmill.output.tables import ROWS, Row, table_of
from crawlmill.schema import Column, Schema, names


def json_line(columns: Sequence[str], row: Row) -> str:
    """The canonical JSON line of a row: columns in their order, no blanks, UTF-8.

    >>> json_line(["origin", "pages"], ("http://bücher.example", 3))
    '{"origin":"http://bücher.example","pages":3}\\n'
    """
    return json.dumps(dict(zip(columns, row, strict=True)), separators=(",", ":"), ensure_ascii=False) + "\n"


class _Lines:
    def __init__(self, file: BinaryIO, schema: Schema) -> None:
        self._file, self._columns = file, names(schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._file.writelines(json_line(self._columns, row).encode() for row in rows)

    def close(self) -> None:
        pass


class _Delimited:
    """CSV and TSV as Python's csv module quotes them; a list is its JSON."""

    def __init__(self, file: BinaryIO, schema: Schema, delimiter: str) -> None:
        self._csv = csv.writer(_Encoded(file), delimiter=delimiter, lineterminator=_CRLF)
        self._csv.writerow(names(schema))
        self._lists = any(column.type.startswith("list") for column in schema)

    def write(self, rows: Sequence[Row]) -> None:
        self._csv.writerows([[_listed(value) for value in row] for row in rows] if self._lists else rows)

    def close(self) -> None:
        pass


_CRLF = "\r\n"
"""What ``csv`` is told that lines end with: cells with one of these characters are quoted. Lines end with LF alone."""


class _Encoded:
    """Lines of ``csv``, each written at once, as UTF-8 in a file that is not ours to close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.removesuffix(_CRLF).encode("utf-8") + b"\n")


def _listed(value: object) -> object:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if isinstance(value, (list, tuple)) else value


def _read_lines(file: BinaryIO, schema: Schema | None) -> Iterator[pa.Table]:
    objects = map(json.loads, file)
    first = next(objects, None)
    columns = list(first) if first is not None else [column.name for column in schema or ()]
    rows: Iterator[Row] = (
        tuple(row[name] for name in columns) for row in chain([] if first is None else [first], objects)
    )
    if schema is None:
        cells = list(rows)
        yield table_of(_guess(columns, cells), cells)
        return
    yield table_of(schema, [])
    while held := list(islice(rows, ROWS)):
        yield table_of(schema, held)


def _read_delimited(file: BinaryIO, schema: Schema | None, delimiter: str) -> Iterator[pa.Table]:
    text: IO[str] = io.TextIOWrapper(file, encoding="utf-8", newline="")
    lines = csv.reader(text, delimiter=delimiter)
    columns = next(lines, None)
    if columns is None:
        raise ValueError("it is empty")
    rows: Iterator[Row] = map(tuple, lines)
    if schema is None:
        cells = list(rows)
        cells = _typed(cells, [_kind_of(cells, at) for at in range(len(columns))], [False] * len(columns))
        yield table_of(_guess(columns, cells), cells)
        return
    yield table_of(schema, [])
    while held := list(islice(rows, ROWS)):
        yield table_of(schema, _typed(held, [column.type for column in schema], [column.nullable for column in schema]))


def _kind_of(lines: list[Row], at: int) -> str:
    """The type of a column of a delimited file: numbers where the whole column is numbers."""
    return "int64" if lines and all(_number(str(line[at])) for line in lines) else "string"


def _typed(lines: list[Row], kinds: list[str], nullable: list[bool]) -> list[Row]:
    """Cells of a delimited file as values."""
    return [
        tuple(_cell(str(cell), kind, null) for cell, kind, null in zip(line, kinds, nullable, strict=True))
        for line in lines
    ]


def _number(text: str) -> bool:
    return text.lstrip("-").isdigit() and text.isascii()


def _cell(text: str, kind: str, nullable: bool) -> object:
    if nullable and text == "":
        return None
    if kind == "int64":
        return int(text)
    if kind == "bool":
        return text == "True"
    return json.loads(text) if kind.startswith("list") else text


def _guess(columns: list[str], rows: list[Row]) -> Schema:
    found = []
    for at, name in enumerate(columns):
        sample = next((row[at] for row in rows if row[at] is not None), "")
        kinds = {bool: "bool", int: "int64", str: "string"}
        kind = kinds.get(type(sample)) or (
            "list<int64>" if isinstance(sample, list) and isinstance((sample or [""])[0], int) else "list<string>"
        )
        found.append(Column(name, kind, True))
    return tuple(found)


JSONL = Format(_Lines, _read_lines, lambda start: start[:1] == b"{")
TSV = Format(
    partial(_Delimited, delimiter="\t"),
    partial(_read_delimited, delimiter="\t"),
    lambda start: b"\t" in start.partition(b"\n")[0],
)
CSV = Format(partial(_Delimited, delimiter=","), partial(_read_delimited, delimiter=","), lambda start: True)
