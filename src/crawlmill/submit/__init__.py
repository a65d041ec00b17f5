"""A program that was started: its events, its end, and its kill. It knows no Hadoop and no Spark: what a line of a log means,
and how an application on a cluster is ended, an engine says with :class:`Patterns`.

* :func:`start` starts a program and returns a :class:`Handle`, which can be asked, awaited and cancelled, from any thread;
* :func:`follow` does the same and blocks: events are handed on, and the program is cancelled when we are stopped;
* :class:`Event` is what happened, as a line of JSON; :func:`recorded` writes those of a run, :func:`read_events` reads them;
* :func:`make_gone` ends what a run that was killed has left, from its events alone.
"""

from crawlmill.submit.events import Event, EventFile, read_events, recorded
from crawlmill.submit.follow import follow
from crawlmill.submit.gone import Cluster, make_gone
from crawlmill.submit.handle import Handle, start
from crawlmill.submit.patterns import Patterns, Reason, Seen, new_program

__all__ = [
    "Cluster", "Event", "EventFile", "Handle", "Patterns", "Reason", "Seen", "follow", "make_gone", "new_program",
    "read_events", "recorded", "start",
]  # fmt: skip
