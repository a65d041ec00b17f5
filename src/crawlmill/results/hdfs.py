"""Folders of results in HDFS: sent under a name that nobody reads and renamed when they are whole, and fetched back."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.scratch import Scratch
from crawlmill.stores import scheme
from crawlmill.stores.webhdfs import ask, fetch, listing, status


def in_hdfs(path: str) -> bool:
    """Whether a path names something in HDFS.

    >>> in_hdfs("hdfs:///out"), in_hdfs("out")
    (True, False)
    """
    return scheme(path) in ("hdfs", "webhdfs")


def held(uri: str) -> set[str] | None:
    """The names in a folder; None when there is nothing of this name. Raises :class:`UsageError` for a file."""
    try:
        if not status(uri).folder:
            raise UsageError("the output is not a folder", uri, "use another name")
        return {row.uri.rpartition("/")[2] for row in listing(uri)}
    except FileNotFoundError:
        return None


def check_writable(uri: str) -> None:
    """Make the folder that something will stand in. Raises :class:`CrawlmillError` where we may not write there."""
    parent = uri.rpartition("/")[0]
    ask(parent, "MKDIRS", "PUT")
    ask(parent, "CHECKACCESS", fsaction="-w-")


def send_folder(folder: str, uri: str, replace: bool) -> None:
    """Make a folder of HDFS of the files of a local one, all at once.

    Args:
        folder: the local one.
        uri: that of HDFS.
        replace: whether what has its name may go.

    Raises:
        CrawlmillError: HDFS does not take it, or there is one of its name; then nothing has changed.
    """
    parent, _, name = uri.rpartition("/")
    beside, before = (f"{parent}/.{name}.{kind}.{uuid.uuid4().hex[:8]}" for kind in ("new", "old"))
    replaced = False
    try:
        ask(beside, "MKDIRS", "PUT")
        for path in sorted(Path(folder).iterdir()):
            _send(path, f"{beside}/{path.name}")
        replaced = replace and held(uri) is not None
        if replaced:
            _rename(uri, before)
        try:
            _rename(beside, uri)
        except BaseException:
            if replaced:
                _rename(before, uri)
            raise
    finally:
        with contextlib.suppress(CrawlmillError, FileNotFoundError):
            ask(beside, "DELETE", "DELETE", recursive="true")
    if replaced:
        ask(before, "DELETE", "DELETE", recursive="true")


@contextlib.contextmanager
def fetched(uri: str) -> Iterator[str]:
    """A local copy of a file of HDFS, or of a folder's files, for the time of the block. Raises :class:`UsageError`."""
    name = uri.rstrip("/").rpartition("/")[2]
    with Scratch() as scratch:
        try:
            found = status(uri)
            target = Path(scratch, name)
            if not found.folder:
                fetch(uri, found.size, str(target))
            else:
                target.mkdir()
                for row in listing(uri):
                    if not row.folder:
                        fetch(row.uri, row.size, str(target / row.uri.rpartition("/")[2]))
        except FileNotFoundError:
            raise UsageError("no such file", uri, "name a result file, or the folder of a run") from None
        try:
            yield str(target)
        except CrawlmillError as error:  # it names the copy
            if error.where is not None:
                error.where = error.where.replace(str(target), uri.rstrip("/"))
            raise


def _send(path: Path, uri: str) -> None:
    ask(uri, "CREATE", "PUT", str(path), overwrite="true")
    size = path.stat().st_size
    if status(uri).size != size:
        raise CrawlmillError(f"HDFS did not keep all of {size} bytes", uri, "is there space left?")


def _rename(uri: str, other: str) -> None:
    path = "/" + other.partition("://")[2].partition("/")[2]
    ask(uri, "RENAME", "PUT", destination=path, renameoptions="NONE")  # without the option: into a folder of that name
