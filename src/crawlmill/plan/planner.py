"""From archives to splits: which spans, or which ranges, of which files are the units of work."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from crawlmill.errors import CrawlmillError
from crawlmill.plan.inputs import expand
from crawlmill.plan.split import Split
from crawlmill.plan.told import told
from crawlmill.stores import Entry, is_stream, open_source, store_of
from crawlmill.warc.ranges import MOST, Ranges, Run, runs
from crawlmill.warc.walk import layout

SPLIT_SIZE = 32 << 20
"""Bytes of a split of a .warc.gz file unless the user says otherwise."""
CLUSTER_SPLIT = 128 << 20
"""The same on a cluster, where a task takes up to two seconds before it reads a byte."""
RANGES = 1000
"""Ranges of a split, at most: a request for each takes longer than reading the bytes."""
TASKS = 64
"""Tasks of an engine whose tasks take several splits, where there are as many splits."""
SPLITS = 1 << 17
"""Splits of a file, at most."""
PLAIN_FACTOR = 8  # a plain WARC is cut by walking its headers from the start: fewer, larger spans


@dataclass(frozen=True)
class Input:
    """An archive of a run. ``size`` is in bytes, ``version`` as of :class:`crawlmill.stores.Entry`; None where not known.
    ``part`` is a digest of the spans or records of it that were named; empty for all of it."""

    uri: str
    size: int | None
    version: str | None
    part: str = ""


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
    def streams(self) -> frozenset[str]:
        """Inputs that this process alone can read, and once: standard input, named pipes."""
        return frozenset(item.uri for item in self.inputs if item.size is None and is_stream(item.uri))

    @property
    def size(self) -> int:
        """Bytes to read: of all inputs whose size is known, of some of them only the ranges."""
        ranged = {split.uri for split in self.splits if split.ranges is not None}
        whole = sum(item.size or 0 for item in self.inputs if item.uri not in ranged)
        return whole + sum(split.size or 0 for split in self.splits if split.ranges is not None)


def make_plan(inputs: Sequence[str], split_size: int | None = None, base: str | None = None) -> Plan:
    """Splits for what the user typed. What a listing has told is not asked again; of files larger than a split the first bytes
    are read.

    Args:
        inputs: as in :func:`crawlmill.plan.inputs.expand`.
        split_size: bytes of a split of a large file; default :data:`SPLIT_SIZE`.
        base: put before relative names in manifests.
    """
    named = name_inputs(inputs, base)
    splits = [piece for split in named.splits for piece in _cut(split, split_size)]
    return replace(named, splits=tuple(splits))


def name_inputs(inputs: Sequence[str], base: str | None = None) -> Plan:
    """The plan of :func:`make_plan` before files are cut: one split for each whole archive, span and row that was named."""
    given, twice = expand(inputs, base)
    archives: dict[str, Input] = {}
    parts: dict[str, list[str]] = {}
    splits: list[Split] = []
    listed = told(split.uri for split, _, entry in given if entry is None and split.version is None)
    for split, _, entry in given:
        if split.uri not in archives:
            split = _planned(split, entry or listed.get(split.uri))
            archives[split.uri] = Input(split.uri, split.file_size, split.version)
        known = archives[split.uri]
        if split != Split(split.uri):
            parts.setdefault(split.uri, []).append(replace(split, file_size=None, version=None).to_json())
        splits.append(replace(split, file_size=known.size, version=known.version))
    for uri, lines in parts.items():
        archives[uri] = replace(archives[uri], part=hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16])
    return Plan(tuple(archives.values()), tuple(splits), tuple(dict.fromkeys(twice)))


def batches(plan: Plan, size: int) -> list[Plan]:
    """A plan in parts of at most ``size`` splits, in order, each with the inputs that its splits are of."""
    by_uri = {item.uri: item for item in plan.inputs}
    parts = [plan.splits[at : at + size] for at in range(0, len(plan.splits), size)]
    return [Plan(tuple(by_uri[uri] for uri in dict.fromkeys(split.uri for split in part)), part) for part in parts]


def changed_input(old: Sequence[Input], new: Sequence[Input]) -> str | None:
    """What tells the inputs of a run from others, in words: the first that differs. None when they are the same.

    >>> changed_input([Input("/a.warc.gz", 10, "1")], [Input("/a.warc.gz", 20, "2")])
    '/a.warc.gz had 10 bytes and has 20'
    >>> changed_input([Input("/a.warc.gz", 10, "1")], [Input("/a.warc.gz", 10, "1"), Input("/b.warc.gz", 10, "1")])
    '/b.warc.gz was not among them'
    """
    before, now = ({item.uri: item for item in inputs} for inputs in (old, new))
    for item in old:
        if item.uri not in now:
            return f"{item.uri} is no longer among them"
    for item in new:
        was = before.get(item.uri)
        if was is None:
            return f"{item.uri} was not among them"
        if item.part != was.part:
            return f"other parts of {item.uri} are named"
        if item.size != was.size:
            if item.size is None:
                return f"{item.uri} is not there any more"
            if was.size is None:
                return f"{item.uri} was not there"
            return f"{item.uri} had {was.size} bytes and has {item.size}"
        if item.version != was.version:
            return f"{item.uri} was written again since"
    return None


def together(plan: Plan, most: int) -> list[list[Split]]:
    """Splits in groups of neighbours, for tasks that cost more than reading a small file does.

    Args:
        plan: what is read.
        most: bytes of a group, unless it is one split; fewer where there would be less than :data:`TASKS` groups.
    """
    sizes = {item.uri: item.size for item in plan.inputs}
    limit = min(most, plan.size // TASKS)
    groups: list[list[Split]] = []
    held = 0
    for split in plan.splits:
        size, whole = split.size, sizes[split.uri]
        if size is None:
            size = limit if whole is None else whole - split.start
        if not groups or held + size > limit:
            groups.append([])
            held = 0
        groups[-1].append(split)
        held += size
    return groups


def _planned(split: Split, entry: Entry | None = None) -> Split:
    """A split with the size and version of its file, unless it has them or they are not known; without them for a pipe, whose
    bytes are there once. Raises :class:`CrawlmillError` for a folder, a device, a socket."""
    if split.file_size is not None or split.version is not None:
        return replace(split, file_size=None, version=None) if is_stream(split.uri) else split
    if entry is None:
        try:
            entry = store_of(split.uri).tell(split.uri)
        except OSError:  # who reads it says so
            return split
    if entry.folder:
        raise CrawlmillError(
            "a folder, not an archive", split.uri, "folders are inputs of a command, not names in a manifest"
        )
    return replace(split, file_size=entry.size, version=entry.version)


def cut(split: Split, split_size: int | None = None) -> Iterator[Split]:
    """A whole archive as splits of about ``split_size`` bytes, each with the size and version of the file; a span that was
    planned already stays as it is."""
    return _cut(_planned(split), split_size)


def _cut(split: Split, split_size: int | None) -> Iterator[Split]:
    """As :func:`cut`, for a split whose size and version were asked for."""
    if split.start or split.end is not None:
        yield split
        return
    if split.ranges is not None and not is_stream(split.uri):
        yield from _cut_ranges(split, split.ranges, split_size or SPLIT_SIZE)
        return
    size, step = split.file_size, split_size or SPLIT_SIZE
    if size is None or size <= step:
        yield split
        return
    try:
        known = None if split.version is None else Entry(split.uri, size, split.version)
        with closing(open_source(split.uri, known)) as source:
            kind, size = layout(source), min(size, source.size() or size)  # the planned size may be of another file
    except OSError:  # who reads it says so
        yield split
        return
    if split_size is None and kind == "plain":
        step *= PLAIN_FACTOR
    if kind not in ("members", "plain") or size <= step:
        yield split
        return
    count = min(-(-size // step), SPLITS)
    cuts = [size * index // count for index in range(count)]
    for start, end in zip(cuts, [*cuts[1:], None]):
        yield replace(split, start=start, end=end)


def _cut_ranges(split: Split, ranges: Ranges, split_size: int) -> Iterator[Split]:
    """Ranges as splits that fetch about ``split_size`` bytes; near ones, which one request fetches, stay together."""
    groups: list[list[Run]] = []
    size = count = 0
    for run in runs(ranges, min(MOST, split_size)):
        if not groups or size + run.end - run.start > split_size or count + len(run.ranges) > RANGES:
            groups.append([])
            size = count = 0
        groups[-1].append(run)
        size += run.end - run.start
        count += len(run.ranges)
    starts = [0, *(group[0].start for group in groups[1:])]
    for group, start, end in zip(groups, starts, [*starts[1:], None]):
        yield replace(split, start=start, end=end, ranges=tuple(item for run in group for item in run.ranges))
