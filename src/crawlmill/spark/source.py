"""The data sources of Spark 4: ``warc``, ``wat`` and ``wet``, and the damage table of each.

None of them takes filters from Spark (``pushFilters``): a reader that does gives wrong rows when a DataFrame is used
twice, because Spark 4.3 keeps what was pushed down once. Conditions are options, judged before a body is inflated.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pyspark.sql.datasource import DataSource, DataSourceReader, DataSourceStreamReader, InputPartition
from pyspark.sql.types import StructType

from crawlmill.errors import UsageError
from crawlmill.plan.split import Split
from crawlmill.spark.batches import Query, Read, reader_of
from crawlmill.spark.options import partitions_of, plain, query_of
from crawlmill.spark.tables import DAMAGE, chosen, ddl, table_of

if TYPE_CHECKING:
    import pyarrow as pa


class SplitPartition(InputPartition):
    """Splits that one task reads, one after the other."""

    def __init__(self, splits: list[Split]) -> None:
        super().__init__(splits)
        self.splits = splits


def read_partition(partition: InputPartition, read: Read) -> Iterator[pa.RecordBatch]:
    """The batches of a partition; none of the one that Spark makes up when there is nothing to read."""
    if isinstance(partition, SplitPartition):
        for split in partition.splits:
            yield from read(split)


class SplitReader(DataSourceReader):
    """Reads splits. It travels with every task, and so holds no list of them."""

    def __init__(self, options: dict[str, str], read: Read) -> None:
        self._options, self._read = options, read

    def partitions(self) -> list[InputPartition]:
        return [SplitPartition(splits) for splits in partitions_of(self._options)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        return read_partition(partition, self._read)


class ArchiveSource(DataSource):
    """A table of the archives that ``load()`` names."""

    table: ClassVar[str]
    damage: ClassVar[bool] = False

    @classmethod
    def name(cls) -> str:
        return f"{cls.table}_damage" if cls.damage else cls.table

    def schema(self) -> str:
        query = query_of(table_of(self.table), plain(dict(self.options), STREAM))
        if self.damage:
            return ", ".join(f"{name} {type}" for name, type in DAMAGE.items())
        return ddl(table_of(self.table), query.columns)

    def reader(self, schema: StructType) -> DataSourceReader:
        options = plain(dict(self.options))
        return SplitReader(options, reader_of(self._query(options, schema), self.damage))

    def streamReader(self, schema: StructType) -> DataSourceStreamReader:
        try:
            from crawlmill.spark.stream import ManifestReader
        except ImportError:
            raise UsageError("streams of archives need Spark 4.2 or later", self.name(), "batch reads work") from None
        options = plain(dict(self.options), STREAM)
        return ManifestReader(options, reader_of(self._query(options, schema), self.damage))

    def _query(self, options: dict[str, str], schema: StructType) -> Query:
        """The query of options and of a schema, which may be the user's own."""
        table = table_of(self.table)
        if self.damage:
            if schema.names != list(DAMAGE):
                raise UsageError(f"the columns are always {', '.join(DAMAGE)}", self.name(), "leave out .schema()")
            return query_of(table, options)
        names = chosen(table, tuple(schema.names))
        for field in schema.fields:
            wanted, found = table.columns[field.name].type, field.dataType.simpleString()
            if found != wanted:
                raise UsageError(f"the column {field.name!r} is {wanted}, not {found}", self.name())
        return query_of(table, options, names)


STREAM = ("maxfilespertrigger",)
"""Options that only streams have."""


class Warc(ArchiveSource):
    """The records of WARC and ARC files."""

    table = "warc"


class WarcDamage(Warc):
    """What :class:`Warc` could not read."""

    damage = True


class Wat(ArchiveSource):
    """The metadata in WAT files."""

    table = "wat"


class WatDamage(Wat):
    """What :class:`Wat` could not read."""

    damage = True


class Wet(ArchiveSource):
    """The texts in WET files."""

    table = "wet"


class WetDamage(Wet):
    """What :class:`Wet` could not read."""

    damage = True


SOURCES: tuple[type[ArchiveSource], ...] = (Warc, WarcDamage, Wat, WatDamage, Wet, WetDamage)


def mapped_source(read: Read, columns: str) -> type[DataSource]:
    """A source whose rows are what a function makes of each split; its options are those that a plan has.

    Args:
        read: from a split to batches.
        columns: Spark's text of their schema.
    """

    class Mapped(DataSource):
        @classmethod
        def name(cls) -> str:
            return "crawlmill_mapped"

        def schema(self) -> str:
            return columns

        def reader(self, schema: StructType) -> DataSourceReader:
            return SplitReader(plain(dict(self.options)), read)

    return Mapped
