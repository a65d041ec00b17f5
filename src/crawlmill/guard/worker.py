"""A guarded worker: takes splits as JSON lines on standard input, writes partials, says when each is done."""

from __future__ import annotations

import json
import mmap
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from crawlmill import jobspec
from crawlmill.errors import CrawlmillError
from crawlmill.mapside import map_side
from crawlmill.own import imports
from crawlmill.partial import reducers_of, write_partial
from crawlmill.plan.split import Split
from crawlmill.stores import patience
from crawlmill.task import Job, Skip, said
from crawlmill.terminal import guard

MARK_BYTES = 32


def run_split(job: Job, split: Split, part: str, mark: memoryview | None = None, skip: Skip | None = None) -> None:
    """Read one split and write its partial, whole or not at all, in bounded memory."""
    write_partial(part, map_side(job, [split], mark=mark, skip=skip), reducers_of(job.analyses))


def main() -> None:
    """``python -m crawlmill.guard.worker MARK``: MARK is a file of 32 bytes that says which record is being read."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an analysis prints must not stand among our replies
    guard()
    with open(sys.argv[1], "r+b") as file:
        mark = memoryview(mmap.mmap(file.fileno(), MARK_BYTES)).cast("q")
    patience.outside = lambda: _not_at_work(mark)
    orders: queue.Queue[dict[str, object]] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    job: Job | None = None
    while True:
        order = orders.get()
        try:
            if "job" in order:
                _hold(order["crawlmill"])
                job = jobspec.from_json(str(order["job"]))
                imports.seal()
                continue
            assert job is not None
            _obey(order, job, mark)
            answer: dict[str, object] = {"done": order["part"]}
        except CrawlmillError as error:
            answer = {"error": [error.exit_code, error.what, error.where, error.hint]}
        except MemoryError:
            os._exit(137)  # seen by the parent as a crash, which costs the record and not the run
        except Exception as error:  # a fault of ours: said, where a dead worker leaves the parent to guess
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{os.path.basename(place.filename)}:{place.lineno}"
            answer = {"error": [1, f"a fault in crawlmill at {where}: {said(error)}", None, "please report it"]}
        _answer(replies, answer)


def _hold(code: object) -> None:
    """Raise :class:`CrawlmillError` when crawlmill's own code has another digest than this."""
    if code is not None:
        from crawlmill.identity import own_digest

        if own_digest() != code:
            raise CrawlmillError("crawlmill itself changed while the run was going on", hint="begin the run anew")


def _obey(order: dict[str, object], job: Job, mark: memoryview) -> None:
    skip = {(offset, ordinal, index): kind for offset, ordinal, index, kind in order["skip"]}  # type: ignore[attr-defined]
    mark[3] = -1
    run_split(job, Split.from_line(str(order["split"])), str(order["part"]), mark, skip)


@contextmanager
def _not_at_work(mark: memoryview) -> Iterator[None]:
    """Say that no analysis is at work while a store is asked, which may take long: the record is not to blame."""
    index, mark[3] = mark[3], -1
    try:
        yield
    finally:
        mark[3] = index


def _answer(replies: IO[str], answer: dict[str, object]) -> None:
    replies.write(json.dumps(answer) + "\n")
    replies.flush()


def _listen(orders: queue.Queue[dict[str, object]]) -> None:
    for line in sys.stdin.buffer:
        orders.put(json.loads(line))
    os._exit(0)  # the parent has gone, or is done with us


if __name__ == "__main__":
    main()
