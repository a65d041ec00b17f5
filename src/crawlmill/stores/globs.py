"""A pattern of local names to the names that fit. ``**`` goes into each folder once, whatever links lead to it."""

from __future__ import annotations

import glob
import os
from collections import deque
from collections.abc import Iterator


def matching(pattern: str) -> list[str]:
    """The names that fit a pattern, sorted. As :func:`glob.glob` with ``recursive``, which goes round and round in links
    that lead to a folder above: with two of them it never ends."""
    return sorted(set(_matching(pattern)))


def _matching(pattern: str) -> Iterator[str]:
    parts = pattern.split("/")
    if "**" not in parts:
        yield from glob.glob(pattern)
        return
    at = parts.index("**")
    rest = "/".join(parts[at + 1 :]).lstrip("/") or "*"
    above = "/".join(parts[:at]) + "/" if at else ""
    for top in glob.glob(above) if glob.has_magic(above) else [above]:
        for folder in _folders(top):
            yield from _matching(glob.escape(folder) + rest)


def _folders(top: str) -> Iterator[str]:
    """A folder and those below it, the nearest first, each with a slash behind its name. Hidden ones are not among them. A
    folder that comes again under another name is named, and not gone into."""
    seen: set[tuple[int, int]] = set()
    waiting = deque([top])
    while waiting:
        folder = waiting.popleft()
        yield folder
        try:
            found = os.stat(folder or ".")
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            names = sorted(entry.name for entry in os.scandir(folder or ".") if entry.is_dir())
        except OSError:  # as glob has it
            continue
        waiting.extend(f"{folder}{name}/" for name in names if name[0] != ".")
