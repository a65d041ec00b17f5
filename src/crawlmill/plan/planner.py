"""From archives to splits: which spans of which files are the units of work."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crawlmill.plan.inputs import expand
from crawlmill.plan.split import Split
from crawlmill.sources import local_path, open_source, scheme
from crawlmill.warc.walk import layout

SPLIT_SIZE = 32 << 20
"""Bytes of a split of a .warc.gz file unless the user says otherwise."""
PLAIN_FACTOR = 8  # a plain WARC is cut by walking its headers from the start: fewer, larger spans


@dataclass(frozen=True)
class Input:
    """An archive of a run. ``size`` is in bytes, ``version`` its modification time in ns; None where not known."""

    uri: str
    size: int | None
    version: int | None


@dataclass(frozen=True)
class Plan:
    """The ordered units of work of a run.

    Attributes:
        inputs: the archives, each once.
        splits: spans that tile them, in order.
        twice: URIs that were named more than once; they are read once.
    """

    inputs: tuple[Input, ...]
    splits: tuple[Split, ...]
    twice: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all inputs whose size is known."""
        return sum(item.size or 0 for item in self.inputs)


def make_plan(inputs: Sequence[str], split_size: int | None = None, base: str | None = None) -> Plan:
    """Splits for what the user typed. Reads first bytes of local files only; asks no server.

    Args:
        inputs: as in :func:`crawlmill.plan.inputs.expand`.
        split_size: bytes of a split of a large file; default :data:`SPLIT_SIZE`.
        base: put before relative names in manifests.
    """
    given, twice = expand(inputs, base)
    archives: list[Input] = []
    known: set[str] = set()
    splits: list[Split] = []
    for split, _ in given:
        if split.uri not in known:
            known.add(split.uri)
            archives.append(_stat(split.uri))
        splits.extend(cut(split, split_size))
    return Plan(tuple(archives), tuple(splits), tuple(dict.fromkeys(twice)))


def _stat(uri: str) -> Input:
    if scheme(uri) == "file":
        try:
            found = os.stat(local_path(uri))
        except OSError:
            return Input(uri, None, None)
        return Input(uri, found.st_size, found.st_mtime_ns)
    if scheme(uri) == "hdfs":
        from crawlmill.sources.webhdfs import status

        try:
            row = status(uri)
        except FileNotFoundError:
            return Input(uri, None, None)
        return Input(uri, row.size, row.modified)
    return Input(uri, None, None)


def cut(split: Split, split_size: int | None = None) -> Iterator[Split]:
    """A whole archive as splits of about ``split_size`` bytes; a span that was planned already stays as it is."""
    if split.start or split.end is not None:
        yield split
        return
    uri = split.uri
    size, step = _stat(uri).size, split_size or SPLIT_SIZE
    if size is None or size <= step:
        yield split
        return
    try:
        source = open_source(uri)
    except OSError:
        yield split
        return
    try:
        kind = layout(source)
    finally:
        source.close()
    if split_size is None and kind == "plain":
        step *= PLAIN_FACTOR
    if kind not in ("members", "plain") or size <= step:
        yield split
        return
    count = -(-size // step)
    cuts = [size * index // count for index in range(count)]
    for start, end in zip(cuts, [*cuts[1:], None]):
        yield Split(uri, start, end)
