"""A small HTTP server that speaks WebHDFS: it counts what it is asked, and what it returns can be changed at any request,
which cannot be had of a real HDFS. What HDFS itself returns is held by the tests on a cluster."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class File:
    """A file, or a folder when there are no data."""

    data: bytes | None
    number: int
    modified: int = 1000

    def fields(self, name: str) -> dict[str, object]:
        size = {"type": "DIRECTORY", "length": 0} if self.data is None else {"type": "FILE", "length": len(self.data)}
        return {**size, "modificationTime": self.modified, "fileId": self.number, "pathSuffix": name}


Answer = tuple[int, bytes]


@dataclass
class WebHdfsServer:
    """A NameNode and a DataNode.

    Attributes:
        files: by path; the folder ``/`` is there.
        asked: how often each operation was asked of the NameNode, and ``READ`` and ``WRITE`` of the DataNode.
        reads: offset and length of each read of the DataNode.
        at: what is done before the request of an operation of that number, from 1.
        refuse: the exception that every request gives; as text before a colon, the operations that do, joined by commas.
        refused: files that may be listed and not be read.
    """

    files: dict[str, File] = field(default_factory=lambda: {"/": File(None, 1)})
    asked: Counter[str] = field(default_factory=Counter)
    reads: list[tuple[str, int, int]] = field(default_factory=list)
    at: dict[tuple[str, int], Callable[[], None]] = field(default_factory=dict)
    refuse: str = ""
    refused: set[str] = field(default_factory=set)
    port: int = 0
    _number: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, path: str, data: bytes | None) -> File:
        """Put a file, or a folder, with those above it."""
        above = path.rpartition("/")[0] or "/"
        if above not in self.files:
            self.add(above, None)
        self._number += 1
        self.files[path] = File(data, self._number)
        return self.files[path]

    def remove(self, path: str) -> bool:
        names = [name for name in self.files if name == path or name.startswith(f"{path}/")]
        for name in names:
            del self.files[name]
        return bool(names)

    def answer(self, path: str, query: dict[str, str], body: bytes, data_node: bool) -> Answer:
        operation = query["op"]
        counted = {"OPEN": "READ", "CREATE": "WRITE"}[operation] if data_node else operation
        with self._lock:
            self.asked[counted] += 1
            action = self.at.get((counted, self.asked[counted]))
        if action is not None:
            action()
        only, _, kind = self.refuse.rpartition(":")
        if kind and (not only or counted in only.split(",")):
            return _exception(kind)
        if operation == "OPEN" and path in self.refused:
            return _exception("AccessControlException")
        if self._below_a_file(path):
            return _exception("ParentNotDirectoryException")
        with self._lock:
            return getattr(self, f"_{operation.lower()}")(path, query, body, data_node)

    def _below_a_file(self, path: str) -> bool:
        above = path.rpartition("/")[0]
        return above != "" and (self._is_file(above) or self._below_a_file(above))

    def _is_file(self, path: str) -> bool:
        found = self.files.get(path)
        return found is not None and found.data is not None

    def _getfilestatus(self, path: str, *_: object) -> Answer:
        found = self.files.get(path)
        return _missing() if found is None else _json({"FileStatus": found.fields("")})

    def _liststatus(self, path: str, *_: object) -> Answer:
        found = self.files.get(path)
        if found is None:
            return _missing()
        rows = [found.fields("")]
        if found.data is None:
            below = path.rstrip("/") + "/"
            names = [
                name for name in self.files if name.startswith(below) and "/" not in name[len(below) :] and name != "/"
            ]
            rows = [self.files[name].fields(name[len(below) :]) for name in names]
        return _json({"FileStatuses": {"FileStatus": rows}})

    def _open(self, path: str, query: dict[str, str], body: bytes, data_node: bool) -> Answer:
        found = self.files.get(path)
        if found is None or found.data is None:
            return _missing()
        offset, length = int(query["offset"]), int(query["length"])
        if offset > len(found.data):
            return _exception("IOException")  # Offset=... out of the range
        if not data_node:
            return 307, b""
        self.reads.append((path, offset, length))
        return 200, found.data[offset : offset + length]

    def _create(self, path: str, query: dict[str, str], body: bytes, data_node: bool) -> Answer:
        if not data_node:
            return 307, b""
        self.add(path, body)
        return 201, b""

    def _mkdirs(self, path: str, *_: object) -> Answer:
        if path not in self.files:
            self.add(path, None)
        elif self.files[path].data is not None:
            return _exception("FileAlreadyExistsException")
        return _json({"boolean": True})

    def _checkaccess(self, path: str, *_: object) -> Answer:
        return _json({}) if path in self.files else _missing()

    def _rename(self, path: str, query: dict[str, str], *_: object) -> Answer:
        to = query["destination"]
        if path not in self.files:
            return _missing()
        if self._is_file(to) and not self._is_file(path):
            return _exception("IOException")  # Source and destination must both be directories
        if to in self.files:
            return _exception("FileAlreadyExistsException")
        for name in [name for name in self.files if name == path or name.startswith(f"{path}/")]:
            self.files[to + name[len(path) :]] = self.files.pop(name)
        return _json({"boolean": True})

    def _delete(self, path: str, *_: object) -> Answer:
        return _json({"boolean": self.remove(path)})

    def _getfileblocklocations(self, path: str, *_: object) -> Answer:
        return _json({"BlockLocations": {"BlockLocation": [{"names": ["127.0.0.1:1"]}]}})


def _json(fields: object) -> Answer:
    return 200, json.dumps(fields).encode()


def _missing() -> Answer:
    return _exception("FileNotFoundException")


def _exception(kind: str) -> Answer:
    if kind == "page":  # of a proxy
        return 403, b"<html>Forbidden</html>"
    code = 404 if kind == "FileNotFoundException" else 403
    return code, json.dumps({"RemoteException": {"exception": kind, "message": "no"}}).encode()


@contextmanager
def web_hdfs() -> Iterator[WebHdfsServer]:
    """A server that runs while the block does; ``CRAWLMILL_WEBHDFS=127.0.0.1:PORT`` leads to it."""
    made = WebHdfsServer()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(url.query))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data_node = url.path.startswith("/datanode/")
            path = urllib.parse.unquote(url.path).split("/webhdfs/v1", 1)[1] or "/"
            path = path if path == "/" else path.rstrip("/")
            code, data = made.answer(path, query, body, data_node)
            self.send_response(code)
            if code == 307:
                self.send_header("Location", f"http://127.0.0.1:{made.port}/datanode{self.path}")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
