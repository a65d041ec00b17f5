"""Result files back into tables: what ``show`` and ``plot`` read, and a finished run's ``run[NAME]``."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pyarrow as pa

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.output.formats import format_named, format_names
from crawlmill.schema import Schema
from crawlmill.stores import local_path, store_of
from crawlmill.stores.names import shown


def read_table(path: str, schema: Schema | None = None) -> pa.Table:
    """A result file as an Arrow table; arguments and errors as of :func:`read_batches`."""
    return pa.concat_tables(read_batches(path, schema))


def read_batches(path: str, schema: Schema | None = None) -> Iterator[pa.Table]:
    """A result file as Arrow tables of some rows each, at least one.

    Args:
        path: a file whose ending names its format, see :func:`crawlmill.output.formats.format_names`; in any store.
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
    if ending not in format_names():
        raise UsageError(f"no format has the ending {ending!r}", shown(path), f"use {', '.join(format_names())}")
    try:
        with open(path, "rb") as file:
            yield from format_named(ending).read(file, schema)
    except (pa.ArrowException, ValueError, LookupError) as error:
        raise CrawlmillError(f"not a {ending} file: {error}", shown(path), "was it written by crawlmill?") from None
