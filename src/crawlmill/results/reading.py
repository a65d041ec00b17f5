"""Result files back into tables: what ``show`` and ``plot`` read, and a finished run's ``run[NAME]``."""

from __future__ import annotations

import csv
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.results.hdfs import fetched, in_hdfs
from crawlmill.results.tables import table_of
from crawlmill.schema import Column, Schema


def read_table(path: str, schema: Schema | None = None) -> pa.Table:
    """A result file as an Arrow table.

    Args:
        path: ``.parquet``, ``.jsonl``, ``.csv`` or ``.tsv``; also in HDFS.
        schema: its columns; guessed from the values when None.

    Raises:
        UsageError: no such file, or an ending that says no format.
        CrawlmillError: the file is not what its ending says.
    """
    if in_hdfs(path):
        with fetched(path) as copy:
            return read_table(copy, schema)
    if not os.path.isfile(path):
        raise UsageError("no such file", path, "name a result file of a run")
    ending = path.rpartition(".")[2].lower()
    try:
        if ending == "parquet":
            return pq.read_table(path)
        with open(path, encoding="utf-8", newline="") as file:
            if ending == "jsonl":
                rows = [json.loads(line) for line in file]
                columns = list(rows[0]) if rows else [column.name for column in schema or ()]
                cells = [tuple(row[name] for name in columns) for row in rows]
            elif ending in ("csv", "tsv"):
                lines = csv.reader(file, delimiter="," if ending == "csv" else "\t")
                columns = next(lines)
                cells = _typed(list(lines), len(columns), schema)
            else:
                raise UsageError(f"no format has the ending {ending!r}", path, "use parquet, jsonl, csv or tsv")
    except (pa.ArrowException, ValueError, KeyError, StopIteration) as error:
        raise CrawlmillError(f"not a {ending} file: {error}", path, "was it written by crawlmill?") from None
    return table_of(schema or _guess(columns, cells), cells)


def _typed(lines: list[list[str]], width: int, schema: Schema | None) -> list[tuple[object, ...]]:
    """Cells of a delimited file as values: by the schema, else numbers where a whole column is numbers."""
    if schema is not None:
        kinds = [column.type for column in schema]
    else:
        kinds = ["int64" if lines and all(_number(line[at]) for line in lines) else "string" for at in range(width)]
    nullable = [column.nullable for column in schema] if schema is not None else [False] * width
    return [
        tuple(_cell(cell, kind, null) for cell, kind, null in zip(line, kinds, nullable, strict=True)) for line in lines
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


def _guess(columns: list[str], rows: list[tuple[object, ...]]) -> Schema:
    found = []
    for at, name in enumerate(columns):
        sample = next((row[at] for row in rows if row[at] is not None), "")
        kinds = {bool: "bool", int: "int64", str: "string"}
        kind = kinds.get(type(sample)) or (
            "list<int64>" if isinstance(sample, list) and isinstance((sample or [""])[0], int) else "list<string>"
        )
        found.append(Column(name, kind, True))
    return tuple(found)
