"""Names of archives: from a path to a URI that every table, manifest line and terminal can hold, and back to the path."""

from __future__ import annotations

import os
import re
import stat

from crawlmill.errors import UsageError
from crawlmill.terminal import is_safe

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
_DESCRIPTOR = re.compile(r"/dev/fd/(\d{1,9})|/proc/(?:self|thread-self)/fd/(\d{1,9})|/dev/(stdin)")
_FILE = "file://"
STDIN = "-"


def scheme(uri: str) -> str:
    """The scheme of a URI, ``file`` for a plain path, ``-`` for standard input.

    >>> scheme("s3://commoncrawl/a.warc.gz"), scheme("/data/a.warc.gz"), scheme("-")
    ('s3', 'file', '-')
    """
    if uri == STDIN:
        return STDIN
    found = _SCHEME.match(uri)
    return found.group(1).lower() if found else "file"


def uri_of(path: str) -> str:
    r"""The URI of a local path: the absolute path itself; where a line, a table or a terminal cannot hold that, the
    ``file://`` form. Both are inputs that lead to the file.

    Raises :class:`UsageError` for a path that no file can have.

    >>> uri_of("/data/a b%20.warc.gz"), uri_of("/data/a\tb?.warc.gz"), uri_of("/data/\udcff.warc.gz")
    ('/data/a b%20.warc.gz', 'file:///data/a%09b%3F.warc.gz', 'file:///data/%FF.warc.gz')
    """
    whole = os.path.abspath(_possible(path))
    if is_safe(whole) and not whole.endswith(" "):  # a blank at the end of a manifest line is none of a name
        return whole
    from urllib.parse import quote

    return _FILE + quote(os.fsencode(whole))


def local_path(uri: str) -> str:
    """The path of a local URI. Raises :class:`UsageError` for a file of another machine, for a URI of another store, and for
    what no file can be called.

    >>> local_path("file:///data/a%20b.warc.gz"), local_path("/data/a%20b.warc.gz")
    ('/data/a b.warc.gz', '/data/a%20b.warc.gz')
    >>> local_path("file:///data/%FF?.warc.gz")
    '/data/\\udcff?.warc.gz'
    """
    path = _possible(os.fspath(uri))
    if path[: len(_FILE)].lower() != _FILE:
        if scheme(path) != "file":
            what = "-" if path == STDIN else f"{scheme(path)}://"
            raise UsageError(f"a local file is needed here, not {what}", uri, "name a path of this machine")
        return path
    host, _, below = path[len(_FILE) :].partition("/")
    if host.lower() not in ("", "localhost"):
        raise UsageError("a file of another machine", uri, "write file:///PATH for one of this")
    from urllib.parse import unquote_to_bytes

    return _possible(os.fsdecode(unquote_to_bytes(os.fsencode("/" + below))))


def shown(path: str) -> str:
    """A path in a message: as the user wrote it where that can be shown, else its URI.

    >>> shown("out/a.parquet")
    'out/a.parquet'
    """
    return path if is_safe(path) else uri_of(local_path(path))


def remote(uri: str) -> str:
    """A URI of another store, as it is. Raises :class:`UsageError` for one that no table can hold."""
    try:
        uri.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("the name is not UTF-8", uri, "percent-encode its bytes") from None
    return uri


def _possible(path: str) -> str:
    try:
        if "\0" not in path:
            os.fsencode(path)
            return path
    except UnicodeEncodeError:
        pass
    raise UsageError("no file can have this name", path, "check the name")


def descriptor(path: str) -> int | None:
    """The number of the open descriptor that a path stands for; None for every other path.

    >>> descriptor("/dev/fd/63"), descriptor("/dev/stdin"), descriptor("/data/a.warc.gz")
    (63, 0, None)
    """
    found = _DESCRIPTOR.fullmatch(path)
    return None if found is None else 0 if found[3] else int(found[1] or found[2])


def is_stream(uri: str) -> bool:
    """Whether an archive can be read once only, and by this process alone: standard input, a named pipe, a descriptor."""
    if scheme(uri) != "file":
        return uri == STDIN
    path = local_path(uri)
    try:
        return descriptor(path) is not None or stat.S_ISFIFO(os.stat(path).st_mode)
    except OSError:
        return False
