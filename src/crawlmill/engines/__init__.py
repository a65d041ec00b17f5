"""Where a job can run: one table of engines, each a module of this package that is imported when it is first used.

An engine moves tasks; it never meets a record. It is right when it passes ``tests/conformance``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from crawlmill.errors import UsageError
from crawlmill.plan.planner import Plan
from crawlmill.plan.split import Split
from crawlmill.submit import Cluster, Event, make_gone
from crawlmill.submit.gone import Left
from crawlmill.task import Job

ENGINES = {"local": "Local", "hadoop": "Hadoop", "mrjob": "MrJob", "spark": "Spark"}
"""Modules of this package, and the class in each that is the engine."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Work:
    """What an engine is given.

    Attributes:
        job: what is asked of every split.
        plan: inputs and splits.
        parts: where the partial of each split belongs, for engines that write one a split.
        scratch: a folder for everything else; it goes when the run is done.
        say: takes lines for the user: progress of a cluster, tracking URLs.
        progress: told ``(worker or -1, bytes)`` now and then; -1 when a split is done.
        event: takes what happens, by :meth:`tell`.
    """

    job: Job
    plan: Plan
    parts: Mapping[Split, str]
    scratch: str
    say: Callable[[str], None] = lambda line: None
    progress: Progress | None = None
    event: Callable[[Event], None] = lambda event: None

    def tell(self, event: Event) -> None:
        """Hand on an event, and its line for the user."""
        self.event(event)
        if event.message is not None:
            self.say(event.message)


class Engine(Protocol):
    """A way to run a job over splits. Implementations are frozen dataclasses of their options."""

    @property
    def keeps_partials(self) -> bool:
        """Whether it writes a partial a split into :attr:`Work.parts`, and leaves alone those that are there. Others do a whole
        batch again."""

    @property
    def split_size(self) -> int | None:
        """Bytes of a split of a large file unless the user says otherwise; None for the planner's own."""

    def run(self, work: Work) -> list[str]:
        """Run all splits; answers files of sorted lines of the wire format, which the caller merges.

        Raises:
            CrawlmillError: the run cannot go on; one line that says why.
        """

    def commands(self, work: Work) -> list[str]:
        """The shell commands that would run it, with all that they need left in :attr:`Work.scratch`.

        Raises:
            UsageError: it runs in this process, without commands.
        """


def engine_class(name: str) -> Callable[..., Engine]:
    """The class of an engine by its name. Raises :class:`UsageError` when there is none.

    >>> engine_class("local")(workers=2).keeps_partials
    True
    """
    if name not in ENGINES:
        raise UsageError(f"no engine is called {name!r}", hint=f"there are {', '.join(ENGINES)}")
    found: Callable[..., Engine] = getattr(importlib.import_module(f"crawlmill.engines.{name}"), ENGINES[name])
    return found


def gone(events: Iterable[Event]) -> list[str]:
    """Make sure that nothing runs of what an earlier run started, whatever became of that run.

    Args:
        events: those that the run recorded (:func:`crawlmill.submit.read_events`). The programs that it started are found by
            their process ids, by their names in the environment of processes, and by the tags of applications: an event
            ``starting`` is enough.

    Returns:
        The names of programs and applications that had to be ended; none when all had ended.

    Raises:
        CrawlmillError: it is not sure, see :func:`crawlmill.submit.make_gone`.
    """
    return make_gone(events, _cluster_of)


def _cluster_of(left: Left) -> Cluster:
    if left.engine not in ENGINES:
        raise UsageError(f"{left.program} was started by an engine that is not here: {left.engine}")
    found: Cluster = importlib.import_module(f"crawlmill.engines.{left.engine}").cluster()
    return found
