"""YARN's list of applications: which of a program's run, and their end. Asked by its own command, which knows how to log in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crawlmill.cluster.finding import Found
from crawlmill.errors import CrawlmillError
from crawlmill.hadoop.commands import beside, run
from crawlmill.hadoop.failures import reason
from crawlmill.hadoop.staging import Staging

LIVE = ("NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING")
"""States of an application that has not ended."""
PATIENCE = 60.0
"""Seconds for a question; where the ResourceManager is down, the command itself would wait for many minutes."""
LOGS = 120.0
"""Seconds for the logs of an application."""
_NOT_THERE = "doesn't exist in RM"
_STATE = re.compile(r"^\s*State : (\w+)", re.M)


@dataclass(frozen=True)
class Yarn:
    """A YARN.

    Attributes:
        words: what stands before ``application``: the command.
        environment: what the command runs in.
        found: the Hadoop that it belongs to, when it is known.
    """

    words: tuple[str, ...]
    environment: Mapping[str, str]
    found: Found | None = None

    def alive(self, program: str, known: Iterable[str] = ()) -> list[str]:
        """The applications of a program that have not ended: those tagged with its name, and those known by id.

        Raises:
            CrawlmillError: YARN does not say.
        """
        said = self._ask("-list", "-appTags", program, "-appStates", ",".join(LIVE))
        found = [line.split()[0] for line in said.splitlines() if line.startswith("application_")]
        return found + [one for one in known if one not in found and self.state(one) in LIVE]

    def running(self, program: str) -> list[str]:
        """The applications that are tagged with the name of a program, and run; none where YARN does not say."""
        try:
            return self.alive(program)
        except CrawlmillError:
            return []

    def state(self, application: str) -> str | None:
        """The state of an application, as YARN has it; None when it knows none of this id.

        Raises:
            CrawlmillError: YARN does not say.
        """
        if not application.startswith("application_"):
            return None
        said = self._ask("-status", application)
        found = _STATE.search(said)
        return found and found[1]

    def kill(self, application: str) -> str | None:
        """Ask for the end of an application, if it is there and runs; why that was not possible, else None."""
        done = run([*self.words, "application", "-kill", application], self.environment, PATIENCE)
        if not done.returncode or _NOT_THERE in done.stdout:
            return None
        return reason(done.stdout.splitlines()).what

    def clean(self, program: str) -> None:
        """Remove the staging folder of a program, when its Hadoop is known."""
        if self.found is not None:
            Staging(self.found, staging_of(program)).remove()

    def _ask(self, *words: str) -> str:
        done = run([*self.words, "application", *words], self.environment, PATIENCE)
        if done.returncode and _NOT_THERE not in done.stdout:
            because = reason(done.stdout.splitlines())
            raise CrawlmillError(f"YARN does not say what runs: {because.what}", hint=because.hint or "is it up?")
        return done.stdout


def yarn_of(found: Found) -> Yarn:
    """The YARN of a Hadoop."""
    return Yarn((beside(found, "yarn"),), found.environment, found)


def logs_of(found: Found, application: str) -> list[str]:
    """What the tasks of an application wrote, as far as it has been brought together."""
    return run(
        [beside(found, "yarn"), "logs", "-applicationId", application], found.environment, LOGS
    ).stdout.splitlines()


def staging_of(program: str) -> str:
    """The folder in HDFS for the files of a program."""
    return f"/tmp/{program}"


def tagged(settings: Sequence[str], key: str, program: str) -> tuple[str, ...]:
    """Settings (``key=value``) that tag an application with the name of its program, beside the tags that the user has set.

    >>> tagged(("a=b", "tags=x,y"), "tags", "crawlmill-1"), tagged((), "tags", "crawlmill-1")
    (('a=b', 'tags=x,y,crawlmill-1'), ('tags=crawlmill-1',))
    """
    own = [setting.partition("=")[2] for setting in settings if setting.partition("=")[0] == key]
    rest = [setting for setting in settings if setting.partition("=")[0] != key]
    return (*rest, f"{key}={','.join([*own[-1:], program])}")
