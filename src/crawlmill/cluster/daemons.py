"""The daemons of the local cluster: started, watched until they are ready, restarted, and ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict, cast

from crawlmill.cluster import processes
from crawlmill.cluster.fetch import fetch, java
from crawlmill.cluster.health import ready
from crawlmill.cluster.home import lay_out, remove
from crawlmill.cluster.settings import HOST, MAINS, daemons_of, free_ports, kind_of, own_settings, settings
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import whole_file
from crawlmill.scratch import cache_folder

JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens", "java.base/java.lang=ALL-UNNAMED")
READY = 180.0
"""Seconds in which a daemon must answer."""
PATIENCE = 15.0
"""Seconds that a daemon has to end. A NodeManager whose ResourceManager is away takes long."""


class _State(TypedDict):
    nodes: int
    ports: dict[str, int]


def home_folder() -> Path:
    """Where the cluster lives: ``CRAWLMILL_CLUSTER``, else a folder in the cache."""
    given = os.environ.get("CRAWLMILL_CLUSTER")
    return Path(given).resolve() if given else cache_folder() / "cluster"


def up(
    nodes: int | None = None, memory: int = 3072, extra: Sequence[str] = (), say: Callable[[str], None] = print
) -> Path:
    """Start the cluster, and wait until it can take jobs; its home. Of one that is there, what has ended is started again,
    with its data and settings.

    Args:
        nodes: DataNodes, and NodeManagers; None for one, or for those of a cluster that is up.
        memory: MiB for the containers of a node.
        extra: ``key=value``, settings of Hadoop.
        say: told what is done.

    Raises:
        CrawlmillError: no Java, no jars, or a daemon that does not come up (its log's last line is named).
        UsageError: there is a cluster with another number of nodes.
    """
    home = home_folder()
    state = _state(home)
    if state is not None and (home / "data/namenode/current/VERSION").exists():
        return _up_again(home, state, nodes, say)
    down(home)
    began = time.monotonic()
    jars = fetch()
    say(f"Hadoop's jars are in {jars}")
    nodes = nodes or 1
    ports = free_ports(nodes)
    lay_out(home, jars, settings(home, ports, nodes, memory, extra))
    with whole_file(str(home / "run/state.json")) as file:
        file.write(json.dumps(_State(nodes=nodes, ports=ports), indent=1).encode())
    try:
        _format(home)
        _start(home, daemons_of(nodes), ports)
    except BaseException:
        stop(home)
        raise
    say(f"the cluster is up after {time.monotonic() - began:.0f} s: HDFS hdfs://{HOST}:{ports['namenode']}")
    return home


def _up_again(home: Path, state: _State, nodes: int | None, say: Callable[[str], None]) -> Path:
    if nodes not in (None, state["nodes"]):
        raise UsageError(f"there is a cluster with --nodes {state['nodes']}", str(home), "crawlmill hadoop down")
    ended = [name for name, runs in status(home).items() if not runs]
    if ended:
        say(f"starting again: {', '.join(ended)}")
        _start(home, ended, state["ports"])
    say(f"the cluster is up in {home}")
    return home


def restart(name: str, home: Path | None = None, how: signal.Signals = signal.SIGTERM) -> None:
    """End one daemon, if it runs, and start it again at its ports, with its data; returns when it does its work again.

    Args:
        name: as :func:`status` has it.
        home: of the cluster.
        how: SIGKILL ends it as a fault does.

    Raises:
        UsageError: no daemon is called so. CrawlmillError: it does not come up.
    """
    home = home or home_folder()
    state = _state(home)
    if state is None or name not in daemons_of(state["nodes"]):
        known = ", ".join(daemons_of(state["nodes"])) if state else "crawlmill hadoop up"
        raise UsageError(f"no daemon is called {name!r}" if state else "there is no cluster", str(home), known)
    kill(name, home, how)
    listened = [port for what, port in state["ports"].items() if what.partition("_")[0] == name]
    taken = processes.await_free(listened, PATIENCE)
    if taken:
        raise CrawlmillError(f"another program listens at {HOST}:{taken[0]}", name, "crawlmill hadoop down, then up")
    _start(home, (name,), state["ports"])


def kill(name: str, home: Path | None = None, how: signal.Signals = signal.SIGKILL) -> None:
    """End one daemon, and what runs in its containers, and leave the others alone."""
    home = home or home_folder()
    if how is signal.SIGKILL and (pid := processes.running(home).get(name)):
        os.kill(pid, how)
    processes.end(lambda: [pid for found, pid in processes.running(home).items() if found == name], PATIENCE)
    if kind_of(name) == "nodemanager":
        processes.end(lambda: processes.containers(home, name), 0)


def stop(home: Path) -> None:
    """End the daemons that :func:`up` started, and what runs in their containers; nothing else.

    The NodeManagers first, while the ResourceManager still answers them: they end their containers.
    """
    for kinds in (("nodemanager",), tuple(MAINS)):
        processes.end(partial(_pids, home, kinds), PATIENCE)
    processes.end(lambda: processes.containers(home), 0)


def down(home: Path | None = None) -> bool:
    """End the cluster and delete its data; whether there was one."""
    home = home or home_folder()
    if not (home / "run").is_dir():
        return False
    stop(home)
    remove(home)
    return True


def status(home: Path | None = None) -> dict[str, bool]:
    """Which daemons run."""
    home = home or home_folder()
    state = _state(home)
    found = processes.running(home)
    return {name: name in found for name in daemons_of(state["nodes"] if state else 1)}


def ports(home: Path | None = None) -> dict[str, int]:
    """The ports of the cluster, by the daemon's name and what it listens for; empty when there is none."""
    state = _state(home or home_folder())
    return state["ports"] if state else {}


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


def _pids(home: Path, kinds: Sequence[str]) -> list[int]:
    return [pid for name, pid in processes.running(home).items() if kind_of(name) in kinds]


def _format(home: Path) -> None:
    words = _java(home, "format", MAINS["namenode"], "-format", "-nonInteractive")
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment(home), timeout=READY, check=False)
        said, failed = done.stderr.strip().splitlines() or ["it said nothing"], done.returncode != 0
    except subprocess.TimeoutExpired:
        said, failed = [f"it did not end in {READY:.0f} s"], True
    if failed:
        raise CrawlmillError("HDFS could not be formatted", str(home), said[-1][:200])


