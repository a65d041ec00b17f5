"""Partials: what a span of the input gives, as sorted lines of the wire format, and how such rows of lines merge."""

from __future__ import annotations

import heapq
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Callable

from crawlmill import wire
from crawlmill.contract import Analysis, Reducer
from crawlmill.errors import CrawlmillError
from crawlmill.files import whole_file
from crawlmill.warc.damage import Damage

IN_MEMORY = 64 << 20
"""Bytes of partials that are sorted in memory; more are merged file by file."""
_FAN_IN = 64


DamageState = dict[str, list[object]]


class _DamageRows:
    """Damage rows of one key, by their JSON: equal ones are one, so that a retry cannot count twice."""

    __name__ = "damage"

    @staticmethod
    def start(value: list[object]) -> DamageState:
        return {wire.value(value): value}  # type: ignore[arg-type]

    @staticmethod
    def merge(a: DamageState, b: DamageState) -> DamageState:
        a.update(b)
        return a

    @staticmethod
    def dump(state: DamageState) -> list[list[object]]:
        return [state[text] for text in sorted(state)]

    @staticmethod
    def load(value: list[list[object]]) -> DamageState:
        return {wire.value(row): row for row in value}  # type: ignore[arg-type]

    finish = dump

    @staticmethod
    def check(types: list[str]) -> None:
        pass


def reducers_of(analyses: Iterable[Analysis]) -> dict[str, Reducer]:
    """The merge of every name that may stand in the lines of a run."""
    from crawlmill.reducers import total

    return {
        wire.DAMAGE: _DamageRows(),
        wire.COUNTERS: total,
        **{analysis.name: analysis.reducer for analysis in analyses},
    }


def damage_line(row: Damage) -> bytes:
    """A damage row as a line."""
    value = [[row.length, row.message, row.records]]
    return wire.encode(wire.DAMAGE, (row.uri, row.offset, row.ordinal, row.analysis, row.kind), value)  # type: ignore[arg-type]


def damage_rows(key: bytes, rows: Sequence[Sequence[object]]) -> Iterator[Damage]:
    """The rows of one damage line: ``rows`` is its value, or the finished state of several."""
    _, (uri, offset, ordinal, analysis, kind) = wire.parse_key(key)
    for length, message, records in rows:
        yield Damage(uri, offset, length, kind, message, analysis, ordinal, records)  # type: ignore[arg-type]


def counter_lines(counters: Mapping[str, int]) -> Iterator[bytes]:
    """Counters as lines."""
    return (wire.encode(wire.COUNTERS, name, count) for name, count in counters.items() if count)


def merged(lines: Iterable[bytes], reducers: Mapping[str, Reducer]) -> Iterator[bytes]:
    r"""Sorted lines with equal keys merged. Raises :class:`CrawlmillError` for a name that no reducer is known of.

    >>> from crawlmill.reducers import total
    >>> list(merged([b'["a","x"]\t1\n', b'["a","x"]\t2\n', b'["a","y"]\t1\n'], {"a": total}))
    [b'["a","x"]\t3\n', b'["a","y"]\t1\n']
    """
    last, first, state, prefix = b"", b"", None, b""
    reducer: Reducer | None = None
    load = merge = None
    for line in lines:
        key, value = wire.split(line)
        if key == last:
            assert reducer is not None
            if state is None:
                state = load(json.loads(wire.split(first)[1]))  # type: ignore[misc]
            state = merge(state, load(json.loads(value)))  # type: ignore[misc]
            continue
        if last:
            yield first if state is None else _line(last, reducer, state)  # type: ignore[arg-type]
        if not prefix or not key.startswith(prefix):
            name = wire.name_of(key)
            reducer = reducers.get(name)
            if reducer is None:
                raise CrawlmillError(
                    f"no merge is known for {name!r}",
                    hint=f"add {name}=total (or another merge), or the file of the analysis",
                )
            prefix, load, merge = wire.prefix(name).encode(), reducer.load, reducer.merge
        last, first, state = key, line, None
    if last:
        yield first if state is None else _line(last, reducer, state)  # type: ignore[arg-type]


def _line(key: bytes, reducer: Reducer, state: object) -> bytes:
    return b"%b\t%b\n" % (key, wire.value(reducer.dump(state)).encode("ascii"))


def key_of(line: bytes) -> bytes:
    """The key bytes of a line, to sort by."""
    return line[: line.index(b"\t")]


def merge_files(paths: Sequence[str], reducers: Mapping[str, Reducer], scratch: Callable[[], str]) -> Iterator[bytes]:
    """The merged lines of sorted files, in bounded memory.

    Args:
        paths: the files.
        reducers: the merge of each name.
        scratch: gives a new path for a file between (only when there are very many).
    """
    if sum(map(os.path.getsize, paths)) <= IN_MEMORY:
        lines: list[bytes] = list(chain.from_iterable(map(_lines, paths)))
        lines.sort(key=key_of)  # runs that are sorted already: timsort merges them
        return merged(lines, reducers)
    rest = list(paths)
    while len(rest) > _FAN_IN:
        between = scratch()
        write_lines(between, merged(heapq.merge(*map(_lines, rest[:_FAN_IN]), key=key_of), reducers))
        rest = [*rest[_FAN_IN:], between]
    return merged(heapq.merge(*map(_lines, rest), key=key_of), reducers)


def fresh_names(folder: str, prefix: str) -> Callable[[], str]:
    """A function that gives another path in a folder each time, for :func:`merge_files`."""
    numbers = count()
    return lambda: os.path.join(folder, f"{prefix}{next(numbers)}")


def _lines(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        yield from file


def write_partial(part: str, rows: Iterable[Iterable[bytes]], reducers: Mapping[str, Reducer]) -> None:
    """Write the partial of a split, whole or not at all.

    Args:
        part: the file.
        rows: rows of sorted lines. Each is written beside the partial as it comes; several are merged at the end.
        reducers: the merge of each name.
    """
    beside = f"{part}.{os.getpid()}.{threading.get_ident()}"
    runs: list[str] = []

    def new(what: str) -> str:
        runs.append(f"{beside}.{what}{len(runs)}")
        return runs[-1]

    try:
        for lines in rows:
            write_lines(new("run"), lines)
        if len(runs) == 1:
            os.replace(runs.pop(), part)
        else:
            write_lines(part, merge_files(list(runs), reducers, lambda: new("merge")))
    finally:
        for path in runs:
            if os.path.exists(path):
                os.unlink(path)


def write_lines(path: str, lines: Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all."""
    with whole_file(path) as file:
        file.writelines(lines)
