"""A manifest that grows as a stream: what was read so far is an offset in it, so that a query goes on where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from pyspark.sql.datasource import DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit, ReadMaxFiles, SupportsTriggerAvailableNow

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.inputs import is_manifest, read_manifest
from crawlmill.plan.once import Once
from crawlmill.plan.planner import cut
from crawlmill.plan.split import Split
from crawlmill.spark.batches import Read
from crawlmill.spark.options import inputs_of, refuse_streams, size_of, split_size_of
from crawlmill.spark.source import SplitPartition, read_partition
from crawlmill.stores import local_path

if TYPE_CHECKING:
    import pyarrow as pa


class Offset(TypedDict):
    """How many lines of the manifest were read, and a digest of them: lines that changed are seen."""

    lines: int
    digest: str


def offset_after(given: Sequence[Split], count: int) -> Offset:
    """The offset after the first ``count`` lines."""
    text = "".join(split.to_json() + "\n" for split in given[:count])
    return Offset(lines=count, digest=hashlib.sha256(text.encode()).hexdigest())


class ManifestReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Reads the archives that a manifest names, as it grows. Lines may be added to it, and that is all."""

    def __init__(self, options: dict[str, str], read: Read) -> None:
        inputs = inputs_of(options)
        if len(inputs) != 1 or not is_manifest(local_path(inputs[0])):
            raise UsageError(
                "a stream is read from one manifest",
                ", ".join(inputs),
                "write the archives into a local file such as crawl.paths, one a line, and add lines to it",
            )
        self._manifest = local_path(inputs[0])
        self._options, self._read = options, read
        self._most = size_of(options, "maxfilespertrigger", 0)
        self._target: int | None = None

    def _given(self) -> list[Split]:
        return read_manifest(self._manifest, self._options.get("base"))

    def initialOffset(self) -> dict[str, object]:
        return dict(offset_after([], 0))

    def getDefaultReadLimit(self) -> ReadLimit:
        return ReadMaxFiles(self._most) if self._most else ReadAllAvailable()

    def prepareForTriggerAvailableNow(self) -> None:
        self._target = len(self._given())

    def latestOffset(self, start: dict[str, object], limit: ReadLimit) -> dict[str, object]:
        given = self._given()
        done = self._checked(given, start)
        end = len(given) if self._target is None else self._target
        if isinstance(limit, ReadMaxFiles):
            end = min(end, done + limit.max_files)
        return dict(offset_after(given, max(done, end)))

    def partitions(self, start: dict[str, object], end: dict[str, object]) -> Sequence[InputPartition]:
        given = self._given()
        first, last = self._checked(given, start), self._checked(given, end)
        size, once = split_size_of(self._options), Once()
        found: list[InputPartition] = []
        for number, split in enumerate(given[:last]):
            once.look(split)
            new = once.new(split)
            if number >= first:
                refuse_streams([split.uri])
                found += [SplitPartition([part]) for one in new for part in cut(one, size)]
        return found

    def _checked(self, given: Sequence[Split], offset: dict[str, object]) -> int:
        """The lines that an offset stands for, when the manifest still has them."""
        lines = offset.get("lines")
        if type(lines) is not int:
            raise CrawlmillError(f"not an offset of a manifest: {str(offset)[:100]}", self._manifest, "begin anew")
        if dict(offset_after(given, lines)) != offset or lines > len(given):
            raise CrawlmillError(
                f"the first {lines} lines of the manifest are not those that were read",
                self._manifest,
                "only add lines to it; or begin with a new checkpoint",
            )
        return lines

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_partition(partition, self._read)
