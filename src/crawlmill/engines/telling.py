"""Events of work that is done in this process, without a program: its begin, how far it is, its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from crawlmill.engines import Work
from crawlmill.errors import CrawlmillError
from crawlmill.submit import Event


@contextmanager
def told(work: Work, engine: str) -> Iterator[Fraction]:
    """Tell the begin and the end of the block as events. What it gets says how far the work is, as :attr:`Work.progress`."""
    work.tell(Event("started", "running", engine=engine))
    try:
        yield Fraction(work)
    except CrawlmillError as error:
        work.event(Event("ended", "failed", engine=engine, reason=error.what, hint=error.hint))
        raise
    except KeyboardInterrupt:
        work.event(Event("ended", "killed", engine=engine))
        raise
    work.tell(Event("ended", "succeeded", engine=engine, fraction=1.0))


class Fraction:
    """How much is read: of the bytes, or of the splits where a size is not known. An event tells each percent once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._sized = all(item.size is not None for item in work.plan.inputs) and work.plan.size > 0
        self._of = work.plan.size if self._sized else len(work.plan.splits)
        self._done = 0
        self._partly: dict[int, int] = {}
        self._percent = -1

    def __call__(self, worker: int, count: int) -> None:
        """A worker is ``count`` bytes into its split; or, as worker -1, a split of that many bytes is done."""
        if self._work.progress is not None:
            self._work.progress(worker, count)
        if worker < 0:
            self.skip(count)
            return
        if self._sized:
            self._partly[worker] = count
        self._tell()

    def skip(self, count: int) -> None:
        """A split of that many bytes was done before, or is now."""
        self._done += count if self._sized else 1
        self._partly.clear()
        self._tell()

    def _tell(self) -> None:
        percent = 100 * min(self._done + sum(self._partly.values()), self._of) // max(self._of, 1)
        if percent > self._percent:
            self._percent = percent
            self._work.tell(Event("progress", "running", fraction=percent / 100, stage="read"))
