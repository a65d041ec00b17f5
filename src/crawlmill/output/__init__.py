"""Where the results of a run go: one table of schemes. Without its report, written last, there is no result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from crawlmill.output.tables import Sink
    from crawlmill.output.work import WorkDir
    from crawlmill.plan.planner import Plan
    from crawlmill.schema import Schema

REPORT = "run.json"
"""The file that makes a folder the result of a run."""


class Output(Protocol):
    """Where the tables of one run go. Calls come in this order: ``claim``, ``open``, ``sink`` for each table, ``commit`` or
    ``abort``, ``close``; ``report`` and ``tables`` whenever a result is there."""

    work: WorkDir
    """Where the run keeps what it has until it is done."""

    @property
    def name(self) -> str | None:
        """What the user calls it; None for a result in memory."""

    def report(self) -> dict[str, Any] | None:
        """The report of the finished run that stands here; None when there is none."""

    def claim(self, resume: bool, overwrite: bool) -> None:
        """Take it for this run; a small write shows that it can be written, before hours of work.

        Raises:
            UsageError: something is there and may neither be taken up again nor replaced, or no run made it, or another run
                is writing it. CrawlmillError: it cannot be written.
        """

    def clear(self) -> None:
        """Remove what an earlier run left here, before a new one begins. Raises :class:`CrawlmillError`."""

    def reopen(self) -> None:
        """Take the finished result that stands here, to write it again. Errors as of :meth:`claim`."""

    def tidy(self, report: Mapping[str, Any]) -> None:
        """Remove what is not part of the finished result that the report tells of: the rest of a run that was killed."""

    def open(self, identity: Mapping[str, object], plan: Plan) -> None:
        """Make ready for tables. Raises :class:`CrawlmillError`."""

    def sink(self, name: str, schema: Schema) -> Sink:
        """Takes the rows of a table."""

    def files(self, names: list[str]) -> dict[str, str]:
        """What each table is called here."""

    def commit(self, report: Mapping[str, Any]) -> None:
        """All tables are whole: make them the result, the report last. Raises :class:`CrawlmillError`."""

    def abort(self) -> None:
        """There will be no result: leave no half of one."""

    def tables(self, file: str, schema: Schema) -> Iterator[pa.Table]:
        """A table of the finished run, by what it is called here, as tables of some rows each, at least one."""

    def close(self) -> None:
        """Let others in. A run that did not come to a plan leaves nothing of its own."""
