"""What an engine tells of a program that it starts: what a line of its log means, how its applications are found and ended."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

ERRORS = re.compile(r"(?i)exception|error|fatal|fail|crawlmill: ")


class Reason(NamedTuple):
    """Why something failed, and what to do next where that is known."""

    what: str
    hint: str | None = None


class Seen(NamedTuple):
    """What a line of a log says.

    Attributes:
        application: the id of the application.
        url: where to watch it.
        fraction: of the work that is done, from 0 to 1.
        stage: what that is about.
        message: a line for people.
        over: whether the application has ended, so that nothing of it is left to kill.
    """

    application: str | None = None
    url: str | None = None
    fraction: float | None = None
    stage: str | None = None
    message: str | None = None
    over: bool = False


def _nothing(line: str) -> Seen | None:
    return None


def _no_applications() -> list[str]:
    return []


def _same(application: str) -> str:
    return application


def last_words(application: str | None, lines: Sequence[str]) -> Reason:
    """The last line that a program printed, as the reason why it failed.

    >>> last_words(None, ["working", "no such table", ""]).what
    'no such table'
    """
    said = [line.strip() for line in lines if line.strip()]
    return Reason((said or ["it said nothing"])[-1][:300])


@dataclass(frozen=True)
class Patterns:
    """How a program is understood. The functions are called from a thread of the handle; they must not raise.

    Attributes:
        read: what a line of the log says; None for nothing.
        kill: asks for the end of an application by its id, when its program was cancelled or lost it; returns why that was
            not possible, else None. None where applications end with their program.
        find: ids of applications of this program that run. Asked where the log of a program that was ended named none, and
            after a failure in which the application may run on.
        explain: why it failed, from the id (None when not known) and its lines: the first, those with :attr:`notable`
            in them, the last.
        notable: what a line has that is worth keeping from the middle of a long log.
        named: how people are told of an application that is killed.
        engine: the name of the engine, for events.
        cluster: what runs its applications, for events; None when it has none.
    """

    read: Callable[[str], Seen | None] = _nothing
    kill: Callable[[str], str | None] | None = None
    find: Callable[[], list[str]] = _no_applications
    explain: Callable[[str | None, Sequence[str]], Reason] = last_words
    notable: re.Pattern[str] = ERRORS
    named: Callable[[str], str] = _same
    engine: str | None = None
    cluster: str | None = None


def new_program() -> str:
    """A name for a program that no other has. Engines tag applications with it, so that they are found without their ids."""
    return f"crawlmill-{uuid.uuid4().hex[:12]}"
