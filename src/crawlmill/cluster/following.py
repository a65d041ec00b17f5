"""Commands of a Hadoop: run to their end, watched, killed with us, and of a failure the one line that says why."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from crawlmill.cluster.finding import Found
from crawlmill.errors import CrawlmillError

_PROGRESS = re.compile(r"map (\d+)% +reduce (\d+)%")
_TRACKING = re.compile(r"The url to track the job: (\S+)")
_JOB = re.compile(r"Running job: (job_\S+)")
_BECAUSE = re.compile(r"(?:Exception|Error)\b")


def call(found: Found, words: Sequence[str], check: bool = True) -> None:
    """Run a short command of ``hadoop``.

    Args:
        found: the Hadoop.
        words: the command's arguments.
        check: whether a failure is an error.

    Raises:
        CrawlmillError: it failed.
    """
    command = [found.command, *words]
    done = subprocess.run(
        command, env=found.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if check and done.returncode:
        raise CrawlmillError(
            f"hadoop {' '.join(words[:2])} failed: {_reason(done.stdout.splitlines())}",
            hint="is HDFS up? crawlmill hadoop status",
        )


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
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if job:
            say(f"killing {job}")
            call(found, ["job", "-kill", job], check=False)
        raise
    if code:
        raise CrawlmillError(
            f"the job failed: {_failure(found, job, lines)}",
            tracking or None,
            f"logs: yarn logs -applicationId {job.replace('job', 'application')}" if job else None,
        )


def _failure(found: Found, job: str, lines: list[str]) -> str:
    """The line that says why a job failed: what our program said in a task's log, else what Hadoop said."""
    if job:
        words = [found.command, "logs", "-applicationId", job.replace("job_", "application_")]
        for _ in range(5):  # the logs come together a moment after the job has ended
            done = subprocess.run(words, env=found.environment, capture_output=True, text=True, check=False)
            said = [line.strip() for line in done.stdout.splitlines()]
            ours = [line[len("crawlmill: ") :] for line in said if line.startswith("crawlmill: ")]
            causes = [line[len("Caused by: ") :] for line in said if line.startswith("Caused by: ")]
            if ours or causes:
                plain = [cause for cause in causes if "Cannot run program" in cause]  # what lies below says less
                return (ours[:1] or plain[:1] or causes[-1:])[0][:300]
            time.sleep(1)
    ended = [line.partition("due to: ")[2] for line in lines if "failed with state" in line]
    return ended[0][:300] if ended else _reason(lines)


def _reason(lines: list[str]) -> str:
    """The first line that looks like a cause; what a program of ours said, if one did."""
    said = [line.strip() for line in lines if line.strip()]
    ours = [line[len("crawlmill: ") :] for line in said if line.startswith("crawlmill: ")]
    return (ours or [line for line in said if _BECAUSE.search(line)] or said or ["it said nothing"])[0][:300]
