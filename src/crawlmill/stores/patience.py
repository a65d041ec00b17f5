"""What a program does while a store is away: it asks again for some time, and says so. The one place for retries, and for
limits on how often a store is asked."""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Callable, TypeVar

from crawlmill.errors import StoreAway, UsageError

WAIT = "CRAWLMILL_STORE_WAIT"
"""The environment variable for how many seconds a store that is away is waited for; tasks on other machines have it, too."""
DEFAULT = 120.0
_FIRST, _LONGEST = 0.3, 10.0  # seconds between two tries
Answer = TypeVar("Answer")


class Away(Exception):
    """A store does not answer, or not now."""


def say(text: str) -> None:
    """Tell the user, or Hadoop, that a task waits and lives; a program with another way puts its own function here."""
    print(f"crawlmill: {text}", file=sys.stderr, flush=True)


def outside() -> AbstractContextManager[None]:
    """Around each request: what a store takes is not the analysis' time. A watched process puts its own function here."""
    return nullcontext()


def wait_limit() -> float:
    """Seconds that a store is waited for. Raises :class:`UsageError` for a setting that is not a number.

    >>> os.environ.pop(WAIT, None) and None
    >>> wait_limit()
    120.0
    """
    given = os.environ.get(WAIT)
    try:
        limit = DEFAULT if not given else float(given)
    except ValueError:
        limit = -1.0
    if not 0 <= limit < 1e9:
        raise UsageError(f"{WAIT} is {given!r}", hint="it is a number of seconds, as 120")
    return limit


def patiently(attempt: Callable[[], Answer], uri: str, limit: float | None = None) -> Answer:
    """What a request returns; asked again while the store is away.

    Args:
        attempt: one request. Raises :class:`Away` when it should be asked again.
        uri: what it is about.
        limit: seconds from the first failure on; :func:`wait_limit` when None.

    Raises:
        StoreAway: it was away all the time.
    """
    started, pause = 0.0, _FIRST
    with outside():
        while True:
            try:
                return attempt()
            except Away as error:
                now = time.monotonic()
                if not started:
                    started, limit = now, wait_limit() if limit is None else limit
                assert limit is not None
                left = started + limit - now
                if left <= 0:
                    raise StoreAway(f"the store is out of reach: {error}", uri, limit) from None
                if pause > 1:
                    say(f"{uri}: {error}; waiting, {left:.0f} s more at most")
                time.sleep(min(pause, left))
                pause = min(pause * 2, _LONGEST)
