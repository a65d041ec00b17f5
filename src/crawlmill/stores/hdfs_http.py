"""One request to HDFS over HTTP, and what its failures mean: not there, refused for good, or worth another try."""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from crawlmill.errors import CrawlmillError
from crawlmill.stores.patience import Away

_FINAL = ("IllegalArgumentException", "NSQuotaExceededException", "DSQuotaExceededException")
"""What HDFS will not answer otherwise the next time."""
_OF_FILE = {
    "FileNotFoundException": errno.ENOENT,
    "AccessControlException": errno.EACCES,
    "ParentNotDirectoryException": errno.ENOTDIR,
    "FileAlreadyExistsException": errno.EEXIST,
}
"""The same, where it is about the one file: what a system would say of a file of its own."""


class Elsewhere(Away):
    """A NameNode leads to a DataNode, whose URL is the message."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is for the caller: a DataNode that fails is another thing than a NameNode that does."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


def request(url: str, uri: str, method: str, body: str | None = None) -> bytes:
    """What a node of HDFS returns.

    Args:
        url: of the request.
        uri: the file or folder that it is about.
        method: of HTTP.
        body: a local file to send.

    Raises:
        FileNotFoundError: there is no such file in HDFS.
        PermissionError, NotADirectoryError, FileExistsError: HDFS does not permit it; a file stands where a folder should; there
            is one of that name.
        CrawlmillError: HDFS refuses, and would again.
        Away: it may answer later, or another node may.
    """
    where = urllib.parse.urlsplit(url).netloc
    try:
        with contextlib.ExitStack() as stack:
            asked = urllib.request.Request(url, method=method)
            if body is not None:
                asked.data = stack.enter_context(open(body, "rb"))
                asked.add_header("Content-Length", str(os.path.getsize(body)))
                asked.add_header("Content-Type", "application/octet-stream")
            data: bytes = stack.enter_context(_OPENER.open(asked, timeout=60)).read()
            return data
    except urllib.error.HTTPError as error:
        if error.code in (301, 302, 303, 307, 308) and error.headers.get("Location"):
            raise Elsewhere(error.headers["Location"]) from None
        kind, said = _refusal(error.read(20_000))
        if kind in _OF_FILE:
            number = _OF_FILE[kind]
            said = "no such file" if number == errno.ENOENT else f"HDFS refused: {said}"
            raise OSError(number, said, uri) from None
        if kind in _FINAL:
            raise CrawlmillError(f"HDFS refused: {said}", uri) from None
        raise Away(f"{where} answered {error.code}: {said}") from None
    except urllib.error.URLError as error:
        raise Away(f"{where}: {getattr(error.reason, 'strerror', None) or error.reason}") from None
    except (OSError, http.client.HTTPException) as error:  # it ended in the middle
        raise Away(f"{where}: {str(error) or type(error).__name__}") from None


def _refusal(answer: bytes) -> tuple[str, str]:
    """The kind of an exception that HDFS answers, and the first line of what it says.

    >>> _refusal(b'{"RemoteException":{"exception":"AccessControlException","message":"Permission denied\\\\n at..."}}')
    ('AccessControlException', 'Permission denied')
    """
    try:
        remote = json.loads(answer)["RemoteException"]
        return remote["exception"], remote["message"].partition("\n")[0][:200]
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", answer.decode("utf-8", "replace").partition("\n")[0][:200]
