"""Result files back into tables: what ``show`` and ``plot`` read, and a finished run's ``run[NAME]``."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.results.tables import Row, table_of
from crawlmill.schema import Column, Schema
from crawlmill.stores import local_path, store_of
from crawlmill.stores.names import shown

ROWS = 10_000
"""Rows of a batch."""


def read_table(path: str, schema: Schema | None = None) -> pa.Table:
    """A result file as an Arrow table; arguments and errors as of :func:`read_batches`."""
    return pa.concat_tables(read_batches(path, schema))


def read_batches(path: str, schema: Schema | None = None) -> Iterator[pa.Table]:
    """A result file as Arrow tables of some rows each, at least one.

    Args:
        path: ``.parquet``, ``.jsonl``, ``.csv`` or ``.tsv``; in any store.
        schema: its columns; guessed from all values when None, and then the table is one.

    Raises:
        UsageError: no such file, or an ending that says no format.
        CrawlmillError: the file is not what its ending says.
    """
    store = store_of(path)
    if not store.local:
        with store.fetched(path) as copy:
            yield from read_batches(copy, schema)
        return
    path = local_path(path)
    if not os.path.isfile(path):
        raise UsageError("no such file", shown(path), "name a result file of a run")
    ending = path.rpartition(".")[2].lower()
    if ending not in ("parquet", "jsonl", "csv", "tsv"):
        raise UsageError(f"no format has the ending {ending!r}", shown(path), "use parquet, jsonl, csv or tsv")
    try:
        if ending == "parquet":
            yield from _of_parquet(path)
            return
        with open(path, encoding="utf-8", newline="") as file:
            yield from _of_text(file, ending, schema)
    except (pa.ArrowException, ValueError, KeyError, StopIteration) as error:
        raise CrawlmillError(f"not a {ending} file: {error}", shown(path), "was it written by crawlmill?") from None


def _of_parquet(path: str) -> Iterator[pa.Table]:
    with open(path, "rb") as opened, pq.ParquetFile(opened) as file:  # pyarrow takes a name for UTF-8, and for a URI
        yield file.schema_arrow.empty_table()
        for batch in file.iter_batches(ROWS):
            yield pa.Table.from_batches([batch])


def _of_text(file: IO[str], ending: str, schema: Schema | None) -> Iterator[pa.Table]:
    rows: Iterator[Row]
    if ending == "jsonl":
        objects = map(json.loads, file)
        first = next(objects, None)
        columns = list(first) if first is not None else [column.name for column in schema or ()]
        rows = (tuple(row[name] for name in columns) for row in chain([] if first is None else [first], objects))
    else:
        lines = csv.reader(file, delimiter="," if ending == "csv" else "\t")
        columns = next(lines)
        rows = map(tuple, lines)
    if schema is None:
        cells = list(rows)
        if ending != "jsonl":
            cells = _typed(cells, [_kind_of(cells, at) for at in range(len(columns))], [False] * len(columns))
        yield table_of(_guess(columns, cells), cells)
        return
    yield table_of(schema, [])
    while held := list(islice(rows, ROWS)):
        if ending != "jsonl":
            held = _typed(held, [column.type for column in schema], [column.nullable for column in schema])
        yield table_of(schema, held)


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
