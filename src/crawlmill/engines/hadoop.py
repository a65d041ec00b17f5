"""The Hadoop engine: one streaming job for all analyses, over a manifest in HDFS; the partials come back as sorted files."""

from __future__ import annotations

import dataclasses
import glob
import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crawlmill import jobspec
from crawlmill.cluster import daemons
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.planner import Plan
from crawlmill.shipping import write_zip
from crawlmill.sources import STDIN
from crawlmill.sources.webhdfs import ADDRESS, address, configured
from crawlmill.task import Job

SPLIT_SIZE = 128 << 20
"""Bytes of a split: a task costs about two seconds before it reads a byte."""
NODE = """# Runs crawlmill's mapper or reducer from the zip beside it. Any Python can read this file; 3.9 can run it.
import sys
if sys.version_info < (3, 9):
    sys.stderr.write("crawlmill: the python of this node is %d.%d; name one of 3.9 or later with --node-python\\n" % sys.version_info[:2])
    sys.exit(1)
sys.path.insert(0, "crawlmill.zip")
what = sys.argv.pop(1)
from crawlmill.streaming import mapper_main, reducer_main
mapper_main() if what == "map" else reducer_main()
"""
_PROGRESS = re.compile(r"map (\d+)% reduce (\d+)%")
_TRACKING = re.compile(r"The url to track the job: (\S+)")
_JOB = re.compile(r"Running job: (job_\S+)")
_BECAUSE = re.compile(r"crawlmill: .*|.*(?:Exception|Error)\b.*")


@dataclass(frozen=True)
class Hadoop:
    """How a job runs on a cluster.

    Attributes:
        reducers: reduce tasks; their outputs are merged into one order.
        node_python: the interpreter on the nodes, 3.9 or later.
        queue: the YARN queue.
        settings: ``key=value`` for ``-D``.
    """

    reducers: int = 1
    node_python: str = "python3"
    queue: str | None = None
    settings: tuple[str, ...] = ()


@dataclass
class _Submission:
    """The files of a job, here and in HDFS."""

    local: Path
    remote: str
    environment: dict[str, str]
    hadoop: str
    files: list[str] = field(default_factory=list)


def find_hadoop() -> tuple[str, dict[str, str]]:
    """The ``hadoop`` command and the environment to run it in: of ``HADOOP_HOME``, else of ``crawlmill hadoop up``.

    Raises:
        UsageError: there is none.
    """
    given = os.environ.get("HADOOP_HOME")
    if given and os.access(os.path.join(given, "bin/hadoop"), os.X_OK):
        return os.path.join(given, "bin/hadoop"), dict(os.environ)
    home = daemons.home_folder()
    if (home / "bin/hadoop").exists() and all(daemons.status(home).values()):
        return str(home / "bin/hadoop"), daemons.environment(home)
    raise UsageError("no Hadoop is known", hint="set HADOOP_HOME, or run: crawlmill hadoop up")


def know_hdfs() -> None:
    """Let ``hdfs://`` name the cluster of ``crawlmill hadoop up`` where nothing else is set."""
    if not any(os.environ.get(name) for name in (ADDRESS, "HADOOP_CONF_DIR", "HADOOP_HOME")):
        found = configured(str(daemons.home_folder() / "etc/hadoop"))
        if found is not None:
            os.environ[ADDRESS] = found


def streaming_jar(hadoop: str, environment: dict[str, str]) -> str:
    """The streaming jar: ``HADOOP_STREAMING_JAR``, else that of the distribution. Raises :class:`UsageError`."""
    given = environment.get("HADOOP_STREAMING_JAR")
    home = os.path.dirname(os.path.dirname(hadoop))
    found = [given] if given else sorted(glob.glob(f"{home}/share/hadoop/tools/lib/hadoop-streaming*.jar"))
    found += sorted(glob.glob("/usr/lib/hadoop-mapreduce/hadoop-streaming*.jar"))
    if not found or not os.path.exists(found[0]):
        raise UsageError("no hadoop-streaming jar was found", home, "set HADOOP_STREAMING_JAR to its path")
    return found[0]


