"""A job over splits as a DataFrame, for a session of Spark Connect, which has no RDDs: the tasks and merges of :mod:`.rdd`,
and their sorted parts brought to the client."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING, Callable, TypeVar

import pyarrow as pa

from crawlmill.errors import CrawlmillError
from crawlmill.spark.batches import SIZE
from crawlmill.spark.rdd import Lines, cause_of, merge_pairs, read_lines

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Batches = Iterator[pa.RecordBatch]
Item = TypeVar("Item")
MERGERS = 4
"""Tasks that merge, where nobody says how many."""


def run_frames(spark: SparkSession, lines: Lines, shipped: Sequence[str], folder: str) -> list[str]:
    """Run a job; answers local files of sorted lines, whose keys differ from file to file.

    The parts pass through the driver of the server on their way to the client.

    Args:
        spark: a session of Spark Connect; its executors have pyarrow.
        lines: what.
        shipped: the code as a zip, and the files of a user's own analyses.
        folder: a local folder that is not there yet.

    Raises:
        CrawlmillError: the job failed; with the line that says why.
    """
    os.mkdir(folder)
    splits = list(enumerate(lines.splits))
    try:
        spark.addArtifacts(*shipped, pyfile=True)
        manifest = spark.createDataFrame(splits, "number bigint, split string")
        pairs = manifest.repartitionByRange(max(1, lines.tasks), "number").mapInArrow(
            partial(_read, lines.job, lines.record_timeout), "key binary, value binary"
        )
        sorted_pairs = pairs.repartition(lines.reducers or MERGERS, "key").sortWithinPartitions("key")
        parts = sorted_pairs.mapInArrow(partial(_merge, lines.job), "part int, lines binary")
        with ExitStack() as stack:
            files: dict[int, IO[bytes]] = {}
            for part, text in parts.toLocalIterator():
                if part not in files:
                    files[part] = stack.enter_context(open(os.path.join(folder, f"part-{part:05}"), "wb"))
                files[part].write(text)
    except Exception as error:  # of gRPC, of Connect, or what a task raised, as text
        raise CrawlmillError(f"the job failed: {cause_of(str(error))}") from error
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


def _read(job: str, limit: float | None, batches: Batches) -> Batches:
    """The map side: manifest lines in, merged pairs out."""
    splits = (line for batch in batches for line in batch.column(1).to_pylist())
    for held in _together(read_lines(job, limit, splits), lambda pair: len(pair[0]) + len(pair[1])):
        columns = [pa.array(column, pa.binary()) for column in zip(*held)]
        yield pa.RecordBatch.from_arrays(columns, ["key", "value"])


def _merge(job: str, batches: Batches) -> Batches:
    """The reduce side: sorted pairs in, merged lines out, many of them in a row."""
    from pyspark import TaskContext

    task = TaskContext.get()
    assert task is not None
    part = pa.array([task.partitionId()], pa.int32())
    pairs = (pair for batch in batches for pair in zip(*(column.to_pylist() for column in batch.columns)))
    for held in _together(merge_pairs(job, pairs), len):
        text = pa.array([b"\n".join([*held, b""])], pa.binary())
        yield pa.RecordBatch.from_arrays([part, text], ["part", "lines"])


def _together(items: Iterator[Item], size_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """Items in lists of :data:`SIZE` bytes, or one item more."""
    held: list[Item] = []
    size = 0
    for item in items:
        held.append(item)
        size += size_of(item)
        if size >= SIZE:
            yield held
            held, size = [], 0
    if held:
        yield held
