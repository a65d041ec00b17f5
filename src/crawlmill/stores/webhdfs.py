"""Files and folders of HDFS over WebHDFS, with the standard library alone: read, listed, written.

Source: the WebHDFS REST API of Apache Hadoop.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.stores.hdfs_http import Elsewhere, request
from crawlmill.stores.namenodes import address
from crawlmill.stores.patience import Away, patiently
from crawlmill.stores.remote import Remote
from crawlmill.stores.store import Entries, Entry, in_words, new_mark

_COPIES = 3  # DataNodes that are tried for a block before the store counts as away
_answered: dict[str, str] = {}  # of several NameNodes the one that answered last: the others are on standby


class WebHdfs(Remote):
    """HDFS: ``hdfs://`` and ``webhdfs://``, with a host or without. A file's version is its modification time in ms and its
    number in HDFS."""

    def ask_entry(self, uri: str) -> Entry:
        with _as_webhdfs(uri):
            return _entry(uri, json.loads(_try(uri, "GETFILESTATUS"))["FileStatus"])

    def ask_entries(self, uri: str) -> Entries:
        with _as_webhdfs(uri):
            found = json.loads(_try(uri, "LISTSTATUS"))["FileStatuses"]["FileStatus"]
            return [
                _entry(f"{uri.rstrip('/')}/{row['pathSuffix']}" if row["pathSuffix"] else uri, row) for row in found
            ]

    def ask_bytes(self, entry: Entry, offset: int, count: int) -> bytes:
        try:
            return _read(entry.uri, offset, count)
        except (Away, CrawlmillError):
            left = (self.ask_entry(entry.uri).size or 0) - offset
            if left >= count:
                raise
            return _read(entry.uri, offset, left) if left > 0 else b""  # it was cut: it ends where it ends

    def identity(self, uri: str, known: Entry | None = None) -> tuple[object, ...]:
        """The NameNode and the path."""
        host, _, path = uri.partition("://")[2].partition("/")
        with contextlib.suppress(CrawlmillError):
            host = address(uri)
        return "hdfs", host, re.sub("/+", "/", path).rstrip("/")

    def check_writable(self, uri: str) -> None:
        parent = uri.rstrip("/").rpartition("/")[0]
        with in_words(uri):
            ask(parent, "MKDIRS", "PUT")
            ask(parent, "CHECKACCESS", fsaction="-w-")

    def held(self, uri: str) -> set[str] | None:
        try:
            if not self.tell(uri).folder:
                raise UsageError("the output is not a folder", uri, "use another name")
            return {entry.uri.rpartition("/")[2] for entry in self.list(uri)}
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CrawlmillError(error.strerror or str(error), uri, "check its permissions") from None

    def put(self, folder: str, uri: str, replace: bool, mark: str | None = None) -> None:
        parent, _, name = uri.rstrip("/").rpartition("/")
        beside, before = (f"{parent}/.{name}.{kind}.{mark or new_mark()}" for kind in ("new", "old"))
        with in_words(uri):
            if mark is not None:
                _delete(beside)
            try:
                ask(beside, "MKDIRS", "PUT")
                for path in sorted(Path(folder).iterdir()):
                    self._send(path, f"{beside}/{path.name}")
                replaced = replace and self.held(uri) is not None
                if replaced:
                    self._rename(uri, before)
                try:
                    self._rename(beside, uri)
                except BaseException:
                    if replaced and self.held(uri) is None:
                        self._rename(before, uri)
                        replaced = False
                    raise
                finally:
                    if replaced:
                        _delete(before)
                if mark is not None:
                    _delete(before)  # of an earlier try
            finally:
                _delete(beside)

    def _send(self, path: Path, uri: str) -> None:
        ask(uri, "CREATE", "PUT", str(path), overwrite="true")
        size = path.stat().st_size
        if self.tell(uri).size != size:
            raise CrawlmillError(f"HDFS did not keep all of {size} bytes", uri, "is there space left?")

    def _rename(self, uri: str, other: str) -> None:
        """Rename a folder. Raises :class:`UsageError` when something has the other name."""
        number = self.tell(uri).id
        if self._exists(other):  # to rename a folder to a file is refused like a store that is away
            raise _exists_already(other)
        path = "/" + other.partition("://")[2].partition("/")[2]
        try:
            ask(uri, "RENAME", "PUT", destination=path, renameoptions="NONE")  # without it: into a folder of that name
        except (FileExistsError, FileNotFoundError):
            if number is None or not self._exists(other, number):  # else an earlier try did it, whose answer was lost
                raise _exists_already(other) from None

    def _exists(self, uri: str, number: tuple[int, ...] | None = None) -> bool:
        """Whether something has a name, and that number if one is given."""
        try:
            found = self.tell(uri)
        except FileNotFoundError:
            return False
        return number is None or found.id == number


def _exists_already(uri: str) -> UsageError:
    return UsageError("the output exists", uri, "use --overwrite, or another name")


def _entry(uri: str, row: Mapping[str, object]) -> Entry:
    """What HDFS says of a file.

    >>> _entry("hdfs:///a", {"type": "FILE", "length": 5, "modificationTime": 1000, "fileId": 16400})
    Entry(uri='hdfs:///a', size=5, version='1000-16400', folder=False, id=(16400,))
    """
    number = int(str(row.get("fileId") or 0))
    found = None if not number else (number,)
    if row["type"] == "DIRECTORY":
        return Entry(uri, None, None, folder=True, id=found)
    version = str(row["modificationTime"])
    return Entry(uri, int(str(row["length"])), f"{version}-{number}" if number else version, id=found)


@contextlib.contextmanager
def _as_webhdfs(uri: str) -> Iterator[None]:
    """What is not an answer of WebHDFS - a page of a proxy - as a store that is away."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise Away(f"not an answer of WebHDFS: {error!r:.100}") from None


