"""Calls of a function in a process of its own: one that hangs, crashes or takes all memory costs that call, and no other."""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import signal
import subprocess
import sys
from typing import IO, Any, Callable

from crawlmill.errors import CrawlmillError
from crawlmill.task import said
from crawlmill.terminal import guard

START = 120
"""CPU seconds in which the process has to be ready."""
PATIENCE = 10
"""Seconds by the clock for each CPU second that a call may take: one that sleeps ends too, on a busy machine none does early."""
MEMORY = 4 << 30
"""Bytes of address space of the process, where the system keeps to such a limit."""


class Ended(Exception):
    """A call that gave no answer.

    Attributes:
        kind: ``timeout``, ``crash``, or ``raised`` when the function raised.
        detail: what was raised, in one line; else empty.
    """

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail = kind, detail


class Calls:
    """A function that runs in another process. That process is started when it is first needed, and anew after a call that
    ended it.

    Its limit is one of CPU time, which the kernel holds: what a page costs does not depend on what else the machine does, and
    a process that was left alone by its parent ends as well.

    Args:
        factory: ``module:name`` of what makes the function; called once in each process, outside of the limit.
        setup: its arguments. They, the function's arguments and its answers are pickled.
        seconds: CPU seconds that a call may take.

    Raises:
        CrawlmillError: the process cannot be started, or the factory or the function raised that.

    >>> with Calls("crawlmill.guard.calls:echo", ("<{}>",), 5.0) as calls:
    ...     calls("a"), calls("b")
    ('<a>', '<b>')
    """

    def __init__(self, factory: str, setup: tuple[object, ...], seconds: float) -> None:
        self._command = [sys.executable, "-m", "crawlmill.guard.calls", factory, str(seconds)]
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Calls:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __call__(self, *arguments: object) -> Any:
        """What the function answers. Raises :class:`Ended`.

        A process that dies at a call gets a second chance at it: it may have been killed for what others did.
        """
        try:
            return self._ask(arguments)
        except Ended as first:
            if first.kind != "crash":
                raise
            return self._ask(arguments)

    def end(self) -> None:
        """End the process, if there is one."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            try:
                stream.close()
            except BrokenPipeError:
                pass
        process.wait()

    def _ask(self, arguments: tuple[object, ...]) -> Any:
        if self._process is None:
            self._start()
        kind, value = self._exchange(arguments)
        if kind == "answer":
            return value
        if kind == "error":
            raise value
        raise Ended(kind, value)

    def _start(self) -> None:
        # Sets of strings have one order: an extractor that goes through them gives the same answer in every process.
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        kind, value = self._exchange(self._setup)
        if kind == "error":
            self.end()
            raise value
        if kind != "answer":
            self.end()
            raise CrawlmillError(f"{self._command[3]} did not start: {kind} {value}".rstrip())

    def _exchange(self, message: object) -> tuple[str, Any]:
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        try:
            pickle.dump(message, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            found: tuple[str, Any] = pickle.load(process.stdout)
            return found
        except (BrokenPipeError, EOFError, pickle.UnpicklingError):
            code = process.wait()
            self.end()
            return ("timeout" if code in (-signal.SIGPROF, -signal.SIGALRM) else "crash"), ""


def echo(pattern: str) -> Callable[[str], str]:
    """A function that puts a text into a pattern; an example of a factory."""
    return pattern.format


def main() -> None:
    """``python -m crawlmill.guard.calls FACTORY SECONDS``: pickled arguments on standard input, pickled answers on standard
    output. The first arguments are the factory's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # ends the process, also inside C code that never returns
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    except (ValueError, OSError):
        pass  # a lower hard limit is there already, or the system knows none
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function prints must not stand among our replies
    guard()
    factory, seconds = sys.argv[1], float(sys.argv[2])
    module, _, name = factory.partition(":")
    made: list[Callable[..., object]] = []

    def make(*setup: object) -> None:
        made.append(getattr(importlib.import_module(module), name)(*setup))

    _reply(replies, make, START)
    while made:
        _reply(replies, made[0], seconds)


def _reply(replies: IO[bytes], function: Callable[..., object], seconds: float) -> None:
    """Call a function with the next arguments and say how that went."""
    try:
        arguments = pickle.load(sys.stdin.buffer)
    except EOFError:
        sys.exit(0)  # the parent has gone, or is done with us
    _limit(seconds)
    try:
        message = pickle.dumps(("answer", function(*arguments)), pickle.HIGHEST_PROTOCOL)
    except CrawlmillError as error:
        message = pickle.dumps(("error", error))
    except BaseException as error:  # a panic of a library in Rust is no Exception
        message = pickle.dumps(("raised", said(error)))
    _limit(0)
    replies.write(message)
    replies.flush()


def _limit(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)


if __name__ == "__main__":
    main()