def _start(home: Path, names: Sequence[str], ports: Mapping[str, int]) -> None:
    """Start daemons, and wait until all of them do their work."""
    since = time.time()
    started = {name: _launch(home, name, ports) for name in names}
    waiting, until = list(names), time.monotonic() + READY
    while waiting and time.monotonic() < until:
        for name, process in started.items():
            if process.poll() is not None:
                raise CrawlmillError(f"the {name} ended", str(_log(home, name)), _last_words(home, name))
        waiting = [name for name in waiting if not ready(name, ports, since)]
        time.sleep(0.2)
    if waiting:
        raise CrawlmillError(f"the {waiting[0]} is not ready after {READY:.0f} s", str(_log(home, waiting[0])))


def _launch(home: Path, name: str, ports: Mapping[str, int]) -> subprocess.Popen[bytes]:
    own = [word for key, value in own_settings(home, name, ports).items() for word in ("-D", f"{key}={value}")]
    with open(_log(home, name), "ab") as log:
        return subprocess.Popen(
            _java(home, name, MAINS[kind_of(name)], *own),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment(home),
            start_new_session=True,
        )


def _java(home: Path, name: str, main: str, *arguments: str) -> list[str]:
    path = f"{home}/etc/hadoop:{home}/web:{home}/share/hadoop/lib/*"
    marks = processes.marks(home, name)
    return [java(), *JVM, f"-Dhadoop.log.dir={home}/logs", *marks, "-cp", path, main, *arguments]


def _log(home: Path, name: str) -> Path:
    return home / "logs" / f"{name}.log"


def _last_words(home: Path, name: str) -> str:
    """The line of a daemon's log that says why it ended: the last exception, else the last line."""
    lines = _log(home, name).read_text(errors="replace").strip().splitlines()
    said = [line for line in lines if "Exception" in line and not line.lstrip().startswith("at ")]
    return (said or lines or ["it said nothing"])[-1].strip()[:200]


def _state(home: Path) -> _State | None:
    """What is known of a cluster; None when there is none."""
    try:
        found = json.loads((home / "run/state.json").read_text())
    except (OSError, ValueError):
        return None
    return cast(_State, found) if isinstance(found, dict) and {"nodes", "ports"} <= set(found) else None
