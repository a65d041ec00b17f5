"""One split in, sorted lines out. The only place where an analysis meets records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from crawlmill import wire
from crawlmill.contract import Analysis
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.own import imports
from crawlmill.own.files import Code
from crawlmill.partial import counter_lines, damage_line, key_of
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.records.record import Record
from crawlmill.schema import clean_string, misfit
from crawlmill.warc.damage import BodyDamage, Damage, damage
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD, Reading
from crawlmill.warc.stream import Item
from crawlmill.where import Where

MEMORY = 64 << 20
"""Estimated bytes of merged pairs after which they are handed on, sorted."""
_PAIR = 200  # bytes of a small key and its state in a dict, about
_GROWN = 4 << 20  # such bytes after which it is asked whether memory is full

Emit = Callable[[list[bytes]], None]
Skip = Mapping[tuple[int, int, int], str]


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


class Collector:
    """Merges the pairs of one analysis. The pairs of a record come in together, or not at all."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis, self.name = analysis, analysis.name
        self.call = partial(analysis.function, **analysis.options) if analysis.options else analysis.function
        self.merged: dict[Any, Any] = {}
        self.extra = 0  # bytes of the texts in keys, and of states that grow with every value
        reducer = analysis.reducer
        self._start, self._merge = reducer.start, reducer.merge
        self._plain = bool(getattr(reducer, "PLAIN", False))
        self._texts = all(column.type == "string" for column in analysis.key)
        self._grows = int(getattr(reducer, "GROWS", 0))
        self._text_key = len(analysis.key) == 1 and analysis.key[0] == (analysis.key[0].name, "string", False)
        counts = analysis.merge_name == "total" and reducer.__name__ == "crawlmill.reducers.total"
        self.collect = self._collect_counts if counts and self._texts else self._collect

    def _collect_counts(self, pairs: list[tuple[Any, Any]]) -> int:
        """The most common case, made short: keys of texts, whole numbers that are added."""
        merged = self.merged
        if len(pairs) == 1:
            key, value = pairs[0]
            if type(value) is int and key in merged:
                merged[key] += value
                return 0
        if not self._text_key:
            return self._collect(pairs)
        for key, value in pairs:
            if type(key) is not str or type(value) is not int or not (key.isascii() or clean_string(key)):
                return self._collect(pairs)  # says what is wrong
        new, texts = -len(merged), 0
        for key, value in pairs:
            if key in merged:
                merged[key] += value
            else:
                merged[key] = value
                texts += len(key)
        self.extra += texts
        return texts + _PAIR * (new + len(merged))

    def _collect(self, pairs: list[tuple[Any, Any]]) -> int:
        """Merge the pairs of a record; returns about how many bytes they added."""
        analysis, start, started, merged = self.analysis, self._start, [], self.merged
        for key, value in pairs:
            # a key of texts that is there already was held against its schema (other types may be equal: True is 1)
            wrong = None if self._texts and key in merged else misfit(analysis.key, key)
            if wrong is None and self._plain:
                wrong = misfit(analysis.value, value)
            if wrong is not None:
                raise TypeError(wrong)
            started.append((key, start(value)))
        merge, grows, texts, new = self._merge, self._grows, 0, -len(merged)
        if grows:
            texts = sum([grows + _text(value) for _, value in pairs])
        for key, state in started:
            if key in merged:
                merged[key] = merge(merged[key], state)
            else:
                merged[key] = state
                texts += _text(key)
        self.extra += texts
        return texts + _PAIR * (new + len(merged))

    @property
    def size(self) -> int:
        """Estimated bytes."""
        return len(self.merged) * _PAIR + self.extra

    def lines(self) -> Iterable[bytes]:
        """The merged pairs as lines, in no order, which empties the collector."""
        prefix, columns, text = wire.prefix(self.name), wire.columns, wire.value
        dump = self.analysis.reducer.dump
        merged, self.merged, self.extra = self.merged, {}, 0
        return (f"{prefix}{columns(key)}]\t{text(dump(state))}\n".encode("ascii") for key, state in merged.items())


def _text(value: Any) -> int:
    """Characters of the texts in a key or a value."""
    if type(value) is str:
        return len(value)
    return sum(map(_text, value)) if type(value) in (tuple, list) else 0


