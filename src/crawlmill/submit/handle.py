"""A program that was started: followed by a thread of its own, so that it can be asked and cancelled from any other."""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import time
from _thread import start_new_thread
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from crawlmill.submit.events import ENDS, Event
from crawlmill.submit.logs import Cutter, Kept
from crawlmill.submit.patterns import Patterns, Reason, Seen, new_program
from crawlmill.submit.processes import MARK, kill_all, members, send, started_at

GRACE = 3.0
"""Seconds that a program which is cancelled has to end by itself, before it is killed."""
DRAIN = 2.0
"""Seconds in which the last lines of a program that has ended are read, where something else holds its output open."""
HISTORY = 4096
"""Events that are kept for those who ask later."""
_POLL = 0.05
_alive: set[Handle] = set()


def starting(program: str, patterns: Patterns) -> Event:
    """The event to record before a program is started: whatever is killed after that, the program can be found."""
    return Event(
        "starting", "submitted", engine=patterns.engine, program=program, host=socket.gethostname(), cluster=patterns.cluster
    )  # fmt: skip


def start(
    words: Sequence[str], environment: Mapping[str, str], patterns: Patterns | None = None, program: str | None = None
) -> Handle:
    """Start a program in a process group of its own, without standard input, and return at once.

    Args:
        words: the program and its arguments.
        environment: its environment; the name of the program is added.
        patterns: what its log means, and how its application is ended.
        program: its name, of :func:`crawlmill.submit.patterns.new_program`; None for a new one.

    Returns:
        A handle. A program that cannot be started has failed, with the reason.
    """
    return Handle(words, environment, patterns or Patterns(), program or new_program())


