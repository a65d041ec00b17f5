"""One split in, sorted lines out. The only place where an analysis meets records; :mod:`crawlmill.mapside` runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from crawlmill.collecting import Collector
from crawlmill.contract import Analysis
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.own import imports
from crawlmill.own.files import Code
from crawlmill.partial import counter_lines, damage_line, key_of
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD, Reading
from crawlmill.warc.stream import Item
from crawlmill.where import Where

MEMORY = 64 << 20
"""Estimated bytes of merged pairs after which they are handed on, sorted."""
_GROWN = 4 << 20  # such bytes after which it is asked whether memory is full
_ROW = 500  # bytes of a damage row, about

Skip = Mapping[tuple[int, int, int], str]
"""``(offset, ordinal, index of the analysis)`` that ended an earlier try of a split, and the kind of damage that this is."""


@dataclass(frozen=True)
class Job:
    """What is asked of every split.

    Attributes:
        analyses: what to run; their names differ.
        types: record types in place of the analyses' own; None for those.
        where: a condition on a record's headers.
        max_record: bytes of a block that may be loaded.
        full: inflate everything and check digests.
        max_body: bytes of a body that may be decoded and parsed.
        code: the user's own code that this depends on; None where nobody asked yet.
    """

    analyses: tuple[Analysis, ...]
    types: frozenset[str] | None = None
    where: Where | None = None
    max_record: int = MAX_RECORD
    full: bool = False
    max_body: int = MAX_BODY
    code: Code | None = None

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for analysis in self.analyses:
            if analysis.base in seen:
                raise UsageError(
                    f"two analyses are called {analysis.base}",
                    hint="name each once; run them apart for two sets of options",
                )
            seen.add(analysis.base)

    def wanted(self, analysis: Analysis) -> frozenset[str] | None:
        """Record types that an analysis gets in this job; None for all."""
        return types_to_read([self._types(analysis)])[0]

    def _types(self, analysis: Analysis) -> frozenset[str] | None:
        return analysis.types if self.types is None else self.types

    def reading(self) -> Reading:
        """What a walk is asked for."""
        wanted, only_json = types_to_read([self._types(analysis) for analysis in self.analyses])
        return Reading(wanted, self.max_record, self.full, only_json=only_json, max_body=self.max_body)


def types_to_read(every: Iterable[frozenset[str] | None]) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The record types to hand out so that all are served (None for all types), and those of them of which only records
    with JSON in them are asked for (``metadata/json``).

    >>> types_to_read([frozenset({"metadata/json"})]), types_to_read([frozenset({"metadata/json"}), None])
    ((frozenset({'metadata'}), frozenset({'metadata'})), (None, frozenset()))
    """
    names: frozenset[str] = frozenset()
    for types in every:
        if types is None:
            return None, frozenset()
        names |= types
    only_json = frozenset(name.partition("/")[0] for name in names if name.endswith("/json")) - names
    return frozenset(name.partition("/")[0] for name in names), only_json


