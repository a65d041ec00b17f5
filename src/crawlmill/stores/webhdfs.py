"""Files of HDFS over WebHDFS, with the standard library alone: read by range, listed, asked for their size.

Source: the WebHDFS REST API of Apache Hadoop.
"""

from __future__ import annotations

import errno
import getpass
import json
import os
import re
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Callable, NamedTuple
from xml.etree import ElementTree

from crawlmill.errors import CrawlmillError, Refused
from crawlmill.stores import Stamp
from crawlmill.stores.hdfs_http import Away, Elsewhere, request

ADDRESS = "CRAWLMILL_WEBHDFS"
"""The environment variable that names the NameNode's HTTP address, ``host:port``; several are joined by commas."""
PORT = 9870
"""Where a NameNode answers HTTP unless it is told otherwise."""
_TRIES, _READ_TRIES = 4, 6
_AHEAD = 1 << 20
_CHUNK = 8 << 20
_answered: dict[str, str] = {}  # of several NameNodes the one that answered last: the others are on standby


class Status(NamedTuple):
    """A file or folder: its URI, its size in bytes, its modification time in ms, its number in HDFS (None: an old HDFS)."""

    uri: str
    folder: bool
    size: int
    modified: int
    number: int | None = None

    @property
    def stamp(self) -> Stamp | None:
        """The state of the file; None for a folder."""
        if self.folder:
            return None
        return Stamp(self.size, self.modified, None if self.number is None else (self.number,))


class WebHdfs:
    """An open file of HDFS. Raises :class:`FileNotFoundError`, :class:`PermissionError`, :class:`IsADirectoryError`."""

    def __init__(self, uri: str) -> None:
        with _as_of_a_system(uri):
            found = status(uri)
        if found.folder:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), uri)
        self.uri, self._size = uri, found.size
        self.opened = found.stamp
        self._at, self._ahead = 0, b""

    def read_at(self, offset: int, count: int) -> bytes:
        count = min(count, self._size - offset)
        if count <= 0 or offset < 0:
            return b""
        start = offset - self._at
        if not (start >= 0 and start + count <= len(self._ahead)):
            wanted = min(max(count, _AHEAD), self._size - offset)
            try:
                with _as_of_a_system(self.uri):
                    data = _read(self.uri, offset, wanted)
            except CrawlmillError:
                size = status(self.uri).size
                if size >= self._size:
                    raise
                self._size = size  # it was cut: it ends where it ends
                return self.read_at(offset, count)
            self._at, self._ahead, start = offset, data, 0
        return self._ahead[start : start + count]

    def size(self) -> int | None:
        return self._size

    def now(self) -> Stamp | None:
        try:
            return status(self.uri).stamp
        except (FileNotFoundError, Refused):  # nobody has its name any more, and what was read was read
            return self.opened

    def close(self) -> None:
        self._ahead = b""


def fetch(uri: str, size: int, path: str) -> None:
    """Copy a file of HDFS of that many bytes to a local path. Raises :class:`CrawlmillError`."""
    with open(path, "wb") as file:
        for offset in range(0, size, _CHUNK):
            file.write(_read(uri, offset, min(_CHUNK, size - offset)))


def status(uri: str) -> Status:
    """What HDFS says of a file. Raises :class:`FileNotFoundError`, :class:`crawlmill.errors.Refused`."""
    return _status(uri, json.loads(ask(uri, "GETFILESTATUS"))["FileStatus"])


@contextmanager
def _as_of_a_system(uri: str) -> Iterator[None]:
    """HDFS's refusal of one file as the :class:`OSError` that a system has for it."""
    try:
        yield
    except Refused as error:
        raise OSError(error.errno, os.strerror(error.errno), uri) from None


def listing(uri: str) -> list[Status]:
    """The files of a folder, by name; of a file, itself. Raises :class:`FileNotFoundError`."""
    found = json.loads(ask(uri, "LISTSTATUS"))["FileStatuses"]["FileStatus"]
    rows = [_status(f"{uri.rstrip('/')}/{row['pathSuffix']}" if row["pathSuffix"] else uri, row) for row in found]
    return sorted(rows, key=lambda row: row.uri)


def _status(uri: str, row: dict[str, object]) -> Status:
    number = row.get("fileId")
    return Status(
        uri,
        row["type"] == "DIRECTORY",
        int(str(row["length"])),
        int(str(row["modificationTime"])),
        None if not number else int(str(number)),
    )


