"""A job over splits as an RDD: tasks on the executors, their lines merged by key, sorted parts in a folder.

What runs here needs pyspark and the standard library alone: it travels in crawlmill.zip.
"""

from __future__ import annotations

import glob
import os
import re
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Callable

from crawlmill import jobspec, wire
from crawlmill.errors import CrawlmillError
from crawlmill.mapside import map_side
from crawlmill.partial import merged, reducers_of
from crawlmill.plan.planner import CLUSTER_SPLIT, TASKS
from crawlmill.plan.split import Split
from crawlmill.task import Job

if TYPE_CHECKING:
    from pyspark import SparkContext

    from crawlmill.engines import Work

Pair = tuple[bytes, bytes]
POLL = 2.0
_CAUSE = re.compile(r"(?:Caused by: )?([\w.$]*(?:Error|Exception|Interrupt)\b.*)")


@dataclass(frozen=True)
class Lines:
    """A job and the splits that it reads, as they are sent to Spark.

    Attributes:
        job: the job as JSON, as :mod:`crawlmill.jobspec` has it.
        splits: lines of the manifest.
        tasks: how many tasks read them.
        reducers: parts of the result; None for as many as Spark likes.
        record_timeout: seconds after which an analysis that is still on one record is ended.
    """

    job: str
    splits: Sequence[str]
    tasks: int
    reducers: int | None = None
    record_timeout: float | None = None


def lines_of(work: Work, reducers: int | None, record_timeout: float | None) -> Lines:
    """What is sent of an engine's work."""
    splits = [split.to_json() for split in work.plan.splits]
    return Lines(
        jobspec.for_nodes(jobspec.with_code(work.job)),
        splits,
        tasks_of(len(splits), work.plan.size),
        reducers,
        record_timeout,
    )


def tasks_of(splits: int, size: int) -> int:
    """How many tasks read some splits of ``size`` bytes together (0 where that is not known).

    >>> tasks_of(3, 1 << 20), tasks_of(5000, 1 << 30), tasks_of(5000, 1 << 40), tasks_of(5000, 0)
    (3, 64, 5000, 5000)
    """
    return min(splits, max(TASKS, 2 * -(-size // CLUSTER_SPLIT))) if size else splits


def bring_files(context: SparkContext, paths: Iterable[str]) -> None:
    """Let Spark bring files to every executor."""
    for path in paths:
        context.addFile(path)


def run_lines(context: SparkContext, lines: Lines, folder: str, staging: str | None = None) -> list[str]:
    """Run a job; answers local files of sorted lines, whose keys differ from file to file. The driver never holds them.

    Args:
        context: where.
        lines: what.
        folder: a local folder that is not there yet.
        staging: a folder that driver and executors share, any URI of Hadoop's file systems; where the executors are not on
            this machine and it is None, ``/tmp`` of the default file system.

    Raises:
        CrawlmillError: the job failed, with the line that says why; or parts are missing.
    """
    if staging is None and str(context.master).startswith("local"):
        save_parts(context, lines, "file://" + os.path.abspath(folder))
    else:
        remote = f"{(staging or '/tmp').rstrip('/')}/crawlmill-{uuid.uuid4().hex[:12]}"
        java = context._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        there, here = java.Path(remote), java.Path("file://" + os.path.abspath(folder))
        system = there.getFileSystem(context._jsc.hadoopConfiguration())
        try:
            save_parts(context, lines, remote)
            system.copyToLocalFile(False, there, here, True)
        finally:
            system.delete(there, True)
    found = sorted(glob.glob(os.path.join(glob.escape(folder), "part-*")))
    if len(found) != mergers(context, lines):  # each leaves a part, also an empty one
        raise CrawlmillError(
            f"parts are missing: {len(found)} of {mergers(context, lines)} came back",
            staging or "/tmp of the default file system",
            "the executors write to a folder of their own there; name one that all share as staging",
        )
    return found


def mergers(context: SparkContext, lines: Lines) -> int:
    """How many tasks merge."""
    return lines.reducers or context.defaultParallelism


def save_parts(context: SparkContext, lines: Lines, output: str) -> None:
    """Run a job, and leave sorted parts in a folder: any URI of Hadoop's file systems that is not there yet.

    Raises :class:`CrawlmillError` when the job failed.
    """
    pairs = context.parallelize(lines.splits, max(1, lines.tasks)).mapPartitions(
        partial(read_lines, lines.job, lines.record_timeout)
    )
    parts = pairs.repartitionAndSortWithinPartitions(mergers(context, lines), zlib.crc32)
    try:
        parts.mapPartitions(partial(merge_pairs, lines.job)).saveAsTextFile(output)
    except Exception as error:  # Py4J wraps what a task raised into exceptions of its own
        raise CrawlmillError(f"the job failed: {cause_of(str(error))}") from error


def cause_of(text: str) -> str:
    """The line of Spark's report that says why: what our code raised, if it did.

    >>> cause_of("py4j.X: An error\\n  at a.B\\ncrawlmill.errors.CrawlmillError: a.warc.gz: reading failed\\n")
    'a.warc.gz: reading failed'
    """
    said = [line.strip() for line in text.splitlines() if line.strip()]
    ours = [line.partition(": ")[2] for line in said if line.startswith("crawlmill.errors.")]
    causes = [found[1] for found in map(_CAUSE.fullmatch, said) if found is not None]
    return ([*ours, *causes[-1:], *said, "Spark said nothing"])[0][:300]


def read_lines(job: str, limit: float | None, lines: Iterable[str]) -> Iterator[Pair]:
    """The map side, on an executor: manifest lines in, merged pairs out as memory fills."""
    for found in map_side(_job(job), map(Split.from_line, lines), record_timeout=limit):
        yield from map(wire.split, found)


def merge_pairs(job: str, pairs: Iterable[Pair]) -> Iterator[bytes]:
    """The reduce side, on an executor: sorted pairs in, lines with equal keys merged out."""
    lines = merged((b"%b\t%b" % pair for pair in pairs), reducers_of(_job(job).analyses))
    return (line.rstrip(b"\n") for line in lines)


def _job(text: str) -> Job:
    """The job on an executor, where the user's own files lie among those that Spark brought."""
    from pyspark import SparkFiles

    return jobspec.from_json(text, SparkFiles.getRootDirectory())


@contextmanager
def progress(context: SparkContext, say: Callable[[str], None]) -> Iterator[None]:
    """Tell how far the stages of a job are while the block runs, in Hadoop's words: ``map 40% reduce 0%``."""
    stop = threading.Event()
    seen: dict[int, int] = {}

    def watch() -> None:
        told = ""
        tracker = context.statusTracker()
        while not stop.wait(POLL):
            for stage in tracker.getActiveStageIds():
                found = tracker.getStageInfo(stage)
                if found is not None and found.numTasks:
                    seen[stage] = 100 * found.numCompletedTasks // found.numTasks
            shares = [seen[stage] for stage in sorted(seen)]
            text = f"map {100 if len(shares) > 1 else sum(shares)}% reduce {sum(shares[1:2])}%"
            if shares and text != told:
                say(text)
                told = text

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        stop.set()
