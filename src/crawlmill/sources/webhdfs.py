"""Files of HDFS over WebHDFS, with the standard library alone: read by range, listed, asked for their size.

Source: the WebHDFS REST API of Apache Hadoop.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Callable, NamedTuple
from xml.etree import ElementTree

from crawlmill.errors import CrawlmillError

ADDRESS = "CRAWLMILL_WEBHDFS"
"""The environment variable that names the NameNode's HTTP address, ``host:port``; several are joined by commas."""
PORT = 9870
"""Where a NameNode answers HTTP unless it is told otherwise."""
_TRIES = 4
_AHEAD = 1 << 20
_answered: dict[str, str] = {}  # of several NameNodes the one that answered last: the others are on standby


class Status(NamedTuple):
    """A file or folder: its URI, its size in bytes, its modification time in ms."""

    uri: str
    folder: bool
    size: int
    modified: int


class WebHdfs:
    """An open file of HDFS."""

    def __init__(self, uri: str) -> None:
        found = status(uri)
        if found.folder:
            raise IsADirectoryError(21, "it is a folder", uri)
        self.uri, self._size = uri, found.size
        self._at, self._ahead = 0, b""

    def read_at(self, offset: int, count: int) -> bytes:
        count = min(count, self._size - offset)
        if count <= 0:
            return b""
        start = offset - self._at
        if not (start >= 0 and start + count <= len(self._ahead)):
            wanted = min(max(count, _AHEAD), self._size - offset)
            self._at, self._ahead, start = offset, self._fetch(offset, wanted), 0
        return self._ahead[start : start + count]

    def _fetch(self, offset: int, count: int) -> bytes:
        for attempt in range(_TRIES):
            data = _get(self.uri, "OPEN", offset=offset, length=count)
            if len(data) == count:
                return data
            time.sleep(0.2 * 2**attempt)
        raise CrawlmillError(f"HDFS gave {len(data)} of {count} bytes", f"{self.uri}@{offset}", "is a DataNode down?")

    def size(self) -> int | None:
        return self._size

    def close(self) -> None:
        self._ahead = b""


def status(uri: str) -> Status:
    """What HDFS says of a file. Raises :class:`FileNotFoundError`."""
    return _status(uri, json.loads(_get(uri, "GETFILESTATUS"))["FileStatus"])


def listing(uri: str) -> list[Status]:
    """The files of a folder, by name; of a file, itself. Raises :class:`FileNotFoundError`."""
    found = json.loads(_get(uri, "LISTSTATUS"))["FileStatuses"]["FileStatus"]
    rows = [_status(f"{uri.rstrip('/')}/{row['pathSuffix']}" if row["pathSuffix"] else uri, row) for row in found]
    return sorted(rows, key=lambda row: row.uri)


def _status(uri: str, row: dict[str, object]) -> Status:
    return Status(uri, row["type"] == "DIRECTORY", int(str(row["length"])), int(str(row["modificationTime"])))


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


def _get(uri: str, operation: str, **parameters: int) -> bytes:
    query = urllib.parse.urlencode({"op": operation, **_user(), **parameters})
    known = address(uri)
    hosts = sorted(known.split(","), key=lambda host: host != _answered.get(known))
    for attempt in range(_TRIES * len(hosts)):
        if attempt and attempt % len(hosts) == 0:
            time.sleep(0.3 * 2 ** (attempt // len(hosts) - 1))
        where = hosts[attempt % len(hosts)]
        try:
            with urllib.request.urlopen(f"http://{where}/webhdfs/v1{_path(uri)}?{query}", timeout=60) as answer:
                data: bytes = answer.read()
            _answered[known] = where
            return data
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(2, "no such file", uri) from None
            said = error.read(2000).decode("utf-8", "replace")
            failed = CrawlmillError(f"HDFS answered {error.code}: {said[:200]}", uri)
            if '"AccessControlException"' in said:
                raise failed from None  # the others are on standby and say less
        except OSError as error:
            failed = CrawlmillError(
                f"HDFS at {where} is out of reach: {error}", uri, "is it up? see: crawlmill hadoop status"
            )
    raise failed


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
