"""From an index of records - CDXJ lines, or the columnar index as Parquet - to the ranges of each archive that it names."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from crawlmill.errors import CrawlmillError
from crawlmill.plan.fields import archive_name, object_of, whole
from crawlmill.plan.lines import numbered, opened

_CDXJ = re.compile(rb"\S+ \d{1,17} \{.*\}\s*")
_HEADERS = (b"!", b" CDX", b"#")
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
COLUMNS = ("warc_filename", "warc_record_offset", "warc_record_length")
"""The columns of the columnar index that say where a record lies."""


class Row(NamedTuple):
    """Where a record lies: the archive's name as the index has it, and the record's first byte and number of bytes."""

    filename: str
    offset: int
    length: int


def is_index(path: str) -> bool:
    """Whether a local file or folder is an index, by its content: CDXJ, plain or gzip; Parquet, or a folder of it."""
    if os.path.isdir(path):
        return next(_files(path), None) is not None
    if not os.path.isfile(path):
        return False  # to open a pipe may wait for ever
    try:
        with open(path, "rb") as file:
            head = file.read(1 << 16)
    except OSError:
        return False
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(31).decompress(head, 1 << 16)
        except zlib.error:
            return False
    return head.startswith(_PARQUET) or _is_cdxj(head)


def _is_cdxj(head: bytes) -> bool:
    """Whether the first line that is no header is one of CDXJ.

    >>> _is_cdxj(b'com,example)/ 20260105080011 {"filename": "a.warc.gz"}\\n'), _is_cdxj(b"a.warc.gz\\n")
    (True, False)
    """
    for line in head.splitlines():
        if line.strip() and not line.startswith(_HEADERS):
            return _CDXJ.fullmatch(line) is not None
    return False


def read_index(path: str) -> Iterator[Row]:
    """The rows of an index, in its order.

    Raises:
        CrawlmillError: a line or a file that is none of an index.
    """
    for name in _files(path) if os.path.isdir(path) else [path]:
        try:
            columnar = name.endswith(".parquet") or _starts(name, _PARQUET)
        except OSError as error:
            raise CrawlmillError(f"it cannot be read: {error.strerror}", name, "check the path") from None
        yield from (_read_parquet if columnar else _read_cdxj)(name)


def is_parquet(path: str) -> bool:
    """Whether an index is Parquet; else it is CDXJ."""
    return _starts(next(_files(path), "") if os.path.isdir(path) else path, _PARQUET)


def _starts(path: str, magic: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(magic)) == magic


def _read_cdxj(path: str) -> Iterator[Row]:
    with opened(path) as file:
        for number, line in numbered(file, path):
            if line.startswith(_HEADERS):
                continue
            try:
                yield _row(line)
            except (ValueError, LookupError) as error:
                raise CrawlmillError(
                    "not a line of CDXJ",
                    f"{path}:{number}",
                    f'one is KEY TIMESTAMP {{"filename": ..., "offset": ..., "length": ...}}: {_why(error)}',
                ) from None


def _row(line: bytes) -> Row:
    """A line's place.

    >>> _row(b'com,example)/ 20260105080011 {"offset": "876", "length": "1332", "filename": "a.warc.gz"}')
    Row(filename='a.warc.gz', offset=876, length=1332)
    """
    parts = line.split(b" ", 2)
    if len(parts) < 3:
        raise ValueError("it has not three fields")
    fields = object_of(parts[2])
    return Row(archive_name(fields["filename"]), whole(fields["offset"]), whole(fields["length"]))


def _why(error: Exception) -> str:
    """What is wrong with a row, in a few words."""
    if isinstance(error, KeyError):
        return f"no {error.args[0]}"
    return str(error).splitlines()[0][:100] if str(error) else type(error).__name__


def _files(folder: str) -> Iterator[str]:
    """The files of an index that is a folder, as Spark and Hive write them: names that begin with ``_`` or ``.`` are none.

    Parquet is looked for in folders below, by name; CDXJ in the folder itself, by content.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        for name in sorted(names):
            path = os.path.join(place, name)
            if name[0] in "._" or not os.path.isfile(path):
                continue
            if name.endswith(".parquet") or (place == folder and is_index(path)):
                yield path


def _read_parquet(path: str) -> Iterator[Row]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise CrawlmillError("the package pyarrow is needed to read Parquet", path, "pip install pyarrow") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=list(COLUMNS)):
                columns = [_plain(batch.column(column)).to_pylist() for column in COLUMNS]
                for row in zip(*columns):
                    number += 1
                    yield Row(archive_name(row[0]), whole(row[1]), whole(row[2]))
    except (pyarrow.ArrowException, KeyError, OSError, MemoryError, ValueError) as error:
        what = "not a row" if isinstance(error, ValueError) and number else "not a columnar index"
        where = f"{path}: row {number}" if number else path
        raise CrawlmillError(f"{what}: {_why(error)}", where, f"it has the columns {', '.join(COLUMNS)}") from None


def _plain(column: Any) -> Any:
    """A column of names or of whole numbers, whatever its type, as text or int64. Raises ``pyarrow.ArrowException``."""
    import pyarrow

    types = pyarrow.types
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if types.is_binary(kind) or types.is_large_binary(kind):  # as some writers have texts
        return column.cast(pyarrow.string())
    if types.is_unsigned_integer(kind) or types.is_decimal(kind):
        return column.cast(pyarrow.int64())
    return column
