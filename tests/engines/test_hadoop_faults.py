"""The Hadoop engine on two nodes while parts of them fail, and all that can be wrong with a job: the same rows as on this
machine, or one clear line."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.api import Run
from crawlmill.cluster import daemons, processes
from crawlmill.cluster.settings import daemons_of
from crawlmill.engines.hadoop import Hadoop
from crawlmill.errors import UsageError

pytestmark = [pytest.mark.hadoop, pytest.mark.xdist_group("hadoop on two nodes")]
ROOT = Path(__file__).resolve().parent.parent.parent
BAD = str(Path(__file__).with_name("analyses.py"))
CRAWLMILL = [sys.executable, "-m", "crawlmill"]
SMALL = (
    "yarn.nm.liveness-monitor.expiry-interval-ms=6000",  # a node is lost after seconds, not ten minutes
    "yarn.client.nodemanager-connect.max-wait-ms=2000",
    "yarn.nodemanager.resource.memory.enforced=false",  # else only cgroups hold a container to its memory
    "yarn.nodemanager.container-monitor.interval-ms=300",
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a cluster of two nodes, started from the checkout. On each there is memory for two containers, so the
    node without the application master has one mapper or both."""
    home = tmp_path_factory.mktemp("nodes") / "cluster"
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HADOOP_HOME", "HADOOP_CONF_DIR", "CRAWLMILL_WEBHDFS"):
            environment.delenv(name, raising=False)
        environment.setenv("CRAWLMILL_CLUSTER", str(home))
        environment.setenv("CRAWLMILL_VENV", sys.prefix)
        defined = [word for setting in SMALL for word in ("-D", setting)]
        script("up", "--nodes", "2", "--memory", "1024", *defined)
        yield home
        script("down")
        os.environ.pop("CRAWLMILL_WEBHDFS", None)