class Handle:
    """A started program, followed by a thread. What is asked never waits; every method may be called from any thread.

    In a ``with`` block, the program is cancelled at the end of the block when it still runs; without one, when this process
    ends. The last lines of its log are kept, however much it prints.

    Attributes:
        program: its name.

    >>> with start(["sh", "-c", "echo working; exit 3"], {"PATH": os.environ["PATH"]}) as handle:
    ...     handle.wait(), handle.exit_code, handle.tail
    ('failed', 3, ['working'])
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], patterns: Patterns, program: str) -> None:
        self.program = program
        self._words, self._patterns = list(words), patterns
        self._environment = {**environment, MARK: program}
        self._history: deque[tuple[int, Event]] = deque(maxlen=HISTORY)
        self._count = 0
        self._state = "submitted"
        self._seen = Seen()
        self._exit_code: int | None = None
        self._reason: Reason | None = None
        self._kept = Kept(patterns.notable)
        self._cancelled = False
        self._process: subprocess.Popen[bytes] | None = None
        _alive.add(self)
        start_new_thread(self._live, ())

    # ---- asked

    @property
    def state(self) -> str:
        """One of :data:`crawlmill.submit.events.STATES`."""
        return self._state

    def poll(self) -> str | None:
        """The state when it has ended, else None."""
        return self._state if self._state in ENDS else None

    @property
    def fraction(self) -> float | None:
        """How much is done, from 0 to 1; None while nothing is known."""
        return self._seen.fraction

    @property
    def application(self) -> str | None:
        """The id of its application, once it is known."""
        return self._seen.application

    @property
    def url(self) -> str | None:
        """Where to watch it, once it is known."""
        return self._seen.url

    @property
    def tail(self) -> list[str]:
        """The last lines of its log, 200 at most."""
        return self._kept.tail

    @property
    def exit_code(self) -> int | None:
        """Of the program; below 0 the signal that ended it; None while it runs, or when it could not be started."""
        return self._exit_code

    @property
    def reason(self) -> Reason | None:
        """Why it failed; None when it has not."""
        return self._reason

    def events(self, since: int = 0) -> Iterator[Event]:
        """What happened and happens, in order, until the program has ended; waits for what is to come.

        Args:
            since: how many events to pass over. Of a very long history the first may be gone.
        """
        at = since
        while True:
            ended = self.poll() is not None  # asked first: nothing comes after the end
            for number, event in self._history.copy() if at < self._count else ():
                if number >= at:
                    at = number + 1
                    yield event
            if ended:
                return
            if at >= self._count:
                time.sleep(_POLL)

    def wait(self, timeout: float | None = None) -> str | None:
        """Wait for the end; the state then, or None when it still runs after so many seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None and (until is None or time.monotonic() < until):
            time.sleep(_POLL)
        return self.poll()

    # ---- ended

    def cancel(self, timeout: float | None = None) -> str | None:
        """End the program, with all processes that it started, and its application; nothing when it has ended already.

        Args:
            timeout: seconds to wait for the end; None for as long as it takes, 0 to return at once.

        Returns:
            The state when it has ended: ``killed``, or what it came to before; else None.
        """
        self._cancelled = True
        return self.wait(timeout)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            self.cancel()

    # ---- the thread. It alone writes, and nobody takes a lock: one that Ctrl-C left taken would stop all. It also makes the
    # process, which an exception in the main thread could lose otherwise.

    def _live(self) -> None:
        try:
            self._follow()
        except BaseException as error:  # a fault of ours must not leave anybody waiting
            if (process := self._process) is not None:
                kill_all(lambda: members(self.program, process.pid))
            self._end("failed", Reason(f"a fault in crawlmill: {type(error).__name__}: {error}", "please report it"))

    def _follow(self) -> None:
        if self._cancelled:
            self._end("killed")
            return
        try:
            process = self._process = subprocess.Popen(
                self._words, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._end("failed", Reason(f"{self._words[0]} cannot be started: {error.strerror}"))
            return
        self._tell("started", pid=process.pid, pid_started=started_at(process.pid))
        assert process.stdout is not None
        with process.stdout as output:
            clean = self._read(process, output)
        self._exit_code = process.wait()
        self._conclude(clean)

    def _read(self, process: subprocess.Popen[bytes], output: IO[bytes]) -> bool:
        """Read its lines until nothing of it is left. Returns whether it ended by itself."""
        cutter, file = Cutter(), output.fileno()
        os.set_blocking(file, False)
        asked: float | None = None  # when it was told to end
        ended = closed = False
        until = 0.0
        while not (ended and (closed or time.monotonic() > until)):
            data = _data(file, 0.0 if closed else _POLL)
            if closed:
                time.sleep(_POLL)
            closed = closed or data == b""
            for line in cutter.feed(data or b""):
                self._line(line)
            if not ended and _exited(process.pid):
                self._end_rest(process)
                ended, until = True, time.monotonic() + DRAIN
            elif not ended and self._cancelled:
                if asked is None:
                    asked = time.monotonic()
                    send(members(self.program, process.pid) or [process.pid], signal.SIGTERM)
                elif time.monotonic() - asked > GRACE:
                    _kill_group(process.pid)
        for line in cutter.rest():
            self._line(line)
        return asked is None

    def _end_rest(self, process: subprocess.Popen[bytes]) -> None:
        """What the first process left behind ends with it. It is not reaped yet, so its pid is nobody else's."""
        _kill_group(process.pid)
        kill_all(lambda: [pid for pid in members(self.program, process.pid) if pid != process.pid])

    def _line(self, line: str) -> None:
        self._kept.add(line)
        seen = self._patterns.read(line)
        if seen is None:
            return
        before = self._seen
        found = {name: value for name, value in seen._asdict().items() if value is not None and value is not False}
        self._seen = before._replace(**found)
        message = seen.message
        if seen.application or seen.url:
            known = (before.application, before.url) == (self._seen.application, self._seen.url)
            if not known:
                self._tell("application", message, application=self.application, url=self.url)
        elif seen.fraction is not None or seen.stage is not None:
            self._state = "running"
            if (seen.fraction, seen.stage, message) != (before.fraction, before.stage, before.message):
                self._tell("progress", message, fraction=seen.fraction, stage=seen.stage)
        elif message:
            self._tell("message", message)

    def _conclude(self, clean: bool) -> None:
        """End its application where it may run on, and say how it ended."""
        if clean and self._exit_code == 0:
            self._seen = self._seen._replace(fraction=1.0)
            self._end("succeeded")
            return
        if self._patterns.kill is not None and not self._seen.over:
            for application in self._applications(clean):
                name = self._patterns.named(application)
                self._tell("message", f"killing {name}")
                if why := self._patterns.kill(application):
                    self._tell("message", f"{name} may still run: {why}")
        if clean:
            self._end("failed", self._patterns.explain(self.application, self._kept.lines))
        else:
            self._end("killed")

    def _applications(self, clean: bool) -> list[str]:
        """Those that may run on. One that was cancelled is named by its log; a program that failed may have lost its own, or
        it was never accepted."""
        if not clean and self.application is not None:
            return [self.application]
        told_all = clean and self.application is None and (self._exit_code or 0) > 0
        return [] if told_all else self._patterns.find()

    def _end(self, state: str, reason: Reason | None = None) -> None:
        self._reason = reason
        last = Event(
            "ended", state, program=self.program, application=self.application, url=self.url, fraction=self.fraction,
            exit_code=self._exit_code, reason=reason and reason.what, hint=reason and reason.hint,
        )  # fmt: skip
        self._put(last)
        self._state = state
        _alive.discard(self)

    def _tell(self, kind: str, message: str | None = None, **fields: object) -> None:
        event = Event(kind, self._state, program=self.program, message=message, **fields)  # type: ignore[arg-type]
        self._put(event)

    def _put(self, event: Event) -> None:
        self._history.append((self._count, event))
        self._count += 1


def _data(file: int, patience: float) -> bytes | None:
    """What can be read: b"" at the end, None when nothing came in so many seconds."""

    poll = select.poll()  # not select(): it takes no descriptor above 1,023
    poll.register(file, select.POLLIN)
    if not poll.poll(patience * 1000):
        return None
    try:
        return os.read(file, 1 << 16)
    except BlockingIOError:
        return None


def _exited(pid: int) -> bool:
    """Whether a child has exited; it is left unreaped."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True  # somebody else has reaped it


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _cancel_all() -> None:
    """When this process ends, so do its programs."""
    handles = list(_alive)
    for handle in handles:
        handle.cancel(0)
    for handle in handles:
        handle.cancel()


atexit.register(_cancel_all)
os.register_at_fork(after_in_child=_alive.clear)  # they are the parent's
