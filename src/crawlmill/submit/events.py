"""What happens to a run and to the programs that it starts, as JSON lines: written one by one as it happens, and read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime

from crawlmill.errors import CrawlmillError, UsageError

KINDS = ("run", "starting", "started", "application", "progress", "message", "ended")
"""What an event tells: a run begins or ends; a program is about to be started; it was started; it has an application on a
cluster; how far it is; a line for people; its end."""
STATES = ("submitted", "running", "succeeded", "failed", "killed")
"""States of a run or a program; the last three are ends."""
ENDS = STATES[2:]


def now() -> str:
    """The time in UTC, in milliseconds: ``2026-11-26T16:31:45.123Z``."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class Event:
    """What happened. In JSON a field that is None is left out; readers pass over names that they do not know.

    Attributes:
        kind: one of :data:`KINDS`.
        state: one of :data:`STATES`: of the run where ``kind`` is ``run``, else of the program.
        time: when, in UTC.
        engine: the name of the engine, in ``run`` and ``starting``.
        program: the name of a started program, equal in all of its events; None for work of this process.
        host: the machine that the program runs on, in ``starting``.
        cluster: what runs its applications, in ``starting``: ``yarn``; None when it has none.
        pid: the process, and the process group, in ``started``.
        pid_started: text that differs for another process of the same pid, in ``started``.
        application: the id of the application on the cluster.
        url: where to watch it.
        fraction: of the work that is done, from 0 to 1. It can fall, where a cluster does lost work again.
        stage: what the fraction is about, e.g. ``map`` or ``read``.
        message: a line for people.
        exit_code: of the program, in ``ended``; of the command, in the last ``run``.
        reason: why it failed, in one line.
        hint: what to do next.

    >>> Event("progress", "running", "2026-11-26T16:31:45.123Z", program="crawlmill-1", fraction=0.5, stage="map").to_json()
    '{"time":"2026-11-26T16:31:45.123Z","kind":"progress","state":"running","program":"crawlmill-1","fraction":0.5,"stage":"map"}'
    >>> Event.from_json('{"time":"","kind":"ended","state":"failed","exit_code":1,"other":0}').exit_code
    1
    """

    kind: str
    state: str
    time: str = field(default_factory=now)
    engine: str | None = None
    program: str | None = None
    host: str | None = None
    cluster: str | None = None
    pid: int | None = None
    pid_started: str | None = None
    application: str | None = None
    url: str | None = None
    fraction: float | None = None
    stage: str | None = None
    message: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    hint: str | None = None

    def to_json(self) -> str:
        """One line of JSON, without its end."""
        told = {"time": self.time, **{name: value for name, value in vars(self).items() if value is not None}}
        return json.dumps(told, separators=(",", ":"))

    @staticmethod
    def from_json(line: str) -> Event:
        """The event of a line. Raises :class:`ValueError` when it is none."""
        told = json.loads(line)
        if not isinstance(told, dict) or told.get("kind") not in KINDS or told.get("state") not in STATES:
            raise ValueError("no event")
        return Event(**{name: value for name, value in told.items() if name in _NAMES})


_NAMES = frozenset(item.name for item in fields(Event))


class EventFile:
    """Events as lines at the end of a file, each written whole and at once: ``tail -f`` shows them.

    Args:
        path: the file; ``-`` for standard output.

    Raises:
        UsageError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._name = "standard output" if path == "-" else path
        try:
            self._file = os.dup(1) if path == "-" else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise UsageError(f"events cannot be written: {error.strerror}", path, "name another file") from None
        if path != "-" and _is_torn(path):
            self._put(b"\n")  # what a run that was killed left unfinished must not take our first line along

    def write(self, event: Event) -> None:
        """Add a line. Raises :class:`CrawlmillError` when it cannot be written, BrokenPipeError when no reader is left."""
        self._put(event.to_json().encode("ascii") + b"\n")
        if event.kind in (
            "starting",
            "application",
        ):  # an application outlives this machine, and is to be found after that
            with suppress(OSError):  # a pipe has no disk
                os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _put(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CrawlmillError(f"events cannot be written: {error.strerror}", self._name) from None


def _is_torn(path: str) -> bool:
    """Whether a file ends within a line; a pipe or a device does not."""
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def read_events(path: str) -> Iterator[Event]:
    """The events of a file, in order. A line that is no event, as a run leaves that was killed while it wrote, is passed over.

    Raises:
        CrawlmillError: the file cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    yield Event.from_json(line)
                except (ValueError, TypeError):
                    continue
    except OSError as error:
        raise CrawlmillError(f"cannot read: {error.strerror}", path) from error


@contextmanager
def recorded(path: str, engine: str) -> Iterator[Callable[[Event], None]]:
    """What writes the events of a run while the block runs; the first says that the run begins, the last how it ended.

    Args:
        path: as :class:`EventFile` has it.
        engine: the name of the engine.

    Raises:
        UsageError: the file cannot be opened. CrawlmillError: it cannot be written.
    """
    file = EventFile(path)
    try:
        try:
            file.write(Event("run", "running", engine=engine))
            yield file.write
        except BaseException as error:
            _write_failure(file, error, engine)
            raise
        file.write(Event("run", "succeeded", engine=engine, exit_code=0))
    finally:
        file.close()


def _write_failure(file: EventFile, error: BaseException, engine: str) -> None:
    if isinstance(error, CrawlmillError):
        reason = error.what if error.where is None else f"{error.where}: {error.what}"
        last = Event("run", "failed", engine=engine, exit_code=error.exit_code, reason=reason, hint=error.hint)
    elif isinstance(error, KeyboardInterrupt):
        last = Event("run", "killed", engine=engine, exit_code=130, reason="interrupted")
    else:
        last = Event("run", "failed", engine=engine, exit_code=1, reason=f"{type(error).__name__}: {error}")
    with suppress(CrawlmillError, OSError):  # what ended the run is the error to be seen
        file.write(last)
