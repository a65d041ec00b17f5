"""A started program: asked, awaited and cancelled; nothing of it is left, whatever becomes of us."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clusters import HEEDS_CTRL_C
from crawlmill.errors import CrawlmillError
from crawlmill.submit import Event, Handle, Patterns, Seen, follow, new_program, start
from submit_programs import running, wait_for

FAMILY = "sleep 1000 & (setsid sleep 1001 &) ; (trap '' TERM; sleep 1002; sleep 1003) & echo ready; wait"
"""A shell with a child, a child that left the session, and one that does not heed SIGTERM."""


def read(line: str) -> Seen | None:
    """Lines such as ``app-7`` and ``40%``."""
    if line.startswith("app-"):
        return Seen(application=line)
    if told := re.fullmatch(r"(\d+)%", line):
        return Seen(fraction=int(told[1]) / 100, stage="work")
    return None


def shell(script: str, patterns: Patterns | None = None) -> Handle:
    return start(["sh", "-c", script], os.environ, patterns)


def ready(handle: Handle) -> Handle:
    """A handle of a program that has printed ``ready``."""
    wait_for(lambda: "ready" in handle.tail)
    return handle


# ---- asked


def test_it_is_asked_while_it_runs(tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    os.mkfifo(go_on)
    with shell(f"echo app-7; echo 40%; echo ready; cat '{go_on}'; echo 90%", Patterns(read)) as handle:
        ready(handle)
        wait_for(lambda: handle.fraction == 0.4)
        assert (handle.state, handle.poll(), handle.application) == ("running", None, "app-7")
        assert handle.wait(0.01) is None and handle.exit_code is None and handle.tail == ["app-7", "40%", "ready"]
        go_on.write_text("more\n")
        assert handle.wait() == "succeeded" == handle.poll()
    assert (handle.fraction, handle.exit_code, handle.reason) == (1.0, 0, None)
    assert handle.tail[-2:] == ["more", "90%"]
    kinds = [event.kind for event in handle.events()]
    assert kinds == ["started", "application", "progress", "progress", "ended"]
    assert [event.kind for event in handle.events(since=3)] == kinds[3:]


def test_everybody_gets_all_events() -> None:
    handle = shell("for at in 1 2 3 4 5 6 7 8 9; do echo $at%; sleep 0.01; done", Patterns(read))
    found: list[list[Event]] = [[], []]
    threads = [threading.Thread(target=lambda into=into: into.extend(handle.events())) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] == list(handle.events()) and len(found[0]) == 11


def test_it_has_no_input() -> None:
    with start(["cat"], os.environ) as handle:
        assert handle.wait() == "succeeded" and handle.tail == []


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["/no/such/program"], None, "/no/such/program cannot be started: No such file or directory"),
        (["sh", "-c", "echo one; echo two >&2; exit 3"], 3, "two"),
        (["sh", "-c", "kill -9 $$"], -9, "it said nothing"),
    ],
)
def test_a_failure_says_why(words: list[str], code: int | None, why: str) -> None:
    with start(words, os.environ) as handle:
        assert handle.wait() == "failed"
    assert handle.reason is not None and (handle.exit_code, handle.reason.what) == (code, why)
    assert handle.cancel() == "failed"  # it stays what it came to
    with pytest.raises(CrawlmillError, match=f"the job failed: {why}"):
        follow(words, os.environ)


# ---- ended


def test_cancelling_ends_all_that_it_started() -> None:
    with ready(shell(FAMILY)) as handle:
        wait_for(lambda: {"sleep 1000", "sleep 1001", "sleep 1002"} <= set(running(handle.program)))
        assert handle.cancel() == "killed" and running(handle.program) == []
        assert handle.cancel() == "killed"
    assert handle.state == "killed" and handle.reason is None
    assert [event.state for event in handle.events()][-1] == "killed"


@pytest.mark.slow
def test_what_does_not_heed_sigterm_is_killed() -> None:
    with ready(shell("trap '' TERM; echo ready; while :; do sleep 1; done")) as handle:
        assert handle.cancel() == "killed" and handle.exit_code == -signal.SIGKILL
    assert running(handle.program) == []


def test_what_heeds_sigterm_has_time_to_clean_up(tmp_path: Path) -> None:
    with ready(
        shell(f"trap 'rm {tmp_path}/file; exit 1' TERM; touch {tmp_path}/file; echo ready; sleep 9 & wait")
    ) as one:
        assert one.cancel() == "killed"
    assert not list(tmp_path.iterdir())


def test_what_it_leaves_behind_ends_with_it() -> None:
    with shell("sleep 1000 & (setsid sleep 1001 >/dev/null 2>&1 &); sleep 0.2; echo done") as handle:
        assert handle.wait() == "succeeded" and handle.tail == ["done"]
    assert running(handle.program) == []


def test_it_is_cancelled_from_another_thread_and_by_many() -> None:
    handle = ready(shell(FAMILY))
    threads = [threading.Thread(target=handle.cancel) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert handle.wait() == "killed"
    for thread in threads:
        thread.join()
    assert running(handle.program) == [] and [event.kind for event in handle.events()] == ["started", "ended"]


@pytest.mark.slow
def test_cancelling_at_once_starts_nothing_or_ends_it(tmp_path: Path) -> None:
    for number in range(20):
        handle = shell(f"sleep 1000; touch {tmp_path}/{number}")
        assert handle.cancel() == "killed" and running(handle.program) == []
    assert not list(tmp_path.iterdir())


def test_an_exception_in_the_block_ends_it() -> None:
    with pytest.raises(ZeroDivisionError), ready(shell(FAMILY)) as handle:
        raise ZeroDivisionError
    assert handle.state == "killed" and running(handle.program) == []


class Cluster:
    """Applications of a program, and which of them were killed."""

    def __init__(self, *alive: str) -> None:
        self.alive, self.killed = list(alive), list[str]()

    def kill(self, application: str) -> str | None:
        self.killed.append(application)
        return "no rights" if application == "app-666" else None

    @property
    def patterns(self) -> Patterns:
        return Patterns(read, self.kill, lambda: self.alive)


def test_its_application_is_killed_when_the_id_is_known() -> None:
    cluster = Cluster("app-8")
    with ready(shell("echo app-7; echo ready; sleep 1000", cluster.patterns)) as handle:
        assert handle.cancel() == handle.cancel() == "killed"
    assert cluster.killed == ["app-7"] and "killing app-7" in [event.message for event in handle.events()]


def test_an_id_that_is_told_at_the_last_moment_counts() -> None:
    cluster = Cluster()
    with ready(shell("trap 'echo app-7; exit' TERM; echo ready; sleep 1000 & wait", cluster.patterns)) as handle:
        assert handle.cancel() == "killed"
    assert cluster.killed == ["app-7"] == [handle.application]


def test_without_an_id_the_cluster_is_asked() -> None:
    """The line that names it may be lost in a pipe between the program and its own child."""
    for alive in ((), ("app-8", "app-9")):
        cluster = Cluster(*alive)
        with ready(shell("echo ready; sleep 1000", cluster.patterns)) as handle:
            assert handle.cancel() == "killed"
        assert cluster.killed == list(alive)


@pytest.mark.parametrize(
    ("script", "killed"),
    [
        ("echo app-7; kill -9 $$", ["app-7"]),
        ("kill -9 $$", ["app-7"]),
        ("echo app-7; exit 1", ["app-7"]),
        ("exit 1", []),  # it failed before it submitted anything
        ("echo app-8; exit 0", []),
    ],
)
def test_the_application_of_a_client_that_fails_is_killed(script: str, killed: list[str]) -> None:
    cluster = Cluster("app-7")
    with shell(script, cluster.patterns) as handle:
        assert handle.wait() == ("succeeded" if "exit 0" in script else "failed") and cluster.killed == killed


def test_one_that_was_never_accepted_is_not_killed() -> None:
    cluster = Cluster()
    with shell("echo app-7; echo no such queue; exit 1", cluster.patterns) as handle:
        assert handle.wait() == "failed" and cluster.killed == []


def test_one_that_cannot_be_killed_is_told() -> None:
    with ready(shell("echo app-666; echo ready; sleep 1000", Cluster().patterns)) as handle:
        assert handle.cancel() == "killed"
    assert "app-666 may still run: no rights" in [event.message for event in handle.events()]


def test_one_that_has_ended_is_left_alone() -> None:
    cluster = Cluster("app-7")
    patterns = Patterns(lambda line: Seen("app-7", over=line == "over"), cluster.kill, lambda: ["app-7"])
    with shell("echo begun; echo over; exit 1", patterns) as handle:
        assert handle.wait() == "failed" and cluster.killed == []


# ---- what becomes of us

PARENT = """
import os, sys
from crawlmill.submit import follow, start
words, program, how = ["sh", "-c", sys.argv[1]], sys.argv[2], sys.argv[3]
if how == "follow":
    follow(words, os.environ, program=program, event=lambda event: print(event.to_json(), flush=True))
