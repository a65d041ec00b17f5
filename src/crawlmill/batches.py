"""A run as a row of batches of splits, each of which is kept when it is done, whatever engine did it."""

from __future__ import annotations

import os
from collections.abc import Callable

from crawlmill.engines import Engine, Progress, Work, gone
from crawlmill.identity import partial_name
from crawlmill.output.work import EVENTS, WorkDir
from crawlmill.partial import fresh_names, merge_files, reducers_of
from crawlmill.plan.planner import Plan, batches
from crawlmill.submit import Event, EventFile, read_events
from crawlmill.task import Job

BATCH = 10_000
"""Splits of a batch, unless the user says otherwise."""


def run_batches(
    engine: Engine,
    job: Job,
    plan: Plan,
    identity: dict[str, object],
    size: int,
    keep: WorkDir | None,
    scratch: str,
    say: Callable[[str], None],
    progress: Progress | None,
    events: Callable[[Event], None],
) -> list[str]:
    """Run all splits of a plan; returns files of sorted lines of the wire format that together are the result.

    A batch that is kept is not done again. That of an engine which writes a partial a split is kept as those partials while
    it is the only one: merging them twice would cost time and bring nothing.

    Args:
        engine: what runs the splits.
        job: what is asked of every split.
        plan: all inputs and splits.
        identity: of the run.
        size: splits of a batch.
        keep: where batches are kept; None to keep nothing.
        scratch: a folder for everything else.
        say: told which batch begins, where there are several.
        progress: told what is done.
        events: told what happens. What a program on a cluster needs to be ended by is kept as well, see :func:`end_left`.

    Raises:
        CrawlmillError: the run cannot go on.
    """
    parts = batches(plan, size)
    sources = {item.uri: item for item in plan.inputs}
    place = scratch if keep is None else keep.path
    found: list[str] = []
    for number, part in enumerate(parts):
        done = None if keep is None else keep.batch(number)
        if done is None:
            if len(parts) > 1:
                say(f"batch {number + 1} of {len(parts)}: {len(part.splits):,} splits")
            partials = {
                split: os.path.join(place, partial_name(identity, split, sources[split.uri])) for split in part.splits
            }
            files = engine.run(Work(job, part, partials, scratch, say, progress, _recorded(events, keep)))
            if keep is None or (engine.keeps_partials and len(parts) == 1):
                found += files
                continue
            between = fresh_names(scratch, f"batch{number}-")
            merged = merge_files(list(dict.fromkeys(files)), reducers_of(job.analyses), between)
            done = keep.keep_batch(number, merged)
            for file in files:
                os.unlink(file)
        elif progress is not None:
            for split in part.splits:
                progress(-1, split.size or 0)
        found.append(done)
    return found


def end_left(keep: WorkDir, say: Callable[[str], None]) -> None:
    """Make sure that nothing runs of what an ended run started: else it would be done twice at once.

    Args:
        keep: the folder of that run.
        say: told what had to be ended.

    Raises:
        CrawlmillError: it is not sure.
    """
    path = keep.file(EVENTS)
    if os.path.exists(path):
        for name in gone(read_events(path)):
            say(f"ended {name} of an earlier run")
        os.unlink(path)


def _recorded(events: Callable[[Event], None], keep: WorkDir | None) -> Callable[[Event], None]:
    """What hands on events and keeps those of programs, each on the disk before the program can do more."""
    if keep is None:
        return events
    path = keep.file(EVENTS)

    def tell(event: Event) -> None:
        if event.program is not None and event.kind in _KEPT:
            file = EventFile(path)
            try:
                file.write(event)
            finally:
                file.close()
        events(event)

    return tell


_KEPT = ("starting", "started", "application", "ended")
