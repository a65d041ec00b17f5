"""What a run that was killed left behind: found by its events alone, and ended."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from crawlmill.engines import gone
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.submit import Event, EventFile, Patterns, make_gone, new_program, read_events, start
from crawlmill.submit.gone import Left
from crawlmill.submit.processes import members, started_at
from submit_programs import running, wait_for

PARENT = """
import os, sys
from crawlmill.submit import EventFile, follow
script, path, program = sys.argv[1:]
follow(["sh", "-c", script], os.environ, program=program, event=EventFile(path).write)
"""
FAMILY = "sleep 1000 & (setsid sleep 1001 &) ; (trap '' TERM; sleep 1002; sleep 1003) & wait"
SLEEPS = {"sleep 1000", "sleep 1001", "sleep 1002"}


@pytest.fixture
def program() -> Iterator[str]:
    """A name; whatever a test leaves of its program ends here."""
    name = new_program()
    yield name
    make_gone([Event("started", "submitted", program=name, pid=os.getpid())], no_cluster)


def no_cluster(left: Left) -> Files:
    raise AssertionError("no cluster is asked")


def killed(script: str, path: Path, program: str) -> list[Event]:
    """The events that a process recorded before it was killed, while its program went on."""
    process = subprocess.Popen([sys.executable, "-c", PARENT, script, str(path), program])
    wait_for(lambda: path.exists() and len(list(read_events(str(path)))) > 1 and set(running(program)) >= SLEEPS)
    process.kill()
    process.wait()
    return list(read_events(str(path)))


def test_processes_that_outlive_a_killed_parent(tmp_path: Path, program: str) -> None:
    events = killed(FAMILY, tmp_path / "events", program)
    assert [event.kind for event in events] == ["starting", "started"] and events[0].program == program
    assert set(running(program)) >= SLEEPS
    assert gone(events) == [program] and running(program) == []
    assert gone(events) == []


@pytest.mark.slow
def test_the_first_event_is_enough(tmp_path: Path, program: str) -> None:
    """The parent may be killed after it started the program, and before it said so."""
    events = killed(FAMILY, tmp_path / "events", program)
    assert gone(events[:1]) == [program] and running(program) == []


@pytest.mark.slow
def test_whenever_the_parent_is_killed_nothing_is_left(tmp_path: Path) -> None:
    """Seeded moments: before it starts the program, while it does, after."""
    rng = random.Random(3)
    for moment in range(9):
        program, path = new_program(), tmp_path / str(moment)
        process = subprocess.Popen([sys.executable, "-c", PARENT, FAMILY, str(path), program])
        wait_for(lambda path=path, least=moment % 3: path.exists() and len(list(read_events(str(path)))) >= least)
        time.sleep(rng.uniform(0, 0.01))
        process.kill()
        process.wait()
        events = list(read_events(str(path)))
        gone(events)
        assert running(program) == []
        assert len(events) >= moment % 3


@pytest.mark.slow
def test_a_process_without_our_variable_is_found_by_its_session(tmp_path: Path, program: str) -> None:
    events = killed("env -i sleep 1004 & " + FAMILY, tmp_path / "events", program)
    found = subprocess.run(
        ["pgrep", "-x", "-s", str(events[1].pid), "sleep"], capture_output=True, text=True, check=True
    )
    bare = [pid for pid in map(int, found.stdout.split()) if pid not in members(program)]
    assert len(bare) == 1 and gone(events) == [program]
    wait_for(lambda: started_at(bare[0]) is None)  # it is reaped


def test_a_pid_that_went_to_another_process_is_left_alone() -> None:
    other = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        started = Event("started", "submitted", program="crawlmill-old", pid=other.pid, pid_started="another boot:1")
        assert gone([started]) == [] and other.poll() is None
        same = replace(started, pid_started=started_at(other.pid))
        assert gone([same]) == ["crawlmill-old"] and other.wait() == -signal.SIGKILL
    finally:
        other.kill()


def test_a_program_of_another_machine_is_not_sure() -> None:
    event = Event("starting", "submitted", program="crawlmill-1", host="elsewhere.example")
    with pytest.raises(CrawlmillError, match=r"crawlmill-1 was started on elsewhere\.example, and cannot be ended"):
        gone([event])
    ended = Event("ended", "failed", program="crawlmill-1")
    assert gone([event, ended]) == []


# ---- applications of a cluster


class Files:
    """A cluster whose applications are files: one that is there runs. ``PROGRAM.ID`` is tagged, ``ID`` known by its id alone."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cleaned = folder, list[str]()

    def alive(self, program: str, known: Iterable[str]) -> list[str]:
        names = os.listdir(self.folder)
        return [name for name in names if name.startswith(f"{program}.") or name in known]

    def kill(self, application: str) -> str | None:
        (self.folder / application).unlink(missing_ok=True)
        return None

    def clean(self, program: str) -> None:
        self.cleaned.append(program)