def ask(
    uri: str, operation: str, method: str = "GET", body: str | None = None, wait: float | None = None, **parameters: str
) -> bytes:
    """What HDFS answers to an operation of WebHDFS; asked again while it is away.

    Args:
        uri: the file or folder.
        operation: its name.
        method: of HTTP.
        body: a local file that is sent.
        wait: seconds that it is waited for; None for those of :func:`crawlmill.stores.patience.wait_limit`.
        parameters: of the operation.

    Raises:
        FileNotFoundError: HDFS knows no such file. PermissionError: it is not permitted. FileExistsError: there is one.
        CrawlmillError: HDFS is out of reach, or refuses.
    """
    return patiently(lambda: _try(uri, operation, method, body, parameters), uri, wait)


def _delete(uri: str) -> None:
    with contextlib.suppress(CrawlmillError, OSError):
        ask(uri, "DELETE", "DELETE", recursive="true")


def _read(uri: str, offset: int, count: int) -> bytes:
    """A range of a file. When a DataNode fails, each of those that hold the block is tried in turn: the NameNode goes on
    naming one that has ended for half a minute (``dfs.namenode.stale.datanode.interval``)."""
    avoid: dict[str, object] = {}
    nodes: list[str] | None = None
    for attempt in range(_COPIES + 1):
        try:
            data = _try(uri, "OPEN", parameters={"offset": offset, "length": count, **avoid})
            if len(data) == count:
                return data
            away = Away(f"it gave {len(data)} of {count} bytes")
        except Away as error:
            away = error
        nodes = _nodes_of(uri, offset) if nodes is None else nodes
        if attempt >= len(nodes):
            break
        avoid = {"excludedatanodes": ",".join(node for node in nodes if node != nodes[attempt])}
    raise away


def _nodes_of(uri: str, offset: int) -> list[str]:
    """The addresses of the DataNodes that hold a block, if there are several; none where HDFS does not say."""
    try:
        found = json.loads(_try(uri, "GETFILEBLOCKLOCATIONS", parameters={"offset": offset, "length": 1}))
        names = [str(name) for block in found["BlockLocations"]["BlockLocation"][:1] for name in block["names"]]
    except (Away, CrawlmillError, OSError, ValueError, LookupError, TypeError):
        return []
    return names if len(names) > 1 else []


def _try(
    uri: str,
    operation: str,
    method: str = "GET",
    body: str | None = None,
    parameters: Mapping[str, object] | None = None,
) -> bytes:
    """Ask each NameNode until one answers, and then the DataNode that it may lead to, which gets the body."""
    query = urllib.parse.urlencode({"op": operation, **_user(), **(parameters or {})})
    known = address(uri)
    for host in sorted(known.split(","), key=lambda host: host != _answered.get(known)):
        try:
            data = request(f"http://{host}/webhdfs/v1{_path(uri)}?{query}", uri, method)
            _answered[known] = host
            return data
        except Elsewhere as node:
            _answered[known] = host
            return request(str(node), uri, method, body)
        except Away as error:
            away = error
    raise away


def _user() -> dict[str, str]:
    """Who asks, as Hadoop's own client has it: without a name WebHDFS lets in ``dr.who``, who may not read much."""
    try:
        return {"user.name": os.environ.get("HADOOP_USER_NAME") or getpass.getuser()}
    except (KeyError, OSError):  # a user without a name, as in some containers
        return {}


def _path(uri: str) -> str:
    """The path of a URI for a request. Hadoop's names know no escapes: ``%``, ``?`` and ``#`` are letters like others.

    >>> _path("hdfs://host:8020/crawl/a%20b #1.warc.gz"), _path("hdfs://host")
    ('/crawl/a%2520b%20%231.warc.gz', '/')
    """
    return urllib.parse.quote("/" + uri.partition("://")[2].partition("/")[2])