def address(uri: str) -> str:
    """Where the NameNode of a URI answers HTTP: ``host:port``; of a pair for high availability both, with a comma between.

    It is said by ``CRAWLMILL_WEBHDFS``, by the settings of the Hadoop job that this process is a task of (Streaming puts
    them into the environment), or by the files in ``HADOOP_CONF_DIR``; else the URI's host is asked at the usual port.
    """
    given = os.environ.get(ADDRESS)
    if given:
        return given
    conf = os.environ.get("HADOOP_CONF_DIR") or os.path.join(os.environ.get("HADOOP_HOME", ""), "etc/hadoop")
    host = urllib.parse.urlsplit(uri).netloc
    found = _namenodes(_of_job, host) or configured(conf, host)
    if found is not None:
        return found
    if not host:
        raise CrawlmillError("no NameNode is known", uri, "set HADOOP_CONF_DIR, or name the host: hdfs://HOST:PORT/...")
    return f"{host.partition(':')[0]}:{PORT}"


def configured(conf: str, host: str = "") -> str | None:
    """The address as above in a folder of Hadoop's settings, for the host of a URI; None when it is not there."""
    settings: dict[str, str] = {}
    for name in ("core-site.xml", "hdfs-site.xml"):
        try:
            for item in ElementTree.parse(os.path.join(conf, name)).getroot().iter("property"):
                settings[(item.findtext("name") or "").strip()] = (item.findtext("value") or "").strip()
        except (OSError, ElementTree.ParseError):
            pass
    return _namenodes(settings.get, host)


def _of_job(name: str) -> str | None:
    """A setting of the job, as Streaming exports it (PipeMapRed.safeEnvVarName): whatever is no ASCII letter or digit is
    an underscore."""
    return os.environ.get(re.sub(r"[^0-9A-Za-z]", "_", name))


def _namenodes(setting: Callable[[str], str | None], host: str) -> str | None:
    """The addresses that settings give for a host or a nameservice; for the default file system when it is empty."""
    default = urllib.parse.urlsplit(setting("fs.defaultFS") or "")
    host = host or (default.netloc if default.scheme == "hdfs" else "")
    pair = setting(f"dfs.ha.namenodes.{host}")
    if pair:
        known = [setting(f"dfs.namenode.http-address.{host}.{node.strip()}") for node in pair.split(",")]
        return ",".join(filter(None, known)) or None
    found = setting(f"dfs.namenode.http-address.{host}") or setting("dfs.namenode.http-address")
    if found and not found.startswith("0.0.0.0:"):
        return found
    if not host or not (found or default.netloc):
        return None
    return f"{host.partition(':')[0]}:{(found or '').rpartition(':')[2] or PORT}"  # it listens everywhere: Hadoop's default


def ask(uri: str, operation: str, method: str = "GET", body: str | None = None, **parameters: object) -> bytes:
    """What HDFS answers to an operation of WebHDFS; asked again while something is out of reach.

    Args:
        uri: the file or folder.
        operation: its name.
        method: of HTTP.
        body: a local file that is sent.
        parameters: of the operation.

    Raises:
        FileNotFoundError: HDFS knows no such file.
        CrawlmillError: it does not answer, or refuses.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.3 * 2 ** (attempt - 1))
        try:
            return _try(uri, operation, method, body, parameters)
        except Away as error:
            away = error
    raise _out_of_reach(uri, away)


def _read(uri: str, offset: int, count: int) -> bytes:
    """A range of a file. When a DataNode fails, each of those that hold the block is tried in turn: the NameNode goes on
    naming one that has ended for half a minute (``dfs.namenode.stale.datanode.interval``)."""
    nodes: list[str] = []
    for attempt in range(_READ_TRIES):
        if attempt:
            time.sleep(0.3 * 2 ** (attempt - 1))
            nodes = nodes or _nodes_of(uri, offset)
        others = [node for at, node in enumerate(nodes) if at != attempt % len(nodes)]
        avoid = {"excludedatanodes": ",".join(others)} if others else {}
        try:
            data = _try(uri, "OPEN", "GET", None, {"offset": offset, "length": count, **avoid})
            if len(data) == count:
                return data
            away = Away(f"it gave {len(data)} of {count} bytes")
        except Away as error:
            away = error
    raise _out_of_reach(f"{uri}@{offset}", away)


def _nodes_of(uri: str, offset: int) -> list[str]:
    """The addresses of the DataNodes that hold a block; none where HDFS does not say."""
    try:
        found = json.loads(_try(uri, "GETFILEBLOCKLOCATIONS", "GET", None, {"offset": offset, "length": 1}))
        return [str(name) for block in found["BlockLocations"]["BlockLocation"][:1] for name in block["names"]]
    except (Away, CrawlmillError, ValueError, LookupError, TypeError):
        return []


def _try(uri: str, operation: str, method: str, body: str | None, parameters: Mapping[str, object]) -> bytes:
    """Ask each NameNode until one answers, and then the DataNode that it may lead to, which gets the body."""
    query = urllib.parse.urlencode({"op": operation, **_user(), **parameters})
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


def _out_of_reach(where: str, error: Away) -> CrawlmillError:
    return CrawlmillError(f"HDFS is out of reach: {error}", where, "is it up? see: crawlmill hadoop status")


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
