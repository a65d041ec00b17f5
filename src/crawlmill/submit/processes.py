"""The processes of a started program: known by a variable in their environment, also those that left its process group."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

MARK = "CRAWLMILL_PROGRAM"
"""The variable that holds the name of the program."""
KILLED = 10.0
"""Seconds that the system has to end what was killed."""


def started_at(pid: int) -> str | None:
    """Text that differs for another process of the same pid: the boot of the machine, and the time since. None when there is
    no such process, or the system does not tell."""
    found = _stat(pid)
    return None if found is None else f"{_boot()}:{found[19]}"


def members(program: str, session: int | None = None) -> list[int]:
    """The pids of a program that run: with its name in their environment, or in its session.

    Args:
        program: its name.
        session: the pid of its first process, when that is known to be this program's.
    """
    mark = f"{MARK}={program}".encode()
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit() and (stat := _stat(int(name))) is not None and stat[0] not in "ZX":
            if session is not None and int(stat[3]) == session:
                found.append(int(name))
                continue
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.append(int(name))
    return found


def send(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to all of some processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_all(alive: Callable[[], list[int]]) -> bool:
    """Kill until nothing is left, also what is started meanwhile; whether that was reached."""
    until = time.monotonic() + KILLED
    while pids := alive():
        send(pids, signal.SIGKILL)
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _stat(pid: int) -> list[str] | None:
    """The fields of a process behind its name: state, parent, group, session ... start in ticks at 19."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