def script(*words: str, **variables: str) -> str:
    """What ``scripts/hadoop`` prints, run in another folder than the checkout."""
    done = subprocess.run(
        [ROOT / "scripts/hadoop", *words], cwd="/", env={**os.environ, **variables}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(*words: str) -> tuple[int, str, str]:
    """A ``crawlmill`` command: its exit code, what it prints, the lines of its messages."""
    done = subprocess.run([*CRAWLMILL, *words], capture_output=True, text=True, timeout=180, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def crawl(nodes: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What this machine reads in two files of HDFS with some blocks each, one of them damaged."""
    folder, rng = tmp_path_factory.mktemp("crawl"), random.Random(7)
    for number in range(2):
        records = [make_record("response", f"http://{at}.example/", rng.randbytes(20_000)) for at in range(500)]
        data = bytearray(gz(records, 1))
        if number:
            data[len(data) // 2 : len(data) // 2 + 8] = b"damaged!"
        (folder / f"{number}.warc.gz").write_bytes(data)
    script("shell", "--", "hdfs", "dfs", "-D", "dfs.blocksize=2097152", "-put", str(folder), "/crawl")
    run = crawlmill.run(f"{BAD}:slow_bodies", "hdfs:///crawl", options={"slow_bodies": {"milliseconds": 0}})
    assert run.counters["records"] == 999 and run.damage.num_rows > 0
    return run


# ---- something fails while a job runs


def mappers(home: Path, name: str = "") -> list[int]:
    """The pids of the mappers that run, of all nodes or of one."""
    return [pid for pid in processes.containers(home, name) if b"crawlmill.zip\0map\0" in command_line(pid)]


def command_line(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture
def whole(nodes: Path) -> Iterator[Path]:
    """The home of the cluster, of which all daemons run again after the test."""
    yield nodes
    assert command("hadoop", "up")[0] == 0
    assert all(daemons.status(nodes).values())


def slowly(home: Path, act: Callable[[], None], milliseconds: int = 15) -> tuple[Run, dict[str, Any]]:
    """Run the slow analysis on the cluster, and ``act`` once two mappers are in the middle of it.

    Returns:
        The run, and what the history of jobs says of it.
    """
    acted, over = threading.Event(), threading.Event()

    def wait_and_act() -> None:
        while len(mappers(home)) < 2:
            if over.wait(0.05):
                return
        time.sleep(1)
        act()
        if not over.is_set():
            acted.set()

    actor = threading.Thread(target=wait_and_act)
    actor.start()
    heard: list[str] = []
    try:
        run = crawlmill.run(
            f"{BAD}:slow_bodies", "hdfs:///crawl", options={"slow_bodies": {"milliseconds": milliseconds}},
            on=Hadoop(node_python=sys.executable), say=heard.append,
        )  # fmt: skip
    finally:
        over.set()
        actor.join(120)
    assert acted.is_set(), "it came too late: the job was over"
    application = next(line for line in heard if line.startswith("tracking: ")).rstrip("/").rpartition("/")[2]
    return run, history(home, application.replace("application", "job"))


def history(home: Path, job: str) -> dict[str, Any]:
    """What the history server says of a job, and of the application masters that it had."""
    port = daemons.ports(home)["historyserver_http"]
    found: dict[str, Any] = {}
    for what in ("", "/jobattempts"):
        url = f"http://127.0.0.1:{port}/ws/v1/history/mapreduce/jobs/{job}{what}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            found |= json.load(answer)
    masters = found["jobAttempts"]["jobAttempt"]  # a list, or the only one
    return {**found["job"], "masters": max(one["id"] for one in (masters if isinstance(masters, list) else [masters]))}


def assert_equal(there: Run, here: Run) -> None:
    assert there["slow_bodies"].equals(here["slow_bodies"]) and there.damage.equals(here.damage)
    assert there.counters == here.counters


def test_a_killed_container_loses_nothing(nodes: Path, crawl: Run) -> None:
    def kill() -> None:
        container = int(Path(f"/proc/{mappers(nodes)[0]}/stat").read_text().rpartition(")")[2].split()[1])
        assert b"YarnChild" in command_line(container)
        os.kill(container, signal.SIGKILL)

    run, job = slowly(nodes, kill)
    assert_equal(run, crawl)
    assert job["failedMapAttempts"] == 1 and job["successfulMapAttempts"] == 2


@pytest.mark.parametrize("master", [False, True], ids=["with a mapper", "with the application master"])
def test_a_lost_node_loses_nothing(whole: Path, crawl: Run, master: bool) -> None:
    lost: list[str] = []

    def lose() -> None:
        for name in ("nodemanager-1", "nodemanager-2"):
            lines = [command_line(pid) for pid in processes.containers(whole, name)]
            if any(b"MRAppMaster" in line for line in lines) == master:
                assert master or mappers(whole, name)  # both may run on the other node
                daemons.kill(name, whole)
                lost.append(name)
                return

    run, job = slowly(whole, lose)
    assert_equal(run, crawl)
    assert len(lost) == 1 and not daemons.status(whole)[lost[0]]
    assert job["masters"] == (2 if master else 1)
    assert master or job["killedMapAttempts"] >= 1  # two where both mappers ran there


def test_data_nodes_that_restart_lose_nothing(whole: Path, crawl: Run) -> None:
    """One after the other, so each mapper loses the node that it reads from."""

    def restart() -> None:
        for name in ("datanode-1", "datanode-2"):
            daemons.restart(name, whole, signal.SIGKILL)

    run, job = slowly(whole, restart, milliseconds=40)
    assert_equal(run, crawl)
    assert job["failedMapAttempts"] == 0  # the other node was asked


# ---- results in HDFS


def test_results_in_hdfs_are_those_of_a_local_folder(nodes: Path, samples: Path, tmp_path: Path) -> None:
    script("shell", "--", "hdfs", "dfs", "-put", str(samples / "damaged"), "/damaged")
    inputs = ["hdfs:///damaged", "hdfs:///nothing.warc.gz", str(samples / "*.warc.gz")]
    names, there = ["origins", "status"], Hadoop(2, sys.executable)
    here = crawlmill.run(names, inputs, output=tmp_path / "here", format="jsonl", workers=1)
    runs = {
        "a": crawlmill.run(names, inputs, output="hdfs:///results/a", format="jsonl", workers=1),
        "b c": crawlmill.run(names, inputs, output="hdfs:///results/b c/", format="jsonl", on=there),
    }
    assert "missing" in here.damage["kind"].to_pylist() and here.damage.num_rows > 5
    script("shell", "--", "hdfs", "dfs", "-get", "/results", str(tmp_path / "there"))
    assert sorted(os.listdir(tmp_path / "there")) == ["a", "b c"]  # and nothing half done
    for name, run in runs.items():
        assert run.output == f"hdfs:///results/{name}" and run.counters == here.counters
        assert run["status"].equals(here["status"]) and run.damage.equals(here.damage)
        folders = tmp_path / "here", tmp_path / "there" / name
        assert sorted(os.listdir(folders[0])) == sorted(os.listdir(folders[1]))
        for file in ("origins.jsonl", "status.jsonl", "damage.jsonl"):
            assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), (name, file)
        done = [json.loads((folder / "run.json").read_text()) for folder in folders]
        for one in done:
            del one["seconds"]
        assert done[0] == done[1]


def test_a_folder_in_hdfs_is_replaced_only_when_a_run_made_it(nodes: Path, samples: Path) -> None:
    sample = str(next(samples.glob("*.warc.gz")))
    for _ in range(2):
        crawlmill.run("status", sample, output="hdfs:///replaced", overwrite=True, format="jsonl", workers=1)
    first = command("show", "hdfs:///replaced", "--json")
    with pytest.raises(UsageError, match=r"hdfs:///replaced: the output exists; use .*--overwrite"):
        crawlmill.run("origins", sample, output="hdfs:///replaced", workers=1)
    with pytest.raises(UsageError, match="hdfs:///replaced: the output"):
        crawlmill.run("origins", sample, output="hdfs:///replaced", resume=True, workers=1)
    assert first == command("show", "hdfs:///replaced", "--json") and first[0] == 0
    crawlmill.run("origins", sample, output="hdfs:///replaced", overwrite=True, workers=1)
    names = script("shell", "--", "hdfs", "dfs", "-ls", "-C", "/replaced", "/").split()
    assert "/replaced/origins.parquet" in names and "/replaced/status.jsonl" not in names
    assert not [name for name in names if name.startswith("/.")]
    script("shell", "--", "hdfs", "dfs", "-mkdir", "-p", "/ours/precious")
    for uri, why in (
        ("hdfs:///ours", "no run made"),
        ("hdfs:///replaced/run.json", "not a folder"),
        ("hdfs:///", "root"),
    ):
        with pytest.raises(UsageError, match=why):
            crawlmill.run("origins", sample, output=uri, overwrite=True, workers=1)


def test_a_result_that_hdfs_does_not_take_is_kept(nodes: Path, samples: Path, tmp_path: Path) -> None:
    """Somebody makes a folder of that name while the run is on; once that has gone, the run goes on."""
    sample = str(next(samples.glob("*.warc.gz")))
    with pytest.raises(UsageError, match="hdfs:///late: the output exists"):
        crawlmill.run(
            "status", sample, output="hdfs:///late", work=tmp_path / "work", workers=1, format="jsonl",
            planned=lambda plan: void(script("shell", "--", "hdfs", "dfs", "-mkdir", "-p", "/late/other")),
        )  # fmt: skip
    assert script("shell", "--", "hdfs", "dfs", "-ls", "-C", "/late").split() == ["/late/other"]
    script("shell", "--", "hdfs", "dfs", "-rm", "-r", "-skipTrash", "/late")
    there = {"output": "hdfs:///late", "work": tmp_path / "work", "workers": 1, "format": "jsonl"}
    run = crawlmill.run("status", sample, resume=True, **there)  # type: ignore[arg-type]
    names = script("shell", "--", "hdfs", "dfs", "-ls", "-C", "/late").split()
    assert names == [f"/late/{name}" for name in ("damage.jsonl", "run.json", "status.jsonl")]
    assert run["status"].equals(crawlmill.run("status", sample, workers=1)["status"])


def void(_: object) -> None:
    """Nothing, of something."""


# ---- what an analysis needs, shipped


def test_a_packed_environment_brings_what_an_analysis_needs(nodes: Path, samples: Path, packed: Path) -> None:
    sample = str(samples / "*.warc.gz")
    names = ["tags", f"{BAD}:parser_home"]
    there = crawlmill.run(names, sample, on=Hadoop(env=str(packed)))
    assert there["tags"].equals(crawlmill.run("tags", sample, workers=1)["tags"]) and there["tags"].num_rows > 5
    (home,) = there["parser_home"].to_pylist()
    assert (home["folder"], home["package"]) == ("env", "/resiliparse/__init__.py") and home["records"] > 50


# ---- one clear line, that says what, where, and what to do next


def failure(*words: str, code: int = 1) -> str:
    """The one line of a command that fails."""
    found, _, said = command(*words)
    told = ("map ", "tracking: ")
    lines = [line for line in said.splitlines() if not line.startswith(told)]
    assert found == code and len(lines) == 1 and lines[0].startswith("crawlmill: "), (found, said)
    return lines[0]


def bare_python() -> str:
    """A python that knows no resiliparse: the one that our environment was made with."""
    base = str(sys._base_executable)  # type: ignore[attr-defined]
    found = subprocess.run([base, "-I", "-c", "import resiliparse"], capture_output=True, timeout=60, check=False)
    assert found.returncode == 1, f"{base} has resiliparse"
    return base


def test_a_job_that_fails_says_why(nodes: Path, samples: Path) -> None:
    """Too little memory, a python without a package, a python that is too old: three jobs at once."""
    sample = str(next(samples.glob("*.warc.gz")))
    old = sorted(Path("~/.pyenv/versions").expanduser().glob("3.[678].*/bin/python"))
    jobs = {
        f"{BAD}:hungry": (
            sys.executable,
            "of 512 MB memory, and was killed; give it more: -D mapreduce.map.memory.mb=",
        ),
        "tags": (bare_python(), "resiliparse is needed on the nodes; ship an environment that has it: --env"),
        **({"origins": (str(old[0]), "name one of 3.9 or later with --node-python")} if old else {}),
    }
    submit = ("--on", "hadoop", "-D", "mapreduce.map.maxattempts=1", "--node-python")
    with ThreadPoolExecutor(len(jobs)) as pool:
        words = [("run", name, sample, *submit, python) for name, (python, _) in jobs.items()]
        for line, (_, why) in zip(pool.map(lambda one: failure(*one), words), jobs.values(), strict=True):
            assert why in line and line.startswith("crawlmill: http://localhost:"), line
    if not old:
        pytest.skip("no Python older than 3.9 on this machine; the rest was tested")


def test_a_queue_that_is_not_there(nodes: Path, samples: Path) -> None:
    line = failure("run", "origins", str(samples / "*.warc.gz"), "--on", "hadoop", "--queue", "adhoc")
    assert "there is no queue 'adhoc'; name another with --queue" in line


def test_what_is_wrong_before_a_job_is_made(nodes: Path, samples: Path, tmp_path: Path) -> None:
    sample, there = str(samples / "*.warc.gz"), ("--on", "hadoop")
    assert "no analysis is called 'orgins'; there are" in failure("run", "orgins", sample, *there, code=2)
    (tmp_path / "out").mkdir()
    assert "the output exists" in failure("run", "origins", sample, *there, "-o", str(tmp_path / "out"), code=2)
    assert "nothing matches" in failure("run", "origins", "hdfs:///no/*.gz", *there, code=2)
    assert "no record was read" in failure("run", "origins", "hdfs:///nothing.warc.gz", code=3)


def test_a_hadoop_home_that_leads_nowhere(nodes: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOOP_HOME", "/nowhere")
    monkeypatch.delenv("CRAWLMILL_WEBHDFS", raising=False)
    line = failure("run", "origins", str(samples / "*.warc.gz"), "--on", "hadoop", code=2)
    assert line == "crawlmill: /nowhere: HADOOP_HOME is no Hadoop: there is no bin/hadoop; correct it, or unset it"
    assert "hdfs:///crawl: no NameNode is known" in failure("run", "origins", "hdfs:///crawl")


def test_hdfs_out_of_reach(whole: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample, there = str(samples / "*.warc.gz"), ("--on", "hadoop")
    monkeypatch.setenv("CRAWLMILL_STORE_WAIT", "0.5")
    daemons.kill("namenode", whole)
    port = daemons.ports(whole)["namenode_http"]
    for more in ((), there):
        line = failure("run", "origins", "hdfs:///crawl", *more)
        assert f"hdfs:///crawl: the store is out of reach: 127.0.0.1:{port}: Connection refused; waited 0.5 s" in line
    line = failure("run", "origins", sample, *there)
    assert line == f"crawlmill: {whole}: the namenode is down; crawlmill hadoop restart namenode"
    with monkeypatch.context() as patch:
        for name, value in daemons.exports(whole).items():  # as a Hadoop that is not ours
            patch.setenv(name, value)
        assert "failed: localhost:" in (line := failure("run", "origins", sample, *there))
        assert line.endswith("is out of reach; is it up? crawlmill hadoop status")
    monkeypatch.setenv("CRAWLMILL_WEBHDFS", "127.0.0.1:9")  # a wrong address
    for more in ((), there):
        assert "the store is out of reach: 127.0.0.1:9" in failure("run", "origins", "hdfs:///crawl", *more)


# ---- the cluster itself


def test_the_script_does_what_the_command_does(nodes: Path) -> None:
    names = daemons_of(2)
    rows = [line.split()[:2] for line in script("status").splitlines()]
    assert rows == [[name, "up"] for name in names]
    said = json.loads(script("status", "--json"))
    assert said["home"] == str(nodes) and list(said["daemons"]) == list(names)
    lines = script("env").splitlines()
    assert len(lines) == 3 and all(line.startswith("export ") for line in lines)
    found = subprocess.run(
        ["bash", "-c", 'eval "$(cat)"; command -v hdfs; echo "$HADOOP_HOME"'], input="\n".join(lines),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert found.stdout.split() == [str(nodes / "bin/hdfs"), str(nodes)]
    live = script("shell", "--", "hdfs", "dfsadmin", "-report", "-live")
    assert live.count("Decommission Status : Normal") == 2
    assert "no daemon is called 'datanode'; namenode, datanode-1" in failure("hadoop", "restart", "datanode", code=2)
    assert "there is a cluster with --nodes 2; crawlmill hadoop down" in failure("hadoop", "up", "--nodes", "1", code=2)


def test_down_ends_all_whatever_hadoop_home_says(nodes: Path) -> None:
    """The last test: the cluster is gone after it."""
    pids = list(processes.running(nodes).values())
    assert len(pids) == 7
    script("down", HADOOP_HOME="/nowhere", HADOOP_CONF_DIR="/nowhere/etc")
    assert not processes.running(nodes) and not processes.containers(nodes) and not nodes.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists() and b"java" in command_line(pid)]