class Task:
    """A job over splits, one after the other, with bounded memory.

    Args:
        job: what is asked.
        memory: estimated bytes of merged pairs that are kept.
        mark: four numbers (a count, ``offset``, ``ordinal`` and the index of the analysis) written before an analysis sees
            a record, and ``-1`` as index after it: whoever watches this process can tell what it hangs on.

    Attributes:
        seen: records of the splits that were read to their end.
    """

    def __init__(self, job: Job, memory: int = MEMORY, mark: memoryview | None = None) -> None:
        self.job, self._memory, self._mark = job, memory, mark
        self._collectors = [Collector(analysis) for analysis in job.analyses]
        self._damage: list[bytes] = []
        self._counters: dict[str, int] = {}
        self._by_type: dict[str, list[tuple[int, Collector]]] = {}
        self._reading = job.reading()
        self.seen = 0

    @property
    def records(self) -> int:
        """How many records were seen so far; another thread may ask."""
        return self.seen + sum(list(self._reading.types.values()))  # a list at once: types come up meanwhile

    def run(self, split: Split, skip: Skip | None = None) -> Iterator[list[bytes]]:
        """Read one split. Yields sorted lines whenever memory is full; what is left then is for :meth:`rest`.

        Raises:
            CrawlmillError: reading failed for a reason that lies not in the file.
        """
        reading = self._reading = self.job.reading()
        with closing(read_split(split, reading, self.job.where)) as items:
            found = self._read(items, skip or {})
            while True:
                with imports.checked():  # while the analyses run, and not while somebody else has the lines
                    lines = next(found, None)
                if lines is None:
                    break
                yield lines
        records, self._reading = sum(reading.types.values()), self.job.reading()
        self.seen += records
        self._count({f"records:{kind}": count for kind, count in reading.types.items()})
        self._count({"records": records, "bytes": reading.bytes, "empty_members": reading.empty_members})
        self._count({"rejected": reading.rejected})
        if self._full():  # many small splits fill it, too
            yield self.rest()

    def _read(self, items: Iterable[Item], skip: Skip) -> Iterator[list[bytes]]:
        mark, by_type, grown = self._mark, self._by_type, 0
        step = min(_GROWN, self._memory)
        for item in items:
            if grown > step:
                grown = 0
                if self._full():
                    yield self.rest()
            if isinstance(item, Damage):
                grown += self._report(item)
                continue
            record: Record = item
            collectors = by_type.get(record.type)
            if collectors is None:
                collectors = self._collectors_for(record.type)
            for index, collector in collectors:
                if mark is not None:
                    if skip:
                        ended = skip.get((record.offset, record.ordinal, index))
                        if ended is not None:
                            grown += self._report(_of_record(record, ended, collector.name))
                            continue
                    mark[0] += 1
                    mark[1] = record.offset
                    mark[2] = record.ordinal
                    mark[3] = index
                try:
                    pairs = collector.call(record)
                    if pairs is not None:
                        grown += collector.collect(list(pairs))
                except BodyDamage as bad:
                    grown += self._report(_of_record(record, bad.kind, collector.name))
                except CrawlmillError:
                    raise
                except ModuleNotFoundError as error:  # what is not there for one record is there for none
                    raise CrawlmillError(
                        f"the module {error.name} is not found here",
                        collector.name,
                        "name a file of your own with --ship, an installed package in depends= of the analysis",
                    ) from None
                # the user's code may raise anything: its pairs of this record are lost, and said
                except Exception as error:
                    grown += self._report(_of_record(record, "analysis", collector.name, said(error)))
            if mark is not None:
                mark[3] = -1

    def _collectors_for(self, kind: str) -> list[tuple[int, Collector]]:
        found = []
        for index, collector in enumerate(self._collectors):
            wanted = self.job.wanted(collector.analysis)
            if wanted is None or kind in wanted:
                found.append((index, collector))
        if len(self._by_type) < 1000:
            self._by_type[kind] = found
        return found

    def _report(self, row: Damage) -> int:
        self._damage.append(damage_line(row))
        return _ROW

    def _count(self, counted: Mapping[str, int]) -> None:
        for name, count in counted.items():
            self._counters[name] = self._counters.get(name, 0) + count

    def _full(self) -> bool:
        return sum(collector.size for collector in self._collectors) + _ROW * len(self._damage) > self._memory

    def rest(self) -> list[bytes]:
        """What was not handed on yet, as sorted lines."""
        lines = [line for collector in self._collectors for line in collector.lines()]
        lines += self._damage
        lines += counter_lines(self._counters)
        self._damage, self._counters = [], {}
        lines.sort(key=key_of)
        return lines


def _of_record(record: Record, kind: str, analysis: str, detail: str = "") -> Damage:
    return damage(record.uri, record.offset, record.length, kind, analysis, record.ordinal, detail=detail)


def said(error: BaseException) -> str:
    """One line of what was raised, without what differs from run to run."""
    text = " ".join(str(error).split()).encode("utf-8", "replace").decode()
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
