"""Tables as Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from crawlmill.output.formats import Format
from crawlmill.output.tables import ROWS, Row, arrow_schema, table_of
from crawlmill.schema import Schema


class _Counted(io.RawIOBase):
    """A file that may be a pipe: Parquet asks how many bytes were written, and a pipe cannot say it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._count = file, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        size = memoryview(data).nbytes
        self._count += size
        return size

    def tell(self) -> int:
        return self._count

    def flush(self) -> None:
        if not self._file.closed:  # Python flushes once more when this is no longer used
            self._file.flush()


class _Writer:
    def __init__(self, file: BinaryIO, schema: Schema) -> None:
        self._schema = schema
        self._writer = pq.ParquetWriter(_Counted(file), arrow_schema(schema), compression="zstd")

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.write_table(table_of(self._schema, rows))

    def close(self) -> None:
        self._writer.close()


def _read(file: BinaryIO, schema: Schema | None) -> Iterator[pa.Table]:
    with pq.ParquetFile(file) as opened:
        yield opened.schema_arrow.empty_table()
        for batch in opened.iter_batches(ROWS):
            yield pa.Table.from_batches([batch])


PARQUET = Format(_Writer, _read, lambda start: start.startswith(b"PAR1"))
