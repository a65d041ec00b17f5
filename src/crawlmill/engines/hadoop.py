"""The Hadoop engine: one streaming job for all analyses, over a manifest in HDFS; the partials come back as sorted files."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawlmill.cluster.finding import find_hadoop, streaming_jar
from crawlmill.engines import Work
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.planner import Plan
from crawlmill.shipping import JOB, ZIP, ship
from crawlmill.sources import STDIN
from crawlmill.sources.webhdfs import ADDRESS, address
from crawlmill.task import Job

SPLIT_SIZE = 128 << 20
"""Bytes of a split: a task costs about two seconds before it reads a byte."""
_PROGRESS = re.compile(r"map (\d+)% reduce (\d+)%")
_TRACKING = re.compile(r"The url to track the job: (\S+)")
_JOB = re.compile(r"Running job: (job_\S+)")
_BECAUSE = re.compile(r"crawlmill: .*|.*(?:Exception|Error)\b.*")


@dataclass(frozen=True)
class Hadoop:
    """A Hadoop cluster.

    Attributes:
        reducers: reduce tasks; their outputs are merged into one order.
        node_python: the interpreter on the nodes, 3.9 or later.
        queue: the YARN queue.
        settings: ``key=value`` for ``-D``.
        record_timeout: seconds after which an analysis that is still on one record is ended.
    """

    reducers: int = 1
    node_python: str = "python3"
    queue: str | None = None
    settings: tuple[str, ...] = ()
    record_timeout: float | None = None
    resumes = False
    split_size: int | None = SPLIT_SIZE

    def run(self, work: Work) -> list[str]:
        """Run one job; answers a file of merged lines for each reducer.

        Raises:
            CrawlmillError: the job failed; with the first line that says why.
            UsageError: there is no Hadoop, or standard input is an input.
        """
        place = self._prepare(work)
        _call(place.mkdir, place)
        try:
            _call(place.put, place)
            _submit(self.job_command(work.job, work.plan, place), place, work.say)
            parts = place.local / "parts"
            parts.mkdir()
            _call([place.hadoop, "fs", "-get", f"{place.remote}/out/part-*", str(parts)], place)
            return sorted(str(part) for part in parts.iterdir())
        finally:
            _call([place.hadoop, "fs", "-rm", "-r", "-f", "-skipTrash", place.remote], place, check=False)

    def commands(self, work: Work) -> list[str]:
        """The commands for a shell: a folder in HDFS, the manifest, the job."""
        place = self._prepare(work)
        return [shlex.join(words) for words in (place.mkdir, place.put, self.job_command(work.job, work.plan, place))]

    def job_command(self, job: Job, plan: Plan, place: Submission) -> list[str]:
        """The one ``hadoop jar`` command. Generic options stand before all others: Hadoop refuses them later."""
        generic: dict[str, object] = {
            "mapreduce.job.name": "crawlmill " + ",".join(analysis.name for analysis in job.analyses),
            "mapreduce.input.lineinputformat.linespermap": lines_per_map(plan),
            "mapreduce.job.reduces": self.reducers,
            "mapreduce.map.speculative": "false",
            "mapreduce.reduce.speculative": "false",
            "mapreduce.task.timeout": 600_000,
            "stream.map.input.ignoreKey": "true",
            "stream.jobconf.truncate.limit": 20_000,
        }
        if self.queue is not None:
            generic["mapreduce.job.queuename"] = self.queue
        words = [place.hadoop, "jar", streaming_jar(place.hadoop, place.environment)]
        for setting in (*(f"{key}={value}" for key, value in generic.items()), *self.settings):
            words += ["-D", setting]
        words += ["-files", ",".join(place.files)]
        words += ["-inputformat", "org.apache.hadoop.mapred.lib.NLineInputFormat"]
        words += ["-input", f"{place.remote}/manifest.jsonl", "-output", f"{place.remote}/out"]
        try:
            words += ["-cmdenv", f"{ADDRESS}={address('hdfs://' + place.remote)}"]
        except CrawlmillError:
            pass  # a cluster without HDFS: the mappers read by other means
        limit = "" if self.record_timeout is None else f" --record-timeout {self.record_timeout}"
        words += ["-mapper", f"{self.node_python} {ZIP} map --job {JOB}{limit}"]
        words += ["-reducer", f"{self.node_python} {ZIP} reduce --job {JOB}"]
        return words

    def _prepare(self, work: Work) -> Submission:
        if any(split.uri == STDIN for split in work.plan.splits):
            raise UsageError("the nodes cannot read our standard input", hint="put the file into HDFS")
        hadoop, environment = find_hadoop()
        local = Path(tempfile.mkdtemp(prefix="job-", dir=work.scratch))
        (local / "manifest.jsonl").write_text("".join(split.to_json() + "\n" for split in work.plan.splits))
        remote = f"/tmp/crawlmill-{uuid.uuid4().hex[:12]}"
        return Submission(local, remote, environment, hadoop, tuple(ship(work.job, local)))


@dataclass(frozen=True)
class Submission:
    """The files of a job, here and in HDFS, and the Hadoop that runs it."""

    local: Path
    remote: str
    environment: dict[str, str]
    hadoop: str
    files: tuple[str, ...]

    @property
    def mkdir(self) -> list[str]:
        """The command that makes the folder in HDFS."""
        return [self.hadoop, "fs", "-mkdir", "-p", self.remote]

    @property
    def put(self) -> list[str]:
        """The command that puts the manifest there."""
        return [self.hadoop, "fs", "-put", str(self.local / "manifest.jsonl"), f"{self.remote}/"]


def lines_per_map(plan: Plan) -> int:
    """Splits that a map task takes: about half of :data:`SPLIT_SIZE` together, and at least two tasks."""
    lines = max(1, len(plan.splits) * SPLIT_SIZE // plan.size // 2) if plan.size else 1
    return min(lines, max(1, len(plan.splits) // 2))


def _call(words: Sequence[str], place: Submission, check: bool = True) -> None:
    done = subprocess.run(
        words, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if check and done.returncode:
        raise CrawlmillError(
            f"hadoop {' '.join(words[1:3])} failed: {_reason(done.stdout.splitlines())}",
            hint="is HDFS up? crawlmill hadoop status",
        )


def _submit(words: list[str], place: Submission, say: Callable[[str], None]) -> None:
    """Run the job, tell how far it is, and kill it when we are stopped."""
    process = subprocess.Popen(
        words,
        env=place.environment,
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
            if found := _PROGRESS.search(line):
                say(f"map {found[1]} %, reduce {found[2]} %")
            elif found := _TRACKING.search(line):
                tracking = found[1]
                say(f"tracking: {tracking}")
            elif found := _JOB.search(line):
                job = found[1]
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if job:
            say(f"killing {job}")
            _call([place.hadoop, "job", "-kill", job], place, check=False)
        raise
    if code:
        raise CrawlmillError(
            f"the job failed: {_failure(job, lines, place)}",
            tracking or None,
            f"logs: yarn logs -applicationId {job.replace('job', 'application')}" if job else None,
        )


def _failure(job: str, lines: list[str], place: Submission) -> str:
    """The line that says why a job failed: what our program said in a task's log, else what Hadoop said."""
    if job:
        words = [place.hadoop, "logs", "-applicationId", job.replace("job_", "application_")]
        for _ in range(5):  # the logs come together a moment after the job has ended
            done = subprocess.run(words, env=place.environment, capture_output=True, text=True, check=False)
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
    said = (
        [line.strip() for line in lines if _BECAUSE.match(line.strip())]
        or [line for line in lines if line.strip()]
        or ["it said nothing"]
    )
    return said[0][:300]
