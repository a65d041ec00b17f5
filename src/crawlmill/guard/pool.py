"""Splits over guarded worker processes: a record that hangs or kills a worker costs a damage row, and the rest is kept."""

from __future__ import annotations

import json
import mmap
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Callable

from crawlmill import jobspec
from crawlmill.errors import CrawlmillError, DamageLimit, UsageError
from crawlmill.guard.worker import MARK_BYTES
from crawlmill.plan.split import Split
from crawlmill.scratch import Scratch
from crawlmill.task import Job

TRIES = 3
"""Deaths of a worker outside any analysis after which the run gives up."""
POLL = 0.1  # seconds
Progress = Callable[[int, int], None]


@dataclass
class Order:
    """A split to be read: where its partial goes, and what ended earlier tries."""

    split: Split
    part: str
    skip: dict[tuple[int, int, int], str] = field(default_factory=dict)
    blamed: dict[tuple[int, int, int], int] = field(default_factory=dict)
    deaths: int = 0

    @property
    def size(self) -> int:
        """Bytes that are read; 0 where that is not known."""
        split = self.split
        if split.size is None and split.file_size is not None:
            return split.file_size - split.start  # to its end
        return split.size or 0


def tell(progress: Progress | None, order: Order) -> None:
    """Say that an order is done."""
    if progress is not None:
        progress(-1, order.size)


class _Worker:
    """A worker process, the order it has, and the mark that says which record it is at."""

    def __init__(self, folder: str, number: int, job: str, code: str | None) -> None:
        path = os.path.join(folder, f"mark{number}")
        with open(path, "wb") as file:
            file.write(b"\x00" * MARK_BYTES)
        with open(path, "r+b") as file:
            self.mark = memoryview(mmap.mmap(file.fileno(), MARK_BYTES)).cast("q")
        command = [sys.executable, "-m", "crawlmill.guard.worker", path]
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        self.order: Order | None = None
        self.seen, self.since = -1, 0.0
        self.timed_out = False
        self.send({"job": job, "crawlmill": code})

    def send(self, message: dict[str, object]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its end is noticed where its answer is awaited

    def give(self, order: Order) -> None:
        self.order, self.since, self.timed_out = order, time.monotonic(), False
        self.mark[3] = -1
        skip = [[*where, kind] for where, kind in order.skip.items()]
        self.send({"split": order.split.to_json(), "part": order.part, "skip": skip})

    def at_work(self) -> bool:
        """Whether an analysis is at a record."""
        return self.mark[3] >= 0

    def place(self) -> tuple[int, int, int]:
        return self.mark[1], self.mark[2], self.mark[3]

    def overdue(self, limit: float) -> bool:
        """Whether the analysis has been on one record for longer than ``limit`` seconds."""
        now = time.monotonic()
        if not self.at_work() or self.mark[0] != self.seen:
            self.seen, self.since = self.mark[0], now
            return False
        return now - self.since > limit

    def end(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass
        self.process.kill()
        self.process.wait()
        self.mark.release()


class Pool:
    """Worker processes that take orders until none is left.

    Args:
        job: what is asked of every split.
        orders: the splits.
        workers: how many processes.
        limit: seconds that an analysis may be on one record; None for no limit.
        progress: told as :class:`crawlmill.engines.Work` has it.
        code: the digest of crawlmill's own code that each worker must have; None where it cannot change.
    """

    def __init__(
        self,
        job: Job,
        orders: Sequence[Order],
        workers: int,
        limit: float | None,
        progress: Progress | None,
        code: str | None = None,
    ) -> None:
        self._job = jobspec.to_json(job)
        self._names = [analysis.name for analysis in job.analyses]
        self._waiting: deque[Order] = deque(orders)
        self._count, self._limit, self._progress = workers, limit, progress
        self._workers: dict[int, _Worker] = {}
        self._started, self._code = 0, code

    def run(self) -> None:
        """Until every order is done."""
        with Scratch() as folder, selectors.DefaultSelector() as ready:
            self._folder, self._ready = folder, ready
            try:
                for _ in range(self._count):
                    self._start()
                while self._workers:
                    self._wait()
            finally:
                for worker in self._workers.values():
                    worker.end()

    def _start(self) -> None:
        worker = _Worker(self._folder, self._started, self._job, self._code)
        self._started += 1
        assert worker.process.stdout is not None
        file = worker.process.stdout.fileno()
        self._workers[file] = worker
        self._ready.register(file, selectors.EVENT_READ)
        self._next(file, worker)

    def _next(self, file: int, worker: _Worker) -> None:
        if self._waiting:
            worker.give(self._waiting.popleft())
        else:
            self._remove(file)

    def _remove(self, file: int) -> None:
        self._ready.unregister(file)
        self._workers.pop(file).end()

    def _wait(self) -> None:
        for key, _ in self._ready.select(POLL):
            worker = self._workers[key.fd]
            assert worker.process.stdout is not None and worker.order is not None
            line = worker.process.stdout.readline()
            if not line:
                self._died(key.fd, worker)
                continue
            answer = json.loads(line)
            if "error" in answer:
                code, what, where, hint = answer["error"]
                kinds = {2: UsageError, 3: DamageLimit}
                raise kinds.get(code, CrawlmillError)(what, where, hint)
            tell(self._progress, worker.order)
            worker.order = None
            self._next(key.fd, worker)
        for index, worker in enumerate(list(self._workers.values())):
            if self._limit is not None and worker.overdue(self._limit):
                worker.timed_out = True
                worker.process.kill()
            elif self._progress is not None and worker.order is not None and worker.at_work():
                self._progress(index, max(0, worker.mark[1] - worker.order.split.start))

    def _died(self, file: int, worker: _Worker) -> None:
        """A worker is gone. What it was at is tried again; a record that ends two of them, or one by its time, is blamed."""
        order, place, at_work = worker.order, worker.place(), worker.at_work()
        code = worker.process.wait()
        timed_out = worker.timed_out
        self._remove(file)
        assert order is not None
        if at_work:
            order.blamed[place] = order.blamed.get(place, 0) + 1
            if timed_out or order.blamed[place] > 1:
                order.skip[place] = "timeout" if timed_out else "crash"
        else:
            order.deaths += 1
            if order.deaths >= TRIES:
                raise CrawlmillError(
                    f"{order.deaths} workers ended here (exit {code})",
                    f"{order.split.uri}@{order.split.start}",
                    "is there enough memory?",
                )
        self._waiting.appendleft(order)
        self._start()
