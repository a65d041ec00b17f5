"""The local engine: splits over worker processes (or threads) of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from crawlmill.errors import UsageError
from crawlmill.guard.pool import Order, Pool, Progress, tell
from crawlmill.guard.worker import run_split
from crawlmill.plan.split import Split
from crawlmill.sources import STDIN
from crawlmill.task import Job


def run_splits(
    job: Job,
    orders: Sequence[Order],
    workers: int,
    pool: str = "process",
    record_timeout: float | None = None,
    progress: Progress | None = None,
) -> None:
    """Write the partial of every order.

    Args:
        job: what is asked.
        orders: the splits and the paths of their partials.
        workers: processes or threads.
        pool: ``process`` or ``thread``.
        record_timeout: seconds after which an analysis that is still on one record is ended (processes only).
        progress: told ``(index of the order or -1, bytes read of it)`` now and then; -1 when an order is done.

    Raises:
        CrawlmillError: reading failed, or workers die without an analysis being at work.
    """
    if pool not in ("process", "thread"):
        raise UsageError(f"no pool is called {pool!r}", hint="use process or thread")
    if pool == "thread" and record_timeout is not None:
        raise UsageError("a thread cannot be ended", hint="use --pool process with --record-timeout")
    here = [order for order in orders if order.split.uri == STDIN]
    for order in here:  # standard input is ours, not a worker's
        run_split(job, order.split, order.part)
        tell(progress, order)
    rest = [order for order in orders if order.split.uri != STDIN]
    if not rest:
        return
    if pool == "thread":
        _run_threads(job, rest, workers, progress)
    else:
        Pool(job, rest, min(workers, len(rest)), record_timeout, progress).run()


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


def make_orders(splits: Sequence[Split], part_of: Callable[[Split], str]) -> list[Order]:
    """Orders for the splits whose partial is not there yet."""
    return [Order(split, part_of(split)) for split in splits if not os.path.exists(part_of(split))]
