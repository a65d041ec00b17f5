"""What a user writes as options of a Spark source, as inputs, splits and the query of every split."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence

from crawlmill.contract import type_set
from crawlmill.errors import UsageError
from crawlmill.plan.planner import CLUSTER_SPLIT, make_plan, together
from crawlmill.plan.split import Split
from crawlmill.spark.batches import Query
from crawlmill.spark.tables import Table, chosen
from crawlmill.stores import is_stream, store_of
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD
from crawlmill.where import parse_where

LARGEST = 1 << 30
"""The most bytes of a cell: an array of the JVM holds twice as many, and a batch needs room for other cells."""
NAMES = (
    "path",
    "paths",
    "columns",
    "types",
    "where",
    "check",
    "damage",
    "max_record",
    "max_body",
    "max_payload",
    "split_bytes",
    "base",
)
_SIZE = re.compile(r"([0-9]{1,15})\s*([kmg]?)(?:i?b)?", re.IGNORECASE)
Options = Mapping[str, str]


def plain(options: Mapping[str, str], also: Sequence[str] = ()) -> dict[str, str]:
    """Options by lower-cased names. Raises :class:`UsageError` for one that is not known: a filter with a typing error
    would read everything.

    >>> plain({"Where": "status=200"})
    {'where': 'status=200'}
    """
    found = {name.lower(): value for name, value in options.items()}
    for name in found:
        if name not in NAMES and name not in also:
            raise UsageError(f"no option is called {name!r}", hint=f"there are {', '.join([*NAMES, *also])}")
    return found


def paths_of(inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[str]:
    """What a user names, as a source takes it: local paths as seen from here, since the process that plans may run elsewhere.

    >>> paths_of(["/crawl/a.warc.gz", "hdfs:///crawl/b.warc.gz"])
    ['/crawl/a.warc.gz', 'hdfs:///crawl/b.warc.gz']
    """
    named = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    paths = [os.fspath(item) for item in named]
    refuse_streams(paths)
    return [store_of(path).canonical(path) for path in paths]


def inputs_of(options: Options) -> list[str]:
    """What ``load()`` was given. Raises :class:`UsageError` when that is nothing."""
    try:
        found = json.loads(options.get("paths", "[]"))
    except (ValueError, RecursionError):
        found = None
    if type(found) is not list or any(type(item) is not str for item in found):
        raise UsageError(
            f"paths is {options['paths'][:100]!r}", hint='it is a JSON array of texts; or use .load("...")'
        )
    if "path" in options:
        found.append(options["path"])
    if not found:
        raise UsageError("no input", hint="name archives, folders, globs or manifests: .load(...)")
    refuse_streams(found)
    return found


def refuse_streams(uris: Iterable[str]) -> None:
    """Raise :class:`UsageError` for what a task cannot read."""
    for uri in uris:
        if is_stream(uri):
            raise UsageError("Spark's tasks cannot read our standard input or a pipe", uri, "give the path of a file")


def partitions_of(options: Options) -> list[list[Split]]:
    """The splits of each partition, in order; the same splits as those of every engine for the same split size."""
    size = split_size_of(options)
    plan = make_plan(inputs_of(options), size, options.get("base"))
    refuse_streams(plan.streams)
    return together(plan, size)


def split_size_of(options: Options) -> int:
    """Bytes of a split; whole files for 0."""
    return size_of(options, "split_bytes", CLUSTER_SPLIT) or 1 << 62


def query_of(table: Table, options: Options, names: Sequence[str] | None = None) -> Query:
    """The query that options ask for. Raises :class:`UsageError` for what does not fit.

    Args:
        table: what is read.
        options: as :func:`plain` gives them.
        names: columns in place of those in the options.
    """
    if names is None and "columns" in options:
        names = [name.strip() for name in options["columns"].split(",") if name.strip()]
    where = options.get("where")
    max_record = size_of(options, "max_record", MAX_RECORD)
    if max_record > LARGEST:
        raise UsageError(f"max_record is {max_record}, more than a cell of Spark holds", hint="1g is the most")
    return Query(
        table.name,
        chosen(table, None if names is None else tuple(names)),
        type_set(options.get("types")),
        None if where is None else parse_where(where),
        max_record,
        size_of(options, "max_payload", MAX_RECORD),
        one_of(options, "check", ("fast", "full")) == "full",
        one_of(options, "damage", ("report", "fail")) == "fail",
        size_of(options, "max_body", MAX_BODY),
    )


def size_of(options: Options, name: str, default: int) -> int:
    """A number of bytes, as ``1048576`` or ``1m``.

    >>> size_of({"max_record": "2m"}, "max_record", 0)
    2097152
    """
    if name not in options:
        return default
    found = _SIZE.fullmatch(options[name].strip())
    if found is None:
        raise UsageError(f"{name} is {options[name]!r}", hint="write bytes, as 1048576 or 1m")
    return int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[found[2].lower()]


def one_of(options: Options, name: str, values: Sequence[str]) -> str:
    """An option that has one of some values, the first by default."""
    found = options.get(name, values[0])
    if found not in values:
        raise UsageError(f"{name} is {found!r}", hint=f"it is one of {', '.join(values)}")
    return found
