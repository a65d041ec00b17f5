"""The processes of a local cluster: found by what stands in their command lines and folders, and ended by pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from crawlmill.cluster.settings import HOST


def marks(home: Path, name: str) -> tuple[str, str]:
    """The words of a command line that say whose daemon a process is. A pid alone may have gone to another process."""
    return f"-Dcrawlmill.home={home}", f"-Dcrawlmill.daemon={name}"


def running(home: Path) -> dict[str, int]:
    """The daemons of a home that run, by name: their pids."""
    mark, prefix = (word.encode() for word in marks(home, ""))
    found: dict[str, int] = {}
    for pid in _pids():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if mark in words:
                found.update({word[len(prefix) :].decode(): pid for word in words if word.startswith(prefix)})
    return found


def containers(home: Path, name: str = "") -> list[int]:
    """The pids of what runs in containers: of all nodes, or of one. They outlive a NodeManager that was killed."""
    below = os.path.join(home, "data", name, "")
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            folder = os.readlink(f"/proc/{pid}/cwd")
            if folder.startswith(below) and "/usercache" in folder:
                found.append(pid)
    return found


def end(alive: Callable[[], list[int]], patience: float) -> None:
    """End processes: asked first, and killed when they have not ended in time.

    Args:
        alive: the pids of those that still run.
        patience: seconds.
    """
    for number, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        for pid in alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if not alive():
                return
            time.sleep(0.05)


def await_free(ports: list[int], patience: float) -> list[int]:
    """Wait until nobody listens on these ports; those that are still taken after so many seconds."""
    until = time.monotonic() + patience
    while (taken := [port for port in ports if _taken(port)]) and time.monotonic() < until:
        time.sleep(0.1)
    return taken


def _taken(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Java does: a closed connection takes no port
        try:
            one.bind((HOST, port))
        except OSError:
            return True
    return False


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())
