"""The map side of every engine: splits in; sorted lines of merged pairs, of damage and of counters out.

Opening, conditions, damage, spilling, the time limit of a record, signs of life and counters stand here and below, once.
An engine's own map side gives the splits, takes the lines, and hears of the rest by :class:`Reports`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import NamedTuple

from crawlmill import wire
from crawlmill.plan.split import Split
from crawlmill.scratch import Scratch
from crawlmill.stores import is_stream
from crawlmill.task import MEMORY, Job, Skip, Task

HEARTBEAT = 30.0
"""Seconds between two signs of life: Hadoop ends a task that is silent for ten minutes."""
SHOWN = ("records", "bytes", "rejected", "empty_members")
"""Data counters that are also the engine's; more than 120 names would kill a job of Hadoop."""
_COUNTER = wire.prefix(wire.COUNTERS).encode()
_CHUNK = 1 << 20


class Reports(NamedTuple):
    """What an engine hears of its map side while that runs.

    Attributes:
        status: told ``N records`` every :data:`HEARTBEAT` seconds, from another thread.
        counter: told a name and a number at the end: ``splits``, and those of :data:`SHOWN` that are not 0.
    """

    status: Callable[[str], None]
    counter: Callable[[str, int], None]


def map_side(
    job: Job,
    splits: Iterable[Split],
    *,
    memory: int = MEMORY,
    record_timeout: float | None = None,
    reports: Reports | None = None,
    mark: memoryview | None = None,
    skip: Skip | None = None,
) -> Iterator[list[bytes]]:
    """Run a job over splits.

    Args:
        job: what is asked of every split.
        splits: taken one by one, as they are read.
        memory: estimated bytes of merged pairs that are kept before they are handed on.
        record_timeout: seconds after which an analysis that is still on one record is ended, which costs a damage row: each
            split is then read in a process that is watched. None for no limit, in this process. Standard input and other
            pipes are always read in this process.
        reports: what hears of progress and counters; None for nobody.
        mark, skip: of a process that is watched, see :class:`crawlmill.task.Task`.

    Yields:
        Lines of the wire format in the order of their keys, whenever memory is full and at the end. A list is emptied when
        the next one is asked for.

    Raises:
        CrawlmillError: reading failed for a reason that lies not in the file, or an analysis needs what is not there.
    """
    task = Task(job, memory, mark)
    counted = Counter[str]()
    with _signs_of_life(task, reports):
        for lines in _lines(task, splits, record_timeout, skip, counted):
            for name, count in _counters(lines):
                counted[name] += count
            yield lines
            lines.clear()  # whoever took them is done: what is kept next has the memory for itself
    if reports is not None:
        for name in ("splits", *SHOWN):
            if counted[name]:
                reports.counter(name, counted[name])


def _lines(
    task: Task, splits: Iterable[Split], record_timeout: float | None, skip: Skip | None, counted: Counter[str]
) -> Iterator[list[bytes]]:
    for split in splits:
        if record_timeout is None or is_stream(split.uri):
            yield from task.run(split, skip)
        else:
            for lines in _watched(task.job, split, record_timeout):
                task.seen += sum(count for name, count in _counters(lines) if name == "records")
                yield lines
        counted["splits"] += 1
    yield task.rest()


def _watched(job: Job, split: Split, limit: float) -> Iterator[list[bytes]]:
    """A split that is read in a process of its own, so that a record that hangs or crashes costs a damage row."""
    from crawlmill.guard.pool import Order, Pool

    with Scratch() as folder:
        part = os.path.join(folder, "part")
        Pool(job, [Order(split, part)], 1, limit, None).run()
        with open(part, "rb") as file:
            while True:
                lines = file.readlines(_CHUNK)
                if not lines:
                    return
                yield lines


def _counters(lines: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    """The data counters among sorted lines, which begin with them."""
    for line in takewhile(lambda line: line.startswith(_COUNTER), lines):
        key, value = wire.split(line)
        yield str(wire.parse_key(key)[1][0]), int(value)


@contextmanager
def _signs_of_life(task: Task, reports: Reports | None) -> Iterator[None]:
    if reports is None:
        yield
        return
    stop, status = threading.Event(), reports.status

    def beat() -> None:
        while not stop.wait(HEARTBEAT):
            status(f"{task.records} records")

    threading.Thread(target=beat, daemon=True).start()
    try:
        yield
    finally:
        stop.set()
