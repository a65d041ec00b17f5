"""The daemons of the local cluster: started, watched until they are ready, and ended, by pid."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crawlmill.cluster.fetch import cache_folder, fetch, java
from crawlmill.cluster.home import HOST, free_ports, lay_out, remove
from crawlmill.errors import CrawlmillError
from crawlmill.files import whole_file

DAEMONS = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
    "historyserver": "org.apache.hadoop.mapreduce.v2.hs.JobHistoryServer",
}
JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens", "java.base/java.lang=ALL-UNNAMED")
READY = 90.0
"""Seconds in which the cluster must answer."""


def home_folder() -> Path:
    """Where the cluster lives: ``CRAWLMILL_CLUSTER``, else a folder in the cache."""
    given = os.environ.get("CRAWLMILL_CLUSTER")
    return Path(given).resolve() if given else cache_folder() / "cluster"


def up(memory: int = 3072, say: Callable[[str], None] = print) -> Path:
    """Start the cluster, and wait until it can take jobs; its home. One that is up is left as it is.

    Args:
        memory: MiB for the containers.
        say: told what is done.

    Raises:
        CrawlmillError: no Java, no jars, or a daemon that does not come up (its log's last line is named).
    """
    home = home_folder()
    if home.exists():
        running = status(home)
        if all(running.values()):
            say(f"the cluster is up in {home}")
            return home
        down(home)
    began = time.monotonic()
    jars = fetch()
    say(f"Hadoop's jars are in {jars}")
    ports = free_ports()
    lay_out(home, jars, ports, memory)
    _write_state(home, {"ports": ports, "pids": {}})
    try:
        formatted = _java(home, DAEMONS["namenode"], "-format", "-nonInteractive")
        done = subprocess.run(formatted, capture_output=True, text=True, env=environment(home), check=False)
        if done.returncode:
            raise CrawlmillError("HDFS could not be formatted", str(home), done.stderr.strip().splitlines()[-1][:200])
        pids: dict[str, int] = {}
        for name, main in DAEMONS.items():
            with open(home / "logs" / f"{name}.log", "ab") as log:
                started = subprocess.Popen(
                    _java(home, main),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment(home),
                    start_new_session=True,
                )
            pids[name] = started.pid
            _write_state(home, {"ports": ports, "pids": pids})
        _await(home, ports, began)
    except BaseException:
        stop(home)
        raise
    say(f"the cluster is up after {time.monotonic() - began:.0f} s: HDFS hdfs://{HOST}:{ports['namenode']}")
    return home


def stop(home: Path) -> None:
    """End the daemons that :func:`up` started, the last one first; nothing else, and by pid."""
    pids = _state(home).get("pids", {})
    alive = {name: pid for name, pid in pids.items() if _ours(home, pid)}
    for signal_number, patience in ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0)):
        for pid in reversed(alive.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        until = time.monotonic() + patience
        while alive and time.monotonic() < until:
            alive = {name: pid for name, pid in alive.items() if _ours(home, pid)}
            time.sleep(0.1)


def down(home: Path | None = None) -> bool:
    """End the cluster and delete its data; whether there was one."""
    home = home or home_folder()
    if not (home / "run/state.json").exists():
        return False
    stop(home)
    remove(home)
    return True


def status(home: Path | None = None) -> dict[str, bool]:
    """Which daemons run."""
    home = home or home_folder()
    pids = _state(home).get("pids", {})
    return {name: name in pids and _ours(home, pids[name]) for name in DAEMONS}


def ports(home: Path | None = None) -> dict[str, int]:
    """The ports of the cluster, by name; empty when there is none."""
    found: dict[str, int] = _state(home or home_folder()).get("ports", {})
    return found


def environment(home: Path) -> dict[str, str]:
    """The environment in which Hadoop's commands find this cluster."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HADOOP_", "YARN_", "HDFS_", "MAPRED_"))
    }
    java_home = os.environ.get("JAVA_HOME") or str(Path(os.path.realpath(java())).parents[1])
    return {**kept, **exports(home), "JAVA_HOME": java_home, "PATH": f"{home / 'bin'}:{os.environ.get('PATH', '')}"}


def exports(home: Path) -> dict[str, str]:
    """The variables that name the cluster."""
    return {"HADOOP_HOME": str(home), "HADOOP_CONF_DIR": str(home / "etc/hadoop")}


def _java(home: Path, main: str, *arguments: str) -> list[str]:
    path = f"{home}/etc/hadoop:{home}/web:{home}/share/hadoop/lib/*"
    return [java(), *JVM, f"-Dhadoop.log.dir={home}/logs", f"-Dcrawlmill.home={home}", "-cp", path, main, *arguments]


def _await(home: Path, ports: dict[str, int], began: float) -> None:
    """Until a DataNode is live and a NodeManager active."""
    nodes = f"http://{HOST}:{ports['resourcemanager_http']}/ws/v1/cluster/metrics"
    state = "Hadoop:service=NameNode,name=FSNamesystemState"
    live = f"http://{HOST}:{ports['namenode_http']}/jmx?qry={state}"
    while time.monotonic() - began < READY:
        for name, running in status(home).items():
            if not running:
                log = (home / "logs" / f"{name}.log").read_text(errors="replace").strip().splitlines()
                raise CrawlmillError(
                    f"the {name} ended", str(home / "logs" / f"{name}.log"), (log or ["it said nothing"])[-1][:200]
                )
        with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
            if _json(nodes)["clusterMetrics"]["activeNodes"] >= 1 and _json(live)["beans"][0]["NumLiveDataNodes"] >= 1:
                return
        time.sleep(0.2)
    raise CrawlmillError(f"the cluster is not ready after {READY:.0f} s", str(home / "logs"), "see the logs there")


def _json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def _ours(home: Path, pid: int) -> bool:
    """Whether a process runs, and is one that was started for this home (a pid may have gone to another)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"-Dcrawlmill.home={home}".encode() in words


def _state(home: Path) -> dict[str, dict[str, int]]:
    try:
        found: dict[str, dict[str, int]] = json.loads((home / "run/state.json").read_text())
    except (OSError, ValueError):
        return {}
    return found


def _write_state(home: Path, state: dict[str, dict[str, int]]) -> None:
    with whole_file(str(home / "run/state.json")) as file:
        file.write(json.dumps(state, indent=1).encode())
