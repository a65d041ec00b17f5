"""Analyses that behave badly, for the tests of the engines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from crawlmill import Record, analysis
from crawlmill.reducers import rows, total


@analysis(reduce=total, key="kind: string", value="records: int64", types="response")
def crashes(record: Record) -> Iterator[tuple[str, int]]:
    """Ends its process on some pages, as a crash in a native parser does."""
    if "/crash" in (record.url or ""):
        os._exit(11)
    yield "read", 1


@analysis(reduce=total, key="kind: string", value="records: int64", types="response")
def hangs(record: Record) -> Iterator[tuple[str, int]]:
    """Never comes back from some pages."""
    while "/hang" in (record.url or ""):
        time.sleep(1)
    yield "read", 1


@analysis(reduce=total, key="kind: string", value="records: int64", types="response")
def raises(record: Record) -> Iterator[tuple[str, int]]:
    """Raises on some pages, after a first pair that must not count."""
    yield "read", 1
    if "/raise" in (record.url or ""):
        raise ValueError("a page\nthat cannot be")


@analysis(reduce=total, key="kind: string", value="records: int64", types="response")
def wrong_type(record: Record) -> Iterator[tuple[str, object]]:
    """Yields what its declaration does not allow."""
    yield "read", True


@analysis(reduce=rows, key="url: string", value="size: int64, where: string", types="response")
def table(record: Record) -> Iterator[tuple[str, tuple[int, str]]]:
    """A row a response, large enough to spill."""
    yield record.url or "", (len(record.body), "x" * 400)


@analysis(reduce=total, key="kind: string", value="bytes: int64", types="response")
def slow_bodies(record: Record, *, milliseconds: int = 10) -> Iterator[tuple[str, int]]:
    """Takes its time, so that a test can end the run in the middle."""
    time.sleep(milliseconds / 1000)
    yield record.mime or "", len(record.body)


@analysis(reduce=total, key="kind: string", value="records: int64", types="response")
def hungry(record: Record) -> Iterator[tuple[str, int]]:
    """Takes a gigabyte of memory for a while, more than a container may."""
    held = b"x" * (1 << 30)
    time.sleep(20)
    yield "read", len(held) >> 30


@analysis(
    reduce=total, key="folder: string, package: string", value="records: int64", types="response", depends="resiliparse"
)
def parser_home(record: Record) -> Iterator[tuple[tuple[str, str], int]]:
    """Where the HTML parser was found, seen from the working folder of the task."""
    import resiliparse

    folder, _, package = os.path.relpath(resiliparse.__file__).partition(os.sep)
    yield (folder, package.rpartition("site-packages")[2]), 1


class SlowTotal:
    """``total``, with a merge that takes the milliseconds in SLOW_MERGES."""

    __name__ = "slow_total"
    start, merge, dump, finish = map(staticmethod, (total.start, total.merge, total.dump, total.finish))
    check = staticmethod(total.check)

    @staticmethod
    def load(value: int) -> int:
        time.sleep(int(os.environ.get("SLOW_MERGES", "0")) / 1000)
        return total.load(value)


@analysis(reduce=SlowTotal(), key="url: string", value="records: int64", types="response")
def slow_merges(record: Record) -> Iterator[tuple[str, int]]:
    """Takes its time where lines of several tasks are merged."""
    yield record.url or "", 1