def submitted(program: str, *more: Event) -> list[Event]:
    return [Event("starting", "submitted", engine="hadoop", program=program, cluster="yarn"), *more]


@pytest.mark.slow
def test_applications_are_found_by_tag_and_by_id(tmp_path: Path) -> None:
    for name in ("p.1", "7", "other.2", "8"):
        (tmp_path / name).touch()
    cluster = Files(tmp_path)
    events = submitted("p", Event("application", "submitted", program="p", application="7"))
    assert sorted(make_gone(events, lambda left: cluster)) == ["7", "p.1"]
    assert sorted(os.listdir(tmp_path)) == ["8", "other.2"] and cluster.cleaned == ["p"]
    assert make_gone(events, lambda left: cluster) == []


@pytest.mark.slow
@pytest.mark.parametrize("end", ["failed", "killed"])
def test_an_end_that_was_no_success_proves_nothing(tmp_path: Path, end: str) -> None:
    (tmp_path / "p.1").touch()
    events = submitted("p", Event("ended", end, program="p"))
    assert make_gone(events, lambda left: Files(tmp_path)) == ["p.1"]


def test_what_succeeded_is_not_asked_for() -> None:
    assert make_gone(submitted("p", Event("ended", "succeeded", program="p")), no_cluster) == []
    assert make_gone([Event("run", "running"), Event("progress", "running", fraction=0.5)], no_cluster) == []


@pytest.mark.slow
def test_an_application_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    class Stubborn(Files):
        def kill(self, application: str) -> str | None:
            return "it will not"

    (tmp_path / "p.1").touch()
    with pytest.raises(CrawlmillError, match=r"p\.1 of an earlier run does not end; end it, then go on"):
        make_gone(submitted("p"), lambda left: Stubborn(tmp_path), patience=0.1)


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HADOOP_HOME", raising=False)
    monkeypatch.setenv("CRAWLMILL_CLUSTER", str(tmp_path))
    with pytest.raises(UsageError, match="no Hadoop is known"):
        gone(submitted("p"))
    with pytest.raises(UsageError, match="p was started by an engine that is not here: slurm"):
        gone([Event("starting", "submitted", engine="slurm", program="p", cluster="slurm")])


def test_the_record_holds_all_that_is_needed(tmp_path: Path) -> None:
    """Engine, cluster, machine, process: written before and when a program is started."""
    file = EventFile(str(tmp_path / "events"))
    from crawlmill.submit import follow

    follow(["true"], os.environ, Patterns(engine="spark", cluster="yarn"), event=file.write)
    file.close()
    first, second, last = read_events(str(tmp_path / "events"))
    assert (first.kind, first.engine, first.cluster, first.host) == ("starting", "spark", "yarn", socket.gethostname())
    assert second.pid is not None and second.pid_started is not None and last.state == "succeeded"
    handle = start(["sleep", "1000"], os.environ)
    started = next(handle.events())
    assert started.pid is not None and started_at(started.pid) == started.pid_started
    handle.cancel()
    assert started_at(started.pid) is None
