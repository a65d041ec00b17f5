"""The local engine: splits over worker processes (or threads) of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from crawlmill.engines import Work
from crawlmill.engines.telling import Fraction, told
from crawlmill.errors import UsageError
from crawlmill.guard.pool import Order, Pool, Progress, tell
from crawlmill.guard.worker import run_split
from crawlmill.identity import own_digest
from crawlmill.task import Job


@dataclass(frozen=True)
class Local:
    """This machine.

    Attributes:
        workers: processes or threads; None for one a CPU.
        pool: ``process`` or ``thread``.
        record_timeout: seconds after which an analysis that is still on one record is ended (processes only).
    """

    workers: int | None = None
    pool: str = "process"
    record_timeout: float | None = None
    keeps_partials = True
    split_size = None

    def __post_init__(self) -> None:
        if self.pool not in ("process", "thread"):
            raise UsageError(f"no pool is called {self.pool!r}", hint="use process or thread")
        if self.pool == "thread" and self.record_timeout is not None:
            raise UsageError("a thread cannot be ended", hint="use --pool process with --record-timeout")

    def run(self, work: Work) -> list[str]:
        """Write the partials that are not there yet. Raises :class:`CrawlmillError` when reading failed, or when workers
        die without an analysis being at work."""
        with told(work, "local") as progress:
            self._run(work, progress)
        return list(work.parts.values())

    def _run(self, work: Work, progress: Fraction) -> None:
        streams = work.plan.streams  # ours, not a worker's; what an ended run read of one is not what it holds now
        orders: list[Order] = []
        for split, part in work.parts.items():
            orders.append(Order(split, part))
            if split.uri not in streams and os.path.exists(part):
                progress.skip(orders.pop().size)
        for order in orders:
            if order.split.uri in streams:
                run_split(work.job, order.split, order.part)
                tell(progress, order)
        rest = [order for order in orders if order.split.uri not in streams]
        workers = min(self.workers or os.cpu_count() or 1, len(rest))
        if rest and self.pool == "thread":
            _run_threads(work.job, rest, workers, progress)
        elif rest:
            Pool(work.job, rest, workers, self.record_timeout, progress, own_digest()).run()

    def commands(self, work: Work) -> list[str]:
        """Raises :class:`UsageError`: nothing is submitted."""
        raise UsageError("--dry-run prints the commands of a cluster", hint="add --on hadoop")


def _run_threads(job: Job, orders: Sequence[Order], workers: int, progress: Progress | None) -> None:
    with ThreadPoolExecutor(workers, thread_name_prefix="crawlmill") as threads:
        waiting = {threads.submit(run_split, job, order.split, order.part): order for order in orders}
        try:
            for done in as_completed(waiting):
                done.result()
                tell(progress, waiting[done])
        except BaseException:
            for future in waiting:
                future.cancel()
            raise
