"""After a run that was killed: what it started and nobody ended is found by the events that it recorded, and ended."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from crawlmill.errors import CrawlmillError
from crawlmill.submit.events import Event
from crawlmill.submit.processes import kill_all, members, started_at

PATIENCE = 120.0
"""Seconds that a cluster has to end an application."""


class Cluster(Protocol):
    """What a cluster is asked."""

    def alive(self, program: str, known: Iterable[str]) -> list[str]:
        """The applications of a program that have not ended: those known by id, and those tagged with its name.

        Raises:
            CrawlmillError: the cluster does not say.
        """

    def kill(self, application: str) -> str | None:
        """Ask for the end of an application; why that was not possible, else None. What is not there or has ended is no error."""

    def clean(self, program: str) -> None:
        """Remove the files that a program which has ended left on the cluster."""


@dataclass
class Left:
    """A program that may still run, as its events tell.

    Attributes:
        program: its name.
        engine: the engine that started it, if it was one.
        host: the machine that it was started on.
        cluster: what runs its applications; None when it has none.
        pid, pid_started: its first process.
        applications: ids that its log named.
        ended: whether its processes have ended.
    """

    program: str
    engine: str | None = None
    host: str | None = None
    cluster: str | None = None
    pid: int | None = None
    pid_started: str | None = None
    applications: list[str] = field(default_factory=list)
    ended: bool = False


def left_by(events: Iterable[Event]) -> list[Left]:
    """Programs that were started and have not succeeded.

    >>> left_by([Event("starting", "submitted", program="a"), Event("ended", "succeeded", program="a"),
    ...          Event("starting", "submitted", program="b", cluster="yarn")])[0].program
    'b'
    """
    found: dict[str, Left] = {}
    for event in events:
        if event.program is None:
            continue
        one = found.setdefault(event.program, Left(event.program))
        for name in ("engine", "host", "cluster", "pid", "pid_started"):
            if (value := getattr(event, name)) is not None:
                setattr(one, name, value)
        if event.application is not None and event.application not in one.applications:
            one.applications.append(event.application)
        one.ended = event.kind == "ended"
        if one.ended and event.state == "succeeded":
            del found[event.program]
    return list(found.values())


def make_gone(events: Iterable[Event], cluster_of: Callable[[Left], Cluster], patience: float = PATIENCE) -> list[str]:
    """Make sure that nothing runs of what an earlier run started: its processes are killed, its applications ended.

    Args:
        events: those that the run recorded.
        cluster_of: what is asked for the applications of a program, where it can have some.
        patience: seconds that the cluster has to end an application.

    Returns:
        The names of programs and applications that had to be ended.

    Raises:
        CrawlmillError: it is not sure. A process runs on another machine, or cannot be killed; the cluster does not say, or does
            not end an application.
    """
    ended = []
    for one in left_by(events):
        if not one.ended and _end_processes(one):
            ended.append(one.program)
        if one.cluster is not None:
            cluster = cluster_of(one)
            ended += _end_applications(one, cluster, patience)
            cluster.clean(one.program)
    return ended


def _end_processes(one: Left) -> bool:
    """Kill what runs of a program here; whether there was something."""
    here = socket.gethostname()
    if one.host not in (None, here):
        raise CrawlmillError(
            f"{one.program} was started on {one.host}, and cannot be ended from {here}", hint=f"go on there: {one.host}"
        )
    same = one.pid is not None and one.pid_started is not None and started_at(one.pid) == one.pid_started

    def alive() -> list[int]:
        return [pid for pid in members(one.program, one.pid if same else None) if pid != os.getpid()]

    if not alive():
        return False
    if not kill_all(alive):
        raise CrawlmillError(f"process {alive()[:1]} of {one.program} cannot be ended", hint="end it, then go on")
    return True


def _end_applications(one: Left, cluster: Cluster, patience: float) -> list[str]:
    """End its applications, and wait until the cluster says that they have."""
    ended: list[str] = []
    until = time.monotonic() + patience
    while alive := cluster.alive(one.program, one.applications):
        if time.monotonic() > until:
            raise CrawlmillError(f"{alive[0]} of an earlier run does not end", hint="end it, then go on")
        for application in alive:
            if application not in ended:
                cluster.kill(application)
                ended.append(application)
        time.sleep(0.5)
    return ended
