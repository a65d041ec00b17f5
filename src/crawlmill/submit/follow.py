"""Follow a program to its end: its events are handed on, and it is cancelled when we are stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from crawlmill.errors import CrawlmillError
from crawlmill.submit.events import Event
from crawlmill.submit.handle import start, starting
from crawlmill.submit.patterns import Patterns, new_program


def follow(
    words: Sequence[str],
    environment: Mapping[str, str],
    patterns: Patterns | None = None,
    program: str | None = None,
    event: Callable[[Event], None] = lambda event: None,
) -> None:
    """Start a program and return when it has succeeded.

    Args:
        words, environment, patterns, program: as of :func:`crawlmill.submit.handle.start`.
        event: told what happens, in this thread; the first event before there is a process.

    Raises:
        CrawlmillError: the program failed, with the line that says why, and the URL of its application.
    """
    patterns, program = patterns or Patterns(), program or new_program()
    event(starting(program, patterns))
    told = 0
    with start(words, environment, patterns, program) as handle:
        try:
            for one in handle.events():
                told += 1
                event(one)
        except BaseException:
            handle.cancel()
            for one in handle.events(told):
                with suppress(Exception):
                    event(one)
            raise
    if (reason := handle.reason) is not None:
        raise CrawlmillError(f"the job failed: {reason.what}", handle.url, reason.hint)
    if handle.state == "killed":
        raise CrawlmillError("the job was cancelled", handle.url)