class Task:
    """A job over splits, one after the other, with bounded memory.

    Args:
        job: what is asked.
        emit: takes sorted lines whenever memory is full, and at the end.
        memory: estimated bytes of merged pairs that are kept.
        mark: three numbers (a count, ``offset``, ``ordinal`` and the index of the analysis) written before an analysis sees
            a record, and ``-1`` as index after it: whoever watches this process can tell what it hangs on.
    """

    def __init__(self, job: Job, emit: Emit, memory: int = MEMORY, mark: memoryview | None = None) -> None:
        self.job, self._emit, self._memory, self._mark = job, emit, memory, mark
        self._collectors = [Collector(analysis) for analysis in job.analyses]
        self._damage: list[bytes] = []
        self.counters: dict[str, int] = {}
        self.counted: dict[str, int] = {}  # all that was handed on: the counters of a whole process
        self._by_type: dict[str, list[tuple[int, Collector]]] = {}
        self.records = 0

    def run(self, split: Split, skip: Skip | None = None) -> None:
        """Read one split. ``skip`` names ``(offset, ordinal, index of the analysis)`` that ended an earlier try, and the
        kind of damage that this is."""
        reading = self.job.reading()
        with imports.checked(), closing(read_split(split, reading)) as items:
            self._read(items, skip or {})
        counted = {f"records:{kind}": count for kind, count in reading.types.items()}
        counted.update(records=sum(reading.types.values()), bytes=reading.bytes, empty_members=reading.empty_members)
        for name, count in counted.items():
            self.counters[name] = self.counters.get(name, 0) + count

    def _read(self, items: Iterable[Item], skip: Skip) -> None:
        where, mark, by_type = self.job.where, self._mark, self._by_type
        rejected, since, grown = 0, 0, 0
        max_body, step = self.job.max_body, min(_GROWN, self._memory)
        for item in items:
            if isinstance(item, Damage):
                self._report(item)
                continue
            record: Record = item
            if max_body != MAX_BODY:
                record.max_body = max_body
            since += 1
            if since == 2000 or grown > step:
                since = grown = 0
                self._spill_when_full()
            self.records += 1
            if where is not None:
                try:
                    fits = where(record)
                except BodyDamage as bad:
                    self._report(_of_record(record, bad.kind, "where"))
                    fits = False
                if not fits:
                    rejected += 1
                    continue
            collectors = by_type.get(record.type)
            if collectors is None:
                collectors = self._collectors_for(record.type)
            for index, collector in collectors:
                if mark is not None:
                    if skip:
                        ended = skip.get((record.offset, record.ordinal, index))
                        if ended is not None:
                            self._report(_of_record(record, ended, collector.name))
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
                    self._report(_of_record(record, bad.kind, collector.name))
                except CrawlmillError:
                    raise
                except ModuleNotFoundError as error:  # what is not there for one record is there for none
                    raise CrawlmillError(
                        f"the module {error.name} is not found here",
                        collector.name,
                        "name a file of your own with --ship, an installed package in depends= of the analysis",
                    ) from None
                except (
                    Exception
                ) as error:  # the user's code may raise anything: its pairs of this record are lost, and said
                    self._report(_of_record(record, "analysis", collector.name, said(error)))
            if mark is not None:
                mark[3] = -1
        if rejected:
            self.counters["rejected"] = self.counters.get("rejected", 0) + rejected

    def _collectors_for(self, kind: str) -> list[tuple[int, Collector]]:
        found = []
        for index, collector in enumerate(self._collectors):
            wanted = self.job.wanted(collector.analysis)
            if wanted is None or kind in wanted:
                found.append((index, collector))
        if len(self._by_type) < 1000:
            self._by_type[kind] = found
        return found

    def _report(self, row: Damage) -> None:
        self._damage.append(damage_line(row))

    def _spill_when_full(self) -> None:
        if sum(collector.size for collector in self._collectors) + 500 * len(self._damage) > self._memory:
            self.finish()

    def finish(self) -> None:
        """Hand on what is left."""
        lines = [line for collector in self._collectors for line in collector.lines()]
        lines += self._damage
        lines += counter_lines(self.counters)
        for name, count in self.counters.items():
            self.counted[name] = self.counted.get(name, 0) + count
        self._damage, self.counters = [], {}
        lines.sort(key=key_of)
        self._emit(lines)


def _of_record(record: Record, kind: str, analysis: str, detail: str = "") -> Damage:
    return damage(record.uri, record.offset, record.length, kind, analysis, record.ordinal, detail=detail)


def said(error: BaseException) -> str:
    """One line of what was raised, without what differs from run to run."""
    text = " ".join(str(error).split()).encode("utf-8", "replace").decode()
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
