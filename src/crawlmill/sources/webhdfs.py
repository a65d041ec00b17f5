"""Files of HDFS over WebHDFS, with the standard library alone: read by range, listed, asked for their size.

Source: the WebHDFS REST API of Apache Hadoop.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import NamedTuple
from xml.etree import ElementTree

from crawlmill.errors import CrawlmillError

ADDRESS = "CRAWLMILL_WEBHDFS"
"""The environment variable that names the NameNode's HTTP address, ``host:port``."""
_TRIES = 4
_AHEAD = 1 << 20


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
    """The NameNode's HTTP address for a URI: of the environment, or of ``hdfs-site.xml`` in ``HADOOP_CONF_DIR``."""
    given = os.environ.get(ADDRESS)
    if given:
        return given
    found = configured(
        os.environ.get("HADOOP_CONF_DIR") or os.path.join(os.environ.get("HADOOP_HOME", ""), "etc/hadoop")
    )
    if found is not None:
        return found
    host = urllib.parse.urlsplit(uri).hostname
    if host is None:
        raise CrawlmillError("no NameNode is known", uri, "set HADOOP_CONF_DIR, or name the host: hdfs://HOST:PORT/...")
    return f"{host}:9870"


def configured(conf: str) -> str | None:
    """The NameNode's HTTP address in a folder of Hadoop's settings; None when it is not there."""
    try:
        for item in ElementTree.parse(os.path.join(conf, "hdfs-site.xml")).getroot().iter("property"):
            if item.findtext("name") == "dfs.namenode.http-address":
                return (item.findtext("value") or "").strip() or None
    except (OSError, ElementTree.ParseError):
        pass
    return None


def _get(uri: str, operation: str, **parameters: int) -> bytes:
    path = urllib.parse.quote(urllib.parse.unquote(urllib.parse.urlsplit(uri).path) or "/")
    query = urllib.parse.urlencode({"op": operation, **parameters})
    where = address(uri)
    for attempt in range(_TRIES):
        try:
            with urllib.request.urlopen(f"http://{where}/webhdfs/v1{path}?{query}", timeout=60) as answer:
                data: bytes = answer.read()
            return data
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise FileNotFoundError(2, "no such file", uri) from None
            said = error.read(2000).decode("utf-8", "replace")
            if attempt == _TRIES - 1:
                raise CrawlmillError(f"HDFS answered {error.code}: {said[:200]}", uri) from None
        except OSError as error:
            if attempt == _TRIES - 1:
                raise CrawlmillError(
                    f"HDFS at {where} is out of reach: {error}", uri, "is it up? see: crawlmill hadoop status"
                ) from None
        time.sleep(0.3 * 2**attempt)
    raise AssertionError
