"""CPU seconds of everything that a benchmark started: its own children, and the daemons with all that they started; or of one
command with all below it, java apart from python."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crawlmill.cluster import daemons, processes

LOOK = 0.1
"""Seconds between two looks at a tree of processes."""
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """CPU seconds so far of this process' ended children, and of the daemons of the cluster with their ended children."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + sum(map(_with_children, processes.running(daemons.home_folder()).values()))


def _with_children(pid: int) -> float:
    """utime, stime, cutime and cstime of ``/proc/PID/stat`` (proc(5), fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


@dataclass(frozen=True)
class Used:
    """CPU seconds by the program that used them; ``other`` is shells and the like."""

    java: float = 0.0
    python: float = 0.0
    other: float = 0.0

    @property
    def all(self) -> float:
        return self.java + self.python + self.other

    def __sub__(self, earlier: Used) -> Used:
        return Used(self.java - earlier.java, self.python - earlier.python, self.other - earlier.other)


@dataclass(frozen=True)
class Times:
    """A moment, or what lies between two: seconds of the clock, CPU seconds of some processes, and of the whole machine."""

    wall: float
    used: Used
    machine: float

    @property
    def others(self) -> float:
        """CPU seconds of all processes but those: what disturbed a measurement."""
        return self.machine - self.used.all

    def __sub__(self, earlier: Times) -> Times:
        return Times(self.wall - earlier.wall, self.used - earlier.used, self.machine - earlier.machine)


def machine_seconds() -> float:
    """CPU seconds that the machine was busy (proc(5), ``/proc/stat``: all but idle, iowait and what guests have)."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split(maxsplit=8)[1:8])
    return (user + nice + system + irq + softirq) / TICKS


class Tree:
    """A process and all below it. What has ended counts with what it had used at the last look; who was below once stays in,
    also when its parent is gone: Spark's Python workers are not waited for, so the times of ended children lack them."""

    def __init__(self, root: int) -> None:
        self._ours, self._foreign = {root}, set[int]()
        self._seen: dict[tuple[int, bytes], tuple[bytes, float]] = {}

    def look(self) -> Used:
        """What was used up to now. Processes that are not ours are read once, so that a look costs next to nothing."""
        there = {int(name) for name in os.listdir("/proc") if name.isdecimal()}
        self._foreign &= there
        self._ours &= there
        now = {}
        for pid in there - self._foreign:
            with contextlib.suppress(OSError):  # it has ended
                head, _, tail = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
                now[pid] = (head.partition(b"(")[2], tail.split())
        parents = {pid: int(fields[1]) for pid, (_, fields) in now.items()}
        ours = {pid for pid in now if self._below(pid, parents)}
        self._ours |= ours
        self._foreign |= now.keys() - ours
        for pid in ours:
            name, fields = now[pid]  # the start (field 22) tells processes of one pid apart
            self._seen[pid, fields[19]] = (name, sum(map(int, fields[11:13])) / TICKS)
        sums = {"java": 0.0, "python": 0.0, "other": 0.0}
        for name, seconds in self._seen.values():
            sums["java" if name == b"java" else "python" if name.startswith(b"python") else "other"] += seconds
        return Used(**sums)

    def times(self) -> Times:
        """This moment."""
        return Times(time.monotonic(), self.look(), machine_seconds())

    def kill(self) -> None:
        """End those that still run."""
        self.look()
        for pid in self._ours:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _below(self, pid: int, parents: dict[int, int]) -> bool:
        while pid not in self._ours:
            if pid not in parents:
                return False
            pid = parents[pid]
        return True


def last_line(text: str) -> str:
    """The last line of what a program said."""
    return text.strip().rpartition("\n")[2]


def measure(
    words: list[str], log: Path, *, timeout: float, why: Callable[[str], str] = last_line, **options: object
) -> Times:
    """Run a command to its end, and measure it with all processes below it. What it says goes to ``log``.

    Raises:
        RuntimeError: it failed, or took longer than ``timeout`` seconds; with what ``why`` finds in the log.
    """
    with open(log, "wb") as said:
        began = Times(time.monotonic(), Used(), machine_seconds())
        process = subprocess.Popen(words, stdout=said, stderr=said, start_new_session=True, **options)  # type: ignore[call-overload]  # named options in a dict
        tree = Tree(process.pid)
        try:
            while process.returncode is None and time.monotonic() - began.wall < timeout:
                tree.look()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK)
            taken = tree.times() - began
        finally:
            if process.poll() is None:
                tree.kill()
                process.wait(30)
    if process.returncode:
        said_why = why(log.read_text(errors="replace"))
        raise RuntimeError(f"it ended with {process.returncode} after {taken.wall:.0f} s: {said_why}")
    return taken
