"""The Spark engine beside the conformance suite: what is printed, the application by itself, a session, what fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crawlmill
from archives import gz, make_record
from clusters import HEEDS_CTRL_C, yarn_settings
from crawlmill import analysis, registry
from crawlmill.engines import Work, gone
from crawlmill.engines.spark import Session, Spark, cluster, spark_submit
from crawlmill.errors import CrawlmillError, MissingExtra, UsageError
from crawlmill.partial import merge_files, reducers_of
from crawlmill.plan.planner import make_plan
from crawlmill.reducers import total
from crawlmill.spark.rdd import Lines, cause_of, save_parts
from crawlmill.submit import Event, read_events
from crawlmill.task import Job

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

BAD = str(Path(__file__).with_name("analyses.py"))
on_spark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
CRAWLMILL = [sys.executable, "-m", "crawlmill"]


class TestWithoutSpark:
    """What is decided before anything is started."""

    def test_no_spark_is_one_clear_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SPARK_HOME", raising=False)
        monkeypatch.setenv("PATH", "/nowhere")
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(MissingExtra, match=r"pip install 'crawlmill\[spark\]'"):
            spark_submit()

    def test_the_user_wins_over_our_settings(
        self, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("crawlmill.engines.spark.spark_submit", lambda: ["spark-submit"])
        monkeypatch.setenv("CRAWLMILL_WEBHDFS", "127.0.0.1:9870")
        plan = make_plan([str(samples / "*.warc.gz")])
        work = Work(Job(tuple(registry.load(["origins", f"{BAD}:raises"]))), plan, {}, str(tmp_path))
        engine = Spark("yarn", 4, "python3.9", ("spark.executor.memory=2g", "spark.pyspark.python=other"), 9.0)
        (line,) = engine.commands(work)
        words = line.split()
        settings = [words[at + 1] for at, word in enumerate(words) if word == "--conf"]
        assert settings[-2:] == ["spark.executor.memory=2g", "spark.pyspark.python=other"]
        assert "spark.pyspark.driver.python=python3.9" in settings
        assert "spark.executorEnv.CRAWLMILL_WEBHDFS=127.0.0.1:9870" in settings
        shipped = words[words.index("--py-files") + 1].split(",")
        assert shipped[0] == f"{tmp_path}/crawlmill.zip" and "--master yarn" in line
        assert zipfile.ZipFile(shipped[1]).read("0/analyses.py") == Path(BAD).read_bytes()
        assert line.endswith("--reducers 4 --record-timeout 9.0")
        application = words[words.index("--py-files") + 2]
        shown = subprocess.run(
            [*CRAWLMILL, "path", "spark_apps/analyze.py"], capture_output=True, text=True, check=True, timeout=60
        )
        assert shown.stdout.strip() == application and os.path.isfile(application)

    def test_an_environment_is_for_clusters(self, tmp_path: Path) -> None:
        (tmp_path / "env.tar.gz").touch()
        with pytest.raises(UsageError, match=r"--env is for the nodes of a cluster, and the master is local\[2\]"):
            Spark("local[2]", env=str(tmp_path / "env.tar.gz"))
        with pytest.raises(UsageError, match=r"no\.tar\.gz: no such file; pack one with"):
            Spark("yarn", env=str(tmp_path / "no.tar.gz"))

    def test_path_names_what_there_is(self) -> None:
        for name, words in (("spark_apps/no.py", "there are analyze.py"), ("src", "no folder is called 'src'")):
            done = subprocess.run([*CRAWLMILL, "path", name], capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1

    def test_the_line_that_says_why(self) -> None:
        ours = "py4j.protocol.Py4JJavaError: An error\nTraceback\ncrawlmill.errors.UsageError: a: no; b\n at x.Y(Z)\n"
        assert cause_of(ours) == "a: no; b"
        assert (
            cause_of("An error\nCaused by: java.io.IOException: disk full\n\tat a.B")
            == "java.io.IOException: disk full"
        )
        assert cause_of("odd") == "odd" and cause_of("") == "Spark said nothing"


class TestOnSpark:
    """Each starts an application, or takes the session of all tests."""

    pytestmark = on_spark

    def test_a_session_takes_functions_of_a_notebook_and_of_a_file(
        self, spark: SparkSession, samples: Path, tmp_path: Path
    ) -> None:
        @analysis(reduce=total, key="type: string", value="records: int64")
        def kinds(record):  # type: ignore[no-untyped-def]
            yield record.type, 1

        inputs, own = [samples / "*.warc.gz", samples / "damaged"], f"{BAD}:raises"
        here = crawlmill.run([kinds, own, "words"], inputs, split_size=20_000, workers=1)
        shared = tmp_path / "shared"
        for engine in (Session(spark), Session(spark, reducers=5, staging=f"file://{shared}")):
            there = crawlmill.run([kinds, own, "words"], inputs, split_size=30_000, on=engine)
            assert all(there[name].equals(here[name]) for name in here) and there.counters == here.counters
            assert there.damage.equals(here.damage) and here.damage.num_rows > 10
        assert list(shared.iterdir()) == []  # what was staged is gone

    def test_parts_that_do_not_come_back_are_no_result(
        self, spark: SparkSession, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where executors on other machines write to a folder of the same name, but their own."""

        def save(context: SparkContext, lines: Lines, output: str) -> None:
            save_parts(context, lines, output)
            (tmp_path / output.rpartition("/")[2] / "part-00001").unlink()

        monkeypatch.setattr("crawlmill.spark.rdd.save_parts", save)
        with pytest.raises(CrawlmillError, match="parts are missing: 2 of 3 came back") as failed:
            crawlmill.run("origins", samples / "*.warc.gz", on=Session(spark, 3, staging=f"file://{tmp_path}"))
        assert "name one that all share" in str(failed.value) and not list(tmp_path.iterdir())

    def test_what_fails_in_a_task_is_one_clear_line(self, spark: SparkSession, samples: Path) -> None:
        with pytest.raises(CrawlmillError) as failed:
            crawlmill.run("origins", "s3://bucket/a.warc.gz", on=Session(spark))
        assert str(failed.value).startswith("s3://bucket/a.warc.gz: no store is known for s3://")
        assert "\n" not in str(failed.value)
        for engine in (Session(spark), Spark()):
            with pytest.raises(UsageError, match="standard input"):
                crawlmill.run("origins", "-", on=engine)

    def test_the_application_writes_the_files_of_a_run(
        self, java: None, samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in [name for name in os.environ if name.startswith(("PYSPARK_", "SPARK_"))]:
            monkeypatch.delenv(name)
        zipped = tmp_path / "crawlmill.zip"
        subprocess.run([*CRAWLMILL, "hadoop", "zip", "-o", str(zipped)], check=True, capture_output=True, timeout=60)
        inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
        words = [*spark_submit(), "--master", "local[2,4]", "--conf", f"spark.pyspark.python={sys.executable}"]
        words += ["--conf", f"spark.pyspark.driver.python={sys.executable}", "--conf", "spark.ui.enabled=false"]
        words += ["--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1"]
        words += ["--py-files", str(zipped), str(crawlmill_file("spark_apps/analyze.py"))]
        asked = ["--where", "status!=404", "--set", "words.min_length=4"]
        there, here = tmp_path / "there", tmp_path / "here"
        subprocess.run(
            [*words, "origins,words,records", *inputs, "-o", str(there), "--format", "jsonl", *asked],
            check=True, capture_output=True, timeout=240,
        )  # fmt: skip
        subprocess.run(
            [*CRAWLMILL, "run", "origins,words,records", *inputs, "-o", str(here), "--format", "jsonl", *asked],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        names = sorted(os.listdir(here))
        assert sorted(os.listdir(there)) == names and len(names) == 5
        for name in set(names) - {"run.json"}:
            assert (there / name).read_bytes() == (here / name).read_bytes(), name
        done = subprocess.run(
            [*words, "origin", *inputs, "-o", str(tmp_path / "x")],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (
            done.returncode == 2 and "crawlmill: no analysis is called 'origin'" in done.stdout
        )  # spark-submit joins both

    def test_the_printed_command_works_in_a_shell(self, java: None, samples: Path, tmp_path: Path) -> None:
        words = ["run", "origins", str(samples / "*.warc.gz"), "--on", "spark", "--master", "local[2]", "--dry-run"]
        done = subprocess.run(
            [*CRAWLMILL, *words], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
        )
        pasted = subprocess.run(
            ["bash", "-ec", done.stdout], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
        )
        assert pasted.returncode == 0, pasted.stderr
        parts = [str(path) for path in sorted((tmp_path / "crawlmill-job/parts").glob("part-*"))]
        found = b"".join(merge_files(parts, reducers_of(registry.load(["origins"])), lambda: str(tmp_path / "between")))
        local = crawlmill.run("origins", samples / "*.warc.gz", workers=1)["origins"]
        lines = [line for line in found.splitlines() if line.startswith(b'["origins"')]
        assert len(lines) == local.num_rows == 21

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed terminal"])
    def test_who_leaves_takes_the_application_along(self, java: None, tmp_path: Path, number: signal.Signals) -> None:
        path = tmp_path / "slow.warc.gz"
        path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x") for at in range(9000)]))
        setting = f"crawlmill.test={tmp_path}"
        words = ["run", f"{BAD}:slow_bodies", str(path), "--on", "spark", "-D", f"spark.{setting}", "--split-size", "1"]
        process = subprocess.Popen(
            [*HEEDS_CTRL_C, *CRAWLMILL, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "map 0 %" in line:  # its tasks are at work
                break
        assert any("SparkSubmit" in line for line in processes(setting))
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 130
        wait_for(lambda: not processes(setting))


@pytest.mark.hadoop
@pytest.mark.slow
@pytest.mark.xdist_group("hadoop")
def test_on_yarn(yarn: Path, hdfs: Callable[..., str], samples: Path) -> None:
    """Driver here, executors in containers; archives and parts in HDFS, where nothing is left."""
    hdfs("-mkdir", "-p", "/yarn")
    hdfs("-put", *map(str, sorted(samples.glob("*.warc.gz"))), str(samples / "damaged/truncated.warc.gz"), "/yarn/")
    before = folders(hdfs("-ls", "/tmp"))
    there = crawlmill.run("origins", "hdfs:///yarn", on=Spark("yarn", 2, sys.executable, yarn_settings()))
    here = crawlmill.run("origins", "hdfs:///yarn", workers=1)
    assert there["origins"].equals(here["origins"]) and there.counters == here.counters
    assert there.damage.equals(here.damage) and here.damage.num_rows == 1
    assert not {name for name in folders(hdfs("-ls", "/tmp")) - before if "crawlmill-" in name}


@pytest.mark.hadoop
@pytest.mark.slow
@pytest.mark.xdist_group("hadoop")
def test_a_killed_run_leaves_an_application_on_yarn_that_the_next_one_ends(yarn: Path, tmp_path: Path) -> None:
    """The events say what happened; cancelling ends the application; what a killed run left, the next one ends."""
    path = tmp_path / "slow.warc.gz"
    path.write_bytes(gz([make_record("response", f"http://a.example/{at}", b"x") for at in range(9000)]))
    engine, told = Spark("yarn", 2, sys.executable, (*yarn_settings(), "spark.yarn.tags=mine")), list[Event]()

    def stop(event: Event) -> None:
        told.append(event)
        if event.kind == "progress":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crawlmill.run(f"{BAD}:slow_bodies", path, on=engine, events=stop)
    (application,) = {event.application for event in told if event.application}
    assert told[0].cluster == "yarn" and told[-1].state == "killed" and told[-1].url and application in told[-1].url
    tags = cluster()
    assert tags.state(application) in ("KILLED", "FINISHED", "FAILED") and gone(told) == []

    words = [
        "run",
        f"{BAD}:slow_bodies",
        str(path),
        "--on",
        "spark",
        "--master",
        "yarn",
        "--node-python",
        sys.executable,
    ]
    words += [word for setting in engine.settings for word in ("-D", setting)]
    events = tmp_path / "events"
    process = subprocess.Popen(
        [*CRAWLMILL, *words, "--events", str(events)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    wait_for(lambda: events.exists() and '"progress"' in events.read_text())
    process.kill()
    process.wait()
    recorded = list(read_events(str(events)))
    (program,) = {event.program for event in recorded if event.program}
    (application,) = {event.application for event in recorded if event.application}
    assert tags.alive(program) == [application] and application in tags.alive("mine")
    assert gone(recorded[:2])[0] == program
    assert tags.alive(program) == [] and not processes(program)


def processes(text: str) -> list[str]:
    """Command lines of running processes that hold a text."""
    shown = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True, timeout=30).stdout
    return [
        line
        for line in shown.splitlines()
        if text in line and "crawlmill run" not in line and "-m crawlmill" not in line
    ]


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something is true; three minutes at most."""
    until = time.monotonic() + 180
    while not true():
        assert time.monotonic() < until
        time.sleep(0.2)


def crawlmill_file(name: str) -> Path:
    """Where ``crawlmill path`` finds a program."""
    done = subprocess.run([*CRAWLMILL, "path", name], capture_output=True, text=True, check=True, timeout=60)
    return Path(done.stdout.strip())


def folders(listing: str) -> set[str]:
    """The names in what ``hdfs dfs -ls`` prints."""
    return {line.split()[-1] for line in listing.splitlines()[1:]}
