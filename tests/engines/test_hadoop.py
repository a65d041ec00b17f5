"""The Hadoop engine: the same rows as the local one, on a real HDFS, YARN and MapReduce."""

from __future__ import annotations

import glob
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from clusters import HEEDS_CTRL_C
from crawlmill import registry
from crawlmill.cluster.finding import Found
from crawlmill.cluster.settings import daemons_of
from crawlmill.engines import gone
from crawlmill.engines.hadoop import Hadoop, Submission
from crawlmill.errors import CrawlmillError, DamageLimit, UsageError
from crawlmill.plan.planner import Plan, make_plan
from crawlmill.shipping import write_zip
from crawlmill.submit import Event, read_events
from crawlmill.task import Job
from submit_programs import running, wait_for

BAD = str(Path(__file__).with_name("analyses.py"))
CRAWLMILL = [sys.executable, "-m", "crawlmill"]
HERE = Hadoop(node_python=sys.executable)
on_hadoop = [pytest.mark.hadoop, pytest.mark.xdist_group("hadoop")]
ALL = sorted(registry.builtin_names())


def test_no_hadoop_is_one_clear_line(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    monkeypatch.setenv("CRAWLMILL_CLUSTER", str(tmp_path))
    with pytest.raises(UsageError, match="crawlmill hadoop up"):
        crawlmill.run("origins", str(samples / "*.warc.gz"), on=Hadoop())


def test_generic_options_come_first(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hadoop answers `Unrecognized option: -D` where one follows a streaming option."""
    monkeypatch.setenv("HADOOP_STREAMING_JAR", __file__)
    monkeypatch.setenv("CRAWLMILL_WEBHDFS", "127.0.0.1:9870")
    place = Submission(Found("hadoop", dict(os.environ)), tmp_path, "crawlmill-x", ("a.zip",))
    plan = make_plan([str(samples / "*.warc.gz")])
    engine = Hadoop(3, "python3.9", "adhoc", ("a=b",))
    words = engine.job_command(Job(tuple(registry.load(["origins"]))), plan, place)
    generic = [at for at, word in enumerate(words) if word in ("-D", "-files")]
    streaming = [
        at
        for at, word in enumerate(words)
        if word in ("-input", "-output", "-mapper", "-reducer", "-inputformat", "-cmdenv")
    ]
    assert max(generic) < min(streaming)
    assert {
        "mapreduce.job.reduces=3",
        "mapreduce.job.queuename=adhoc",
        "a=b",
        "mapreduce.map.speculative=false",
    } <= set(words)


def test_an_old_python_on_the_node_is_one_clear_line(tmp_path: Path) -> None:
    old = sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/[23].[67]*/bin/python")))
    if not old:
        pytest.skip("no Python older than 3.8 on this machine")
    script = tmp_path / "crawlmill.zip"
    write_zip(script)
    for python in old:
        done = subprocess.run([python, str(script), "map"], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and "--node-python" in done.stderr


def test_what_is_no_packed_environment_is_refused(tmp_path: Path) -> None:
    for env, why in ((tmp_path, "not a packed environment"), (tmp_path / "no.tar.gz", "no such file")):
        with pytest.raises(UsageError, match=f"{env}: {why}; pack one with"):
            Hadoop(env=str(env))
    (tmp_path / "my env.tar.gz").touch()
    place = Submission(Found("hadoop", {"HADOOP_STREAMING_JAR": __file__}), tmp_path, "crawlmill-x", ())
    job, plan = Job(tuple(registry.load(["origins"]))), Plan((), ())
    words = Hadoop(env=str(tmp_path / "my env.tar.gz")).job_command(job, plan, place)
    archives = words[words.index("-archives") + 1]
    assert archives == f"file://{tmp_path}/my%20env.tar.gz#env" and "env/bin/python crawlmill.zip map" in " ".join(
        words
    )
    words = Hadoop(env="hdfs:///envs/a.zip", node_python="env/bin/python3.12").job_command(job, plan, place)
    assert "hdfs:///envs/a.zip#env" in words and "env/bin/python3.12 crawlmill.zip reduce" in " ".join(words)


class TestOnACluster:
    """Each of these runs a job of some twelve seconds."""

    pytestmark = on_hadoop

    def test_files_of_hdfs_larger_than_a_block(self, cluster: Path, hdfs: Callable[..., str], tmp_path: Path) -> None:
        rng = random.Random(4)
        for number in range(3):
            records = [
                make_record("response", f"http://{at % 7}.example/{at}", rng.randbytes(60_000)) for at in range(300)
            ]
            (tmp_path / f"{number}.warc.gz").write_bytes(gz(records, 1))
        hdfs("-mkdir", "-p", "/crawl")
        hdfs("-put", *map(str, sorted(tmp_path.glob("*.warc.gz"))), "/crawl/")
        names = ["origins", "sizes", f"{BAD}:raises"]
        options = Hadoop(2, sys.executable, settings=("mapreduce.input.lineinputformat.linespermap=2",))
        there = crawlmill.run(names, "hdfs:///crawl/*.warc.gz", on=options, split_size=5 << 20)
        here = crawlmill.run(names, "hdfs:///crawl", workers=2, split_size=3 << 20)
        assert len(there.plan.splits) > 9 and here.counters["records"] == 900
        assert all(there[name].equals(here[name]) for name in there)
        assert there.counters == here.counters and there.damage.equals(here.damage)

    def test_a_mapper_that_is_killed_loses_nothing(self, cluster: Path, samples: Path, tmp_path: Path) -> None:
        path = tmp_path / "slow.warc.gz"
        path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x" * 5000) for at in range(400)]))
        killed: list[int] = []
        stop = threading.Event()

        def kill_one() -> None:
            while not killed and not stop.wait(0.05):
                for folder in glob.glob("/proc/[0-9]*"):
                    try:
                        words = Path(folder, "cmdline").read_bytes().split(b"\0")
                        below = str(cluster) in os.readlink(f"{folder}/cwd")
                    except OSError:
                        continue
                    if words[1:3] == [b"crawlmill.zip", b"map"] and below:
                        time.sleep(1)
                        os.kill(int(Path(folder).name), signal.SIGKILL)
                        killed.append(int(Path(folder).name))
                        return

        killer = threading.Thread(target=kill_one)
        killer.start()
        try:
            run = crawlmill.run(f"{BAD}:slow_bodies", path, on=HERE)
        finally:
            stop.set()
            killer.join()
        assert killed and run["slow_bodies"]["bytes"].to_pylist() == [400 * 5000] and run.damage.num_rows == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed terminal"])
    def test_who_leaves_takes_the_job_along(self, cluster: Path, tmp_path: Path, number: signal.Signals) -> None:
        path = tmp_path / "slow.warc.gz"
        path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x") for at in range(9000)]))
        words = ["run", f"{BAD}:slow_bodies", str(path), "--on", "hadoop", "--node-python", sys.executable]
        command = [*HEEDS_CTRL_C, *CRAWLMILL, *words]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stderr is not None
        heard = []
        for line in process.stderr:
            heard.append(line)
            if "map 0 %" in line:
                process.send_signal(number)
                break
        rest = process.communicate(timeout=60)[1]
        assert process.returncode == 130 and "killing job_" in rest, (heard, rest)
        job = rest.split("killing ")[1].split()[0].replace("job_", "application_")
        words = ["hadoop", "shell", "--", "yarn", "application", "-status", job]
        said = subprocess.run([*CRAWLMILL, *words], capture_output=True, text=True, check=True).stdout
        assert "State : KILLED" in said

    def test_the_printed_commands_work_in_a_shell(
        self, cluster: Path, samples: Path, tmp_path: Path, hdfs: Callable[..., str]
    ) -> None:
        words = [
            "run",
            "origins",
            str(samples / "*.warc.gz"),
            "--on",
            "hadoop",
            "--node-python",
            sys.executable,
            "--dry-run",
        ]
        done = subprocess.run([*CRAWLMILL, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
        exports = subprocess.run([*CRAWLMILL, "hadoop", "env"], capture_output=True, text=True, check=True).stdout
        assert all(line.startswith("export ") for line in exports.splitlines())
        pasted = subprocess.run(
            ["bash", "-e"], input=exports + done.stdout, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert pasted.returncode == 0, pasted.stderr
        remote = done.stdout.split("-output ")[1].split()[0]
        lines = [line for line in hdfs("-cat", f"{remote}/part-*").splitlines() if line.startswith('["origins"')]
        local = crawlmill.run("origins", str(samples / "*.warc.gz"), workers=1)["origins"]
        assert {json.loads(line.split("\t")[0])[1]: int(line.split("\t")[1]) for line in lines} == dict(
            zip(local["origin"].to_pylist(), local["pages"].to_pylist(), strict=True)
        )

    def test_what_fails_is_one_clear_line(self, cluster: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sample = str(samples / "*.warc.gz")
        with pytest.raises(CrawlmillError) as failed:
            crawlmill.run(
                "origins",
                sample,
                on=Hadoop(node_python="no-such-python", settings=("mapreduce.map.maxattempts=1",)),
            )
        assert "no-such-python" in str(failed.value) and "\n" not in str(failed.value)
        with pytest.raises(DamageLimit, match="no record"):
            crawlmill.run("origins", "hdfs:///nothing/here.warc.gz")
        with pytest.raises(UsageError, match="standard input"):
            crawlmill.run("origins", "-", on=HERE)
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", "127.0.0.1:9")
        monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0.5")
        with pytest.raises(CrawlmillError, match="out of reach"):
            crawlmill.run("origins", "hdfs:///crawl/a.warc.gz")

    def test_status_knows_what_runs(self, cluster: Path) -> None:
        done = subprocess.run([*CRAWLMILL, "hadoop", "status", "--json"], capture_output=True, text=True, check=True)
        said = json.loads(done.stdout)
        assert said["daemons"] == dict.fromkeys(daemons_of(1), True) and said["home"] == str(cluster)
        again = subprocess.run([*CRAWLMILL, "hadoop", "up"], capture_output=True, text=True, check=True)
        assert "the cluster is up in" in again.stderr


class TestEventsOnACluster:
    """A job as events; YARN's own list says what runs."""

    pytestmark = on_hadoop

    def test_a_job_tells_what_happens(self, cluster: Path, samples: Path, tmp_path: Path) -> None:
        path = str(tmp_path / "events")
        words = ["run", "origins", str(samples / "*.warc.gz"), "--on", "hadoop", "--node-python", sys.executable]
        subprocess.run([*CRAWLMILL, *words, "--events", path], capture_output=True, check=True, timeout=180)
        events = list(read_events(path))
        assert [event.kind for event in events][:2] + [event.kind for event in events][-2:] == [
            "run", "starting", "ended", "run",
        ]  # fmt: skip
        (program,) = {event.program for event in events[1:-1]}
        (application,) = {event.application for event in events if event.application}
        assert listed(program) == {application: "FINISHED"}
        fractions = [event.fraction for event in events if event.kind == "progress" and event.fraction is not None]
        assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0
        assert all(event.url and application in event.url for event in events if event.kind == "ended")
        assert gone(events) == []

    def test_who_leaves_at_once_leaves_no_application(self, cluster: Path, slow: str) -> None:
        """When its id is known and before it is submitted, and when it runs."""
        for moment in ("named", "running"):
            begun: list[Event] = []

            def leaves(event: Event, moment: str = moment) -> bool:
                return event.kind == "progress" or (moment == "named" and event.kind == "application")

            def stop(event: Event, leaves: Callable[[Event], bool] = leaves, begun: list[Event] = begun) -> None:
                first = not any(map(leaves, begun))
                begun.append(event)
                if leaves(event) and first:  # what is told after that leads to the end
                    raise KeyboardInterrupt

            with pytest.raises(KeyboardInterrupt):
                crawlmill.run(f"{BAD}:slow_bodies", slow, on=HERE, events=stop)
            program = begun[0].program
            assert program is not None and begun[-1].state == "killed"
            assert set(listed(program).values()) <= {"KILLED"}
            assert moment == "named" or list(listed(program)) == [begun[-1].application]
            assert gone(begun) == []

    @pytest.mark.parametrize("on", [["hadoop"], ["mrjob", "--runner", "hadoop"]], ids=["hadoop", "mrjob"])
    def test_a_killed_run_leaves_a_job_that_the_next_one_ends(
        self, cluster: Path, slow: str, tmp_path: Path, hdfs: Callable[..., str], on: list[str]
    ) -> None:
        path = tmp_path / "events"
        words = ["run", f"{BAD}:slow_bodies", slow, "--on", *on, "--node-python", sys.executable, "--events", str(path)]
        process = subprocess.Popen([*CRAWLMILL, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: path.exists() and '"progress"' in path.read_text())
        process.kill()
        process.wait()
        events = list(read_events(str(path)))
        (program,) = {event.program for event in events if event.program}
        ((application, state),) = listed(program).items()
        assert state == "RUNNING"
        # All that was recorded, or only that a program was about to be started: the same is ended.
        assert gone(events[:2]) == [program, application]
        assert listed(program) == {application: "KILLED"} and running(program) == []
        assert program not in hdfs("-ls", "/tmp")
        assert gone(events) == []


def listed(program: str) -> dict[str, str]:
    """The applications of a program in YARN's own list, and their states."""
    words = ["yarn", "application", "-list", "-appTags", program, "-appStates", "ALL"]
    done = subprocess.run(
        [*CRAWLMILL, "hadoop", "shell", "--", *words], capture_output=True, text=True, check=True, timeout=120
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.startswith("application_")]
    return {row[0].strip(): row[5].strip() for row in rows}


@pytest.fixture
def slow(tmp_path: Path) -> str:
    """An archive whose analysis takes minutes."""
    path = tmp_path / "slow.warc.gz"
    path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x") for at in range(9000)]))
    return str(path)
