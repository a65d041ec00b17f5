"""CPU seconds of everything that a benchmark started: its own children, and the daemons with all that they started."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from crawlmill.cluster import daemons, processes


def cpu_seconds() -> float:
    """CPU seconds so far of this process' ended children, and of the daemons of the cluster with their ended children."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + sum(map(_with_children, processes.running(daemons.home_folder()).values()))


def _with_children(pid: int) -> float:
    """utime, stime, cutime and cstime of ``/proc/PID/stat`` (proc(5), fields 14 to 17)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