def command(job: Job, plan: Plan, options: Hadoop, place: _Submission) -> list[str]:
    """The one ``hadoop jar`` command of a job. Generic options stand before all others: Hadoop refuses them later."""
    lines = max(1, len(plan.splits) * SPLIT_SIZE // max(plan.size, 1) // 2) if plan.size else 1
    generic = {
        "mapreduce.job.name": "crawlmill " + ",".join(analysis.name for analysis in job.analyses),
        "mapreduce.input.lineinputformat.linespermap": min(lines, max(1, len(plan.splits) // 2)),
        "mapreduce.job.reduces": options.reducers,
        "mapreduce.map.speculative": "false",
        "mapreduce.reduce.speculative": "false",
        "mapreduce.task.timeout": 600_000,
        "stream.map.input.ignoreKey": "true",
        "stream.jobconf.truncate.limit": 20_000,
    }
    if options.queue is not None:
        generic["mapreduce.job.queuename"] = options.queue
    words = [place.hadoop, "jar", streaming_jar(place.hadoop, place.environment)]
    for setting in (*(f"{key}={value}" for key, value in generic.items()), *options.settings):
        words += ["-D", setting]
    words += ["-files", ",".join(place.files)]
    words += [
        "-inputformat",
        "org.apache.hadoop.mapred.lib.NLineInputFormat",
        "-input",
        f"{place.remote}/manifest.jsonl",
    ]
    words += ["-output", f"{place.remote}/out"]
    try:
        words += ["-cmdenv", f"{ADDRESS}={address('hdfs://' + place.remote)}"]
    except CrawlmillError:
        pass  # a cluster without HDFS: the mappers read by other means
    words += ["-mapper", f"{options.node_python} node.py map --job job.json"]
    words += ["-reducer", f"{options.node_python} node.py reduce --job job.json"]
    return words


def run_hadoop(
    job: Job, plan: Plan, options: Hadoop, folder: str, say: Callable[[str], None], dry_run: bool = False
) -> list[str]:
    """Run a job, and answer the paths of its partials: sorted files of merged lines, one a reducer.

    Args:
        job: what is asked.
        plan: inputs that the nodes can read.
        options: how.
        folder: where the partials are put.
        say: told how far it is, and the tracking URL.
        dry_run: say the command and run nothing.

    Raises:
        CrawlmillError: the job failed; with the first line that says why.
        UsageError: there is no Hadoop, or standard input is an input.
    """
    if any(split.uri == STDIN for split in plan.splits):
        raise UsageError("the nodes cannot read our standard input", hint="put the file into HDFS")
    hadoop, environment = find_hadoop()
    local = Path(tempfile.mkdtemp(prefix="job-", dir=folder))
    place = _Submission(local, f"/tmp/crawlmill-{uuid.uuid4().hex[:12]}", environment, hadoop)
    _prepare(job, plan, place)
    words = command(job, plan, options, place)
    before = [hadoop, "fs", "-mkdir", "-p", place.remote]
    put = [hadoop, "fs", "-put", str(local / "manifest.jsonl"), f"{place.remote}/"]
    if dry_run:
        for line in (before, put, words):
            print(shlex.join(line))
        return []
    _call(before, place)
    try:
        _call(put, place)
        _submit(words, place, say)
        parts = local / "parts"
        parts.mkdir()
        _call([hadoop, "fs", "-get", f"{place.remote}/out/part-*", str(parts)], place)
        return sorted(str(part) for part in parts.iterdir())
    finally:
        _call([hadoop, "fs", "-rm", "-r", "-f", "-skipTrash", place.remote], place, check=False)


def _prepare(job: Job, plan: Plan, place: _Submission) -> None:
    """Write what is shipped: the code as a zip, the job, and the files of a user's own analyses."""
    write_zip(place.local / "crawlmill.zip")
    (place.local / "node.py").write_text(NODE)
    (place.local / "manifest.jsonl").write_text("".join(split.to_json() + "\n" for split in plan.splits))
    own: dict[str, str] = {}
    shipped = []
    for analysis in job.analyses:
        path, _, name = analysis.spec.rpartition(":")
        if path.endswith(".py"):
            if own.setdefault(os.path.basename(path), path) != path:
                raise UsageError("two files of one name cannot be shipped", path, "rename one")
            analysis = dataclasses.replace(analysis, spec=f"{os.path.basename(path)}:{name}")
        elif not analysis.spec:
            raise UsageError(
                f"{analysis.base} was defined in a notebook", hint="put it into a file to run it on Hadoop"
            )
        shipped.append(analysis)
    (place.local / "job.json").write_text(jobspec.to_json(dataclasses.replace(job, analyses=tuple(shipped))))
    place.files = [str(place.local / name) for name in ("crawlmill.zip", "node.py", "job.json")] + list(own.values())


def _call(words: Sequence[str], place: _Submission, check: bool = True) -> None:
    done = subprocess.run(
        words, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if check and done.returncode:
        raise CrawlmillError(
            f"hadoop {' '.join(words[1:3])} failed: {_reason(done.stdout.splitlines())}",
            hint="is HDFS up? crawlmill hadoop status",
        )


def _submit(words: list[str], place: _Submission, say: Callable[[str], None]) -> None:
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


def _failure(job: str, lines: list[str], place: _Submission) -> str:
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
