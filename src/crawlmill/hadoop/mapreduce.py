"""The log of a MapReduce job, as ``hadoop jar`` and mrjob print it: how far it is, its application, why it failed."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from crawlmill.cluster.finding import Found
from crawlmill.hadoop.failures import reason, reason_of_logs
from crawlmill.hadoop.yarn import logs_of, yarn_of
from crawlmill.submit import Patterns, Reason, Seen

_PROGRESS = re.compile(r"map (\d+)% +reduce (\d+)%")
_TRACKING = re.compile(r"The url to track the job: (\S+)")
_JOB = re.compile(r"(?:Submitting tokens for job|Running job): job_(\d+_\d+)")
_ENDED = re.compile(r"Job job_\S+ (?:completed successfully|failed with state)")
_WAITING = re.compile(r"Retrying connect to server: (\S+)\. Already tried 0 time")
NOTABLE = re.compile(r"(?i)exception|error|fatal|fail|crawlmill: |memory limit|queue")
TRIES = 5
"""How often the logs of a job are asked for: they come together a moment after it has ended."""


def read(line: str) -> Seen | None:
    """What a line says.

    >>> read("26/11/26 16:36:08 INFO mapreduce.Job:  map 67% reduce 0%")[2:5]
    (0.335, 'map', 'map 67 %, reduce 0 %')
    >>> read("26/11/26 16:35:59 INFO mapreduce.JobSubmitter: Submitting tokens for job: job_1795710946035_0001").application
    'application_1795710946035_0001'
    """
    if told := _PROGRESS.search(line):
        return progress(int(told[1]), int(told[2]))
    if told := _TRACKING.search(line):
        return Seen(url=told[1], message=f"tracking: {told[1]}")
    if told := _JOB.search(
        line
    ):  # first said before it is submitted: what is ended before this line has no application
        return Seen(application=f"application_{told[1]}")
    if _ENDED.search(line):
        return Seen(over=True)
    if told := _WAITING.search(line):  # for minutes, where the ResourceManager is down
        return Seen(message=f"{told[1]} does not answer")
    return None


def progress(maps: int, reduces: int) -> Seen:
    """How far a job is, of percents of its two stages."""
    stage = "map" if maps < 100 else "reduce"
    return Seen(fraction=(maps + reduces) / 200, stage=stage, message=f"map {maps} %, reduce {reduces} %")


def patterns(found: Found, program: str, engine: str) -> Patterns:
    """What is known of the log and the application of a job.

    Args:
        found: the Hadoop that runs it.
        program: the name that the application is tagged with.
        engine: the name of the engine.
    """
    yarn = yarn_of(found)

    def explain(application: str | None, lines: Sequence[str]) -> Reason:
        if application is None:
            return reason(list(lines))
        for _ in range(TRIES):
            if because := reason_of_logs(logs_of(found, application)):
                break
            time.sleep(1)
        else:
            because = reason(list(lines))
        return Reason(because.what, because.hint or f"logs: yarn logs -applicationId {application}")

    return Patterns(
        read, yarn.kill, lambda: yarn.running(program), explain, NOTABLE,
        lambda application: application.replace("application_", "job_"), engine, "yarn",
    )  # fmt: skip
