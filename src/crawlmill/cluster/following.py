"""Commands of a Hadoop: run to their end, watched, and killed with us."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from crawlmill.cluster.failures import Reason, reason, reason_of_logs
from crawlmill.cluster.finding import Found
from crawlmill.errors import CrawlmillError

_PROGRESS = re.compile(r"map (\d+)% +reduce (\d+)%")
_TRACKING = re.compile(r"The url to track the job: (\S+)")
_JOB = re.compile(r"Running job: (job_\S+)")
_WAITING = re.compile(r"Retrying connect to server: (\S+)\. Already tried 0 time")
PATIENCE = 600.0
"""Seconds for a command that copies or deletes files of HDFS."""
LOGS = 120.0
"""Seconds for the logs of a job."""


def call(found: Found, words: Sequence[str], check: bool = True) -> None:
    """Run a short command of ``hadoop``.

    Args:
        found: the Hadoop.
        words: the command's arguments.
        check: whether a failure is an error.

    Raises:
        CrawlmillError: it failed.
    """
    done = _run(found, [found.command, *words], PATIENCE)
    if check and done.returncode:
        because = reason(done.stdout.splitlines())
        raise CrawlmillError(f"hadoop {' '.join(words[:2])} failed: {because.what}", hint=because.hint)


def follow(found: Found, words: Sequence[str], say: Callable[[str], None], program: str | None = None) -> None:
    """Run a job, tell how far it is, and kill it when we are stopped.

    Args:
        found: the Hadoop that runs it.
        words: arguments of the program.
        say: told the progress and the tracking URL.
        program: what submits the job; ``hadoop`` itself when None.

    Raises:
        CrawlmillError: the job failed, with the line that says why.
    """
    process = subprocess.Popen(
        [program or found.command, *words],
        env=found.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    job, tracking, lines = "", "", []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            if told := _PROGRESS.search(line):
                say(f"map {told[1]} %, reduce {told[2]} %")
            elif told := _TRACKING.search(line):
                tracking = told[1]
                say(f"tracking: {tracking}")
            elif told := _JOB.search(line):
                job = told[1]
            elif told := _WAITING.search(line):  # for minutes, where the ResourceManager is down
                say(f"{told[1]} does not answer")
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if job:
            say(f"killing {job}")
            call(found, ["job", "-kill", job], check=False)
        raise
    if code:
        because = _failure(found, job, lines)
        logs = f"logs: yarn logs -applicationId {job.replace('job', 'application')}" if job else None
        raise CrawlmillError(f"the job failed: {because.what}", tracking or None, because.hint or logs)


def _failure(found: Found, job: str, lines: list[str]) -> Reason:
    """Why a job failed: what the tasks' logs say, else what the command said."""
    if job:
        words = [found.command, "logs", "-applicationId", job.replace("job_", "application_")]
        for _ in range(5):  # the logs come together a moment after the job has ended
            said = _run(found, words, LOGS).stdout.splitlines()
            if because := reason_of_logs(said):
                return because
            time.sleep(1)
    return reason(lines)


def _run(found: Found, words: Sequence[str], patience: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, env=found.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL, timeout=patience, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, f"it did not end in {patience:.0f} s")
