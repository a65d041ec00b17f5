"""What tests of started programs share: whether their processes run, and waiting for something."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from crawlmill.submit.processes import members


def wait_for(true: Callable[[], object]) -> None:
    """Wait until something is true; three minutes at most."""
    until = time.monotonic() + 180
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


def running(program: str) -> list[str]:
    """The command lines of a program's processes."""
    found = []
    for pid in members(program):
        try:
            found.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip())
        except OSError:
            continue  # it has just ended
    return sorted(line for line in found if line)
