"""From what the user typed behind ``-o`` to an output."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crawlmill.errors import UsageError
from crawlmill.output import Output
from crawlmill.output.formats import format_named
from crawlmill.output.tables import Sink, TableSink
from crawlmill.output.work import WorkDir
from crawlmill.stores import store_of

if TYPE_CHECKING:
    import pyarrow as pa

    from crawlmill.plan.planner import Plan
    from crawlmill.schema import Schema


def output_of(
    uri: str | None, format: str | None, identity: Mapping[str, object], work: str | os.PathLike[str] | None = None
) -> Output:
    """The output that a URI names; one in memory when None. Nothing is made or asked before :meth:`Output.claim`.

    Args:
        uri: a folder of this machine or of a store.
        format: of the files; ``parquet`` when None.
        identity: of the run.
        work: see :class:`crawlmill.output.folder.StoreFolder`.

    Raises:
        UsageError: nothing writes this scheme, or no format has the name, or ``work`` is for another output.
    """
    format = format or "parquet"
    format_named(format)  # refuses what is none before anything is made
    if uri is None:
        return Memory()
    from crawlmill.output.folder import LocalFolder, StoreFolder

    if store_of(uri).local:
        if work is not None:
            raise UsageError("--work is for an output in a store", uri, "leave it out: a local folder keeps its own")
        return LocalFolder(uri, format)
    return StoreFolder(uri, format, identity, None if work is None else os.fspath(work))


class Memory:
    """Tables of this process."""

    name = None

    def __init__(self) -> None:
        self.work = WorkDir("", "")
        self._sinks: dict[str, TableSink] = {}

    def report(self) -> dict[str, Any] | None:
        return None

    def claim(self, resume: bool, overwrite: bool) -> None:
        pass

    def clear(self) -> None:
        pass

    def reopen(self) -> None:
        pass

    def tidy(self, report: Mapping[str, Any]) -> None:
        pass

    def open(self, identity: Mapping[str, object], plan: Plan) -> None:
        pass

    def sink(self, name: str, schema: Schema) -> Sink:
        self._sinks[name] = TableSink(schema)
        return self._sinks[name]

    def files(self, names: list[str]) -> dict[str, str]:
        return {name: name for name in names}

    def commit(self, report: Mapping[str, Any]) -> None:
        pass

    def abort(self) -> None:
        self._sinks = {}

    def tables(self, file: str, schema: Schema) -> Iterator[pa.Table]:
        yield self._sinks[file].table

    def close(self) -> None:
        pass
