"""Folders for what a process keeps on disk while it works. A process that is killed leaves its folder, and the next one of
the same user removes it: a lock, which the kernel takes back from the dead, tells whose owner lives."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import weakref
from pathlib import Path

_PREFIX = "crawlmill-tmp-"
_NAME = re.compile(re.escape(_PREFIX) + r"[a-z0-9_]{8}")
_swept: set[str] = set()  # once a process is enough


class Scratch:
    """A new folder below that for temporary files (``TMPDIR``), removed with all that is in it by :meth:`close`, at the end of
    a ``with``, or when this process ends. Folders of the dead are removed first.

    Attributes:
        name: the path.

    >>> with Scratch() as folder:
    ...     os.path.isdir(folder)
    True
    >>> os.path.exists(folder)
    False
    """

    def __init__(self) -> None:
        parent = os.path.abspath(tempfile.gettempdir())
        if parent not in _swept:
            _swept.add(parent)
            sweep(parent)
        while True:
            self.name = tempfile.mkdtemp(prefix=_PREFIX, dir=parent)
            try:
                lock = locked(self.name, fcntl.LOCK_EX)
                break
            except FileNotFoundError:
                continue  # it was taken for one of the dead before it was locked
            except OSError:
                lock = None  # no locks on this file system: nobody else gets one, and nobody sweeps
                break
        self._end = weakref.finalize(self, _remove, self.name, lock, os.getpid())

    def close(self) -> None:
        """Remove the folder."""
        self._end()

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.close()


def sweep(parent: str) -> None:
    """Remove the folders that :class:`Scratch` made for this user in a folder, and that no living process holds."""
    try:
        names = [name for name in os.listdir(parent) if _NAME.fullmatch(name)]
    except OSError:
        return
    for name in names:
        path = os.path.join(parent, name)
        try:
            if os.lstat(path).st_uid == os.getuid():
                _remove(path, locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB), os.getpid())
        except OSError:
            continue  # somebody holds it, it is no folder, or it has just gone


def locked(path: str, how: int) -> int:
    """Lock a folder. Raises :class:`FileNotFoundError` when it has gone meanwhile, :class:`OSError` when it is not to be had."""
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, how)
        if os.path.samestat(os.fstat(lock), os.lstat(path)):
            return lock
        raise FileNotFoundError(path)
    except OSError:
        os.close(lock)
        raise


def _remove(path: str, lock: int | None, pid: int) -> None:
    if os.getpid() == pid:  # not in a child that was forked
        shutil.rmtree(path, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def cache_folder() -> Path:
    """Where jars, clusters and unfinished runs live: ``CRAWLMILL_CACHE``, else ``crawlmill`` in the user's cache folder."""
    given = os.environ.get("CRAWLMILL_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crawlmill"