else:
    handle = start(words, os.environ, program=program)
    while "ready" not in handle.tail:
        pass
    if how == "error":
        raise ValueError
"""

FORKS = """
import os, sys
from crawlmill.submit import start
handle = start(["sleep", "1000"], os.environ)
next(handle.events())
if os.fork() == 0:
    sys.exit()
os.wait()
print("the child ended, the program", handle.poll())
"""


def parent(program: str, how: str) -> subprocess.Popen[str]:
    """A process that starts a family of processes."""
    words = [*HEEDS_CTRL_C, sys.executable, "-c", PARENT, FAMILY, program, how]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", ["end", "error"])
def test_it_ends_with_us(how: str) -> None:
    program = new_program()
    process = parent(program, how)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == (1 if how == "error" else 0) and ("ValueError" in errors) == (how == "error")
    assert running(program) == []


def test_a_child_of_ours_that_ends_does_not_end_it() -> None:
    """In a process of its own: pytest is not to be forked."""
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "the child ended, the program None\n"


def test_a_process_with_many_open_files_follows_a_program() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, hard), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with shell("echo here") as handle:
            assert handle.wait() == "succeeded" and handle.tail == ["here"]
    finally:
        for file in held:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_ctrl_c_ends_it() -> None:
    program = new_program()
    process = parent(program, "follow")
    wait_for(lambda: "sleep 1002" in running(program))
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == -signal.SIGINT and running(program) == []
    assert [Event.from_json(line).state for line in said] == ["submitted", "submitted", "killed"]


@pytest.mark.slow
def test_ctrl_c_at_any_moment_leaves_nothing() -> None:
    """Also while it is being started."""
    for moment in range(12):
        program = new_program()
        process = parent(program, "follow")
        assert process.stdout is not None
        if moment % 3:
            process.stdout.readline()  # it is about to be started
        if moment % 3 == 2:
            process.stdout.readline()  # it was
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert running(program) == []
