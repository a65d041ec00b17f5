"""How far a run is: a bar with bytes and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crawlmill.drawing import bar_on, note
from crawlmill.units import human

if TYPE_CHECKING:
    from rich.progress import Progress

    from crawlmill.plan.planner import Plan

EVERY = 10.0
"""Seconds between two plain lines."""


class Bar:
    """Counts what the engine tells: bytes of finished splits, and where each worker is in its own."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar, self._task = bar, None if bar is None else bar.add_task("reading", total=None)
        self._total = self._done = self._splits = self._of = 0
        self._partly: dict[int, int] = {}
        self._started = self._said = time.monotonic()

    def planned(self, plan: Plan) -> None:
        """What is to be read."""
        self._total, self._of = plan.size, len(plan.splits)
        if plan.twice:
            note(f"{len(plan.twice)} inputs are named twice and read once")

    def told(self, worker: int, count: int) -> None:
        """A worker is ``count`` bytes into its split; or, as worker -1, a split of that many bytes is done."""
        if worker < 0:
            self._done += count
            self._splits += 1
            self._partly.clear()
        else:
            self._partly[worker] = count
        at = min(self._done + sum(self._partly.values()), self._total)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=at, total=self._total or None)
        elif time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            rate = at / (self._said - self._started)
            left = f", {(self._total - at) / rate:.0f} s left" if rate else ""
            note(f"read {human(at)} of {human(self._total)}, {self._splits} of {self._of} splits{left}")


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar on stderr while a run goes on."""
    if not sys.stderr.isatty():
        yield Bar(None)
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    parts = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # What is printed meanwhile passes by rich, which would take escapes in it for its own.
    with (
        bar_on(sys.stderr) as console,
        Progress(*parts, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar,
    ):
        yield Bar(bar)
