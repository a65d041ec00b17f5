"""Archives that were named several times, by whatever names, as splits that give each record once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from crawlmill.errors import UsageError
from crawlmill.plan.split import Split
from crawlmill.stores import Entry, is_stream, store_of

_END = 1 << 63  # in place of the end of a file
Identity = tuple[object, ...]


class Given(NamedTuple):
    """A span that an input named, the input itself, and the archive as its store told it, where it did."""

    split: Split
    by: str
    entry: Entry | None = None


def each_once(given: Iterable[Given]) -> tuple[list[Given], list[str]]:
    """What was given without what was given before, and the URIs of which something was named again.

    An archive that is named whole is read whole, whatever else was named of it. Its first name is the one in every row.

    Raises:
        UsageError: spans and single records of one archive: where a span begins and ends is known when it is read. Several
            parts of a pipe.
    """
    items, once = list(given), Once()
    for split, _, entry in items:
        once.look(split, entry)
    kept: list[Given] = []
    twice: list[str] = []
    for split, by, entry in items:
        found = once.new(split, entry)
        if not once.all_new:
            twice.append(split.uri)
        kept.extend(Given(piece, by, entry) for piece in found)
    for uri, count in Counter(item.split.uri for item in kept).items():
        if count > 1 and is_stream(uri):
            raise UsageError("a pipe is read once, and several parts of it are named", uri, "name it alone")
    return kept, twice


class _Spans:
    """Spans of a file that are taken, in order; none touches the next."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> list[tuple[int, int]]:
        """The parts of a span that were free until now."""
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        found, at = [], start
        for taken_start, taken_end in zip(self._starts[first:last], self._ends[first:last]):
            if at < taken_start:
                found.append((at, taken_start))
            at = max(at, taken_end)
        if at < end:
            found.append((at, end))
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]
        return found

    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._starts)

    def all(self) -> bool:
        """Whether they are the whole file."""
        return (self._starts, self._ends) == ([0], [_END])


@dataclass
class _File:
    """What is named of an archive, and what of it was handed out. ``lengths`` has each range: the larger of two lengths, None
    when it was handed out."""

    uri: str
    size: int | None = None
    version: str | None = None
    whole: bool = False
    named: _Spans = field(default_factory=_Spans)
    taken: _Spans = field(default_factory=_Spans)
    lengths: dict[int, int | None] = field(default_factory=dict)


class Once:
    """Archives by what they are. Borders of spans are borders of records, so spans that share no byte share no record.

    >>> once, found = Once(), []
    >>> for start, end in ((0, 100), (50, 150)):
    ...     once.look(Split("/a.warc.gz", start, end))
    ...     found += once.new(Split("/a.warc.gz", start, end))
    >>> [(part.start, part.end) for part in found]
    [(0, 100), (100, 150)]
    """

    def __init__(self) -> None:
        self._files: dict[Identity, _File] = {}
        self._known: dict[str, Identity] = {}
        self.all_new = True
        """Whether nothing of the last split was there before."""

    def look(self, split: Split, entry: Entry | None = None) -> None:
        """Learn that a split will come. Who looks at all of them first does not depend on their order."""
        file = self._file(split, entry)
        file.whole = file.whole or split == Split(split.uri)
        for offset, length in split.ranges or ():
            seen = file.lengths.setdefault(offset, length)
            if seen is not None and length > seen:
                file.lengths[offset] = length
        if split.ranges is None:
            file.named.take(split.start, _END if split.end is None else split.end)

    def new(self, split: Split, entry: Entry | None = None) -> list[Split]:
        """What of a split is not there yet, under the archive's first name. Raises :class:`UsageError`."""
        file = self._file(split, entry)
        if file.lengths and file.named.any() and not file.named.all():
            raise UsageError(
                "spans of this archive are named, and single records as well: one may be in both",
                file.uri,
                "give the spans, the index, or the archive",
            )
        split = replace(split, uri=file.uri, file_size=file.size, version=file.version)
        if split.ranges is None:
            if file.whole and split != Split(split.uri):
                self.all_new = False
                return []
            end = _END if split.end is None else split.end
            spans = file.taken.take(split.start, end)
            self.all_new = spans == [(split.start, end)]
            return [replace(split, start=start, end=None if end == _END else end) for start, end in spans]
        ranges: list[tuple[int, int]] = []
        for at, _ in () if file.named.any() else split.ranges:
            length = file.lengths[at]
            if length is not None:
                ranges.append((at, length))
                file.lengths[at] = None
        self.all_new = len(ranges) == len(split.ranges)
        return [replace(split, ranges=tuple(ranges))] if ranges else []

    def _file(self, split: Split, entry: Entry | None) -> _File:
        """The file of a split. The size and the version that were named first count for all of it."""
        identity = self._known.get(split.uri)
        if identity is None:
            identity = self._known[split.uri] = store_of(split.uri).identity(split.uri, entry)
        file = self._files.setdefault(identity, _File(split.uri))
        if file.size is None and file.version is None:
            file.size, file.version = split.file_size, split.version
        return file
