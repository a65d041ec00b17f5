"""``crawlmill.scan``: what the user named, as one row of records and damage in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from crawlmill.cluster.finding import know_hdfs
from crawlmill.contract import type_set
from crawlmill.errors import UsageError
from crawlmill.plan.planner import Plan, make_plan
from crawlmill.plan.read import read_split
from crawlmill.records.record import Record
from crawlmill.task import types_to_read
from crawlmill.warc.damage import OF_FILES, Damage
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD, Reading
from crawlmill.where import Where, parse_where

Inputs = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Planned = Callable[[Plan], None]
_WHOLE = 1 << 62
"""Bytes of a split: each file is one."""


def scan(
    inputs: Inputs,
    *,
    types: str | None = None,
    where: str | None = None,
    check: str = "fast",
    max_record: int = MAX_RECORD,
    max_body: int = MAX_BODY,
    base: str | None = None,
    planned: Planned | None = None,
) -> Iterator[Record | Damage]:
    """Every record of archives, and every damage row, in the order of the files.

    It reads as :func:`crawlmill.run` does, in this process: the same names for inputs, the same records, the same damage.

    Args:
        inputs: files, folders, globs, manifests, ``*.paths.gz`` listings, indexes, ``-`` for standard input.
        types: record types, e.g. ``"response revisit"``; ``metadata/json`` for WAT. Default: all.
        where: a condition on the headers, see :class:`crawlmill.where.Where`. Default: None.
        check: ``fast``, or ``full``: inflate everything, check CRCs and digests.
        max_record: bytes of a block that may be loaded. Default: 64 MiB.
        max_body: bytes of a body that may be decoded and parsed. Default: 8 MiB.
        base: put before relative names in manifests.
        planned: told the plan before reading begins.

    Returns:
        An iterator of :class:`crawlmill.Record` and :class:`crawlmill.warc.damage.Damage`. A record may be used only until the
        next one is read; :meth:`crawlmill.Record.keep` gives one that stays. Nothing is raised for what is damaged, or for
        an archive that is not there: it is a damage row. A body that cannot be had raises
        :class:`crawlmill.warc.damage.BodyDamage` where it is touched.

    Raises:
        UsageError: at the call, when it is wrong, or when nothing matches.
        CrawlmillError: while reading, for a reason that lies not in the file.

    >>> import crawlmill
    >>> for item in crawlmill.scan("data_samples/*.warc.gz", types="response", where="status=404"):
    ...     print(item.status, item.url)
    404 https://www.example.com/missing
    404 https://journal.example/disparu
    404 https://example.org/robots.txt
    """
    return start(inputs, types, where, check, max_record, max_body, base, planned).items


@dataclass(frozen=True)
class Scan:
    """Items that are being read, and what was counted so far."""

    items: Iterator[Record | Damage]
    reading: Reading


def start(
    inputs: Inputs,
    types: str | None = None,
    where: str | None = None,
    check: str = "fast",
    max_record: int = MAX_RECORD,
    max_body: int = MAX_BODY,
    base: str | None = None,
    planned: Planned | None = None,
) -> Scan:
    """:func:`scan`, with its counters."""
    if check not in ("fast", "full"):
        raise UsageError("check is fast or full")
    wanted, only_json = types_to_read([type_set(types)])
    condition = None if where is None else parse_where(where)
    reading = Reading(wanted, max_record, check == "full", only_json=only_json, max_body=max_body)
    know_hdfs()
    plan = make_plan([os.fspath(item) for item in listed(inputs)], _WHOLE, base)
    if planned is not None:
        planned(plan)
    return Scan(_items(plan, reading, condition), reading)


def listed(inputs: Inputs) -> Sequence[str | os.PathLike[str]]:
    """What may be one name or several, as several.

    >>> listed("a.warc.gz"), listed(["a.warc.gz", "b.warc.gz"])
    (['a.warc.gz'], ['a.warc.gz', 'b.warc.gz'])
    """
    return [inputs] if isinstance(inputs, (str, os.PathLike)) else inputs


def _items(plan: Plan, reading: Reading, where: Where | None) -> Iterator[Record | Damage]:
    total = 0
    said: set[Damage] = set()
    for split in plan.splits:
        reading.bytes = 0
        try:
            for item in read_split(split, reading, where):
                if isinstance(item, Damage) and item.kind in OF_FILES:
                    if item in said:
                        continue  # equal from each split of a file
                    said.add(item)
                yield item
        finally:
            total += reading.bytes
            reading.bytes = total
