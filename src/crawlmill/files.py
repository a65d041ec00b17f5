"""Files that are there whole or not at all: written under another name, then renamed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from crawlmill.errors import CrawlmillError
from crawlmill.terminal import OUTPUT


def beside(path: str, scratch: str | None = None) -> str:
    """The name of a file while it is not whole: beside it, or in a folder on the same disk."""
    return f"{path if scratch is None else os.path.join(scratch, os.path.basename(path))}.{os.getpid()}.tmp"


def complete(unfinished: str, path: str) -> None:
    """Give a file that is whole its name. Raises :class:`CrawlmillError` when it cannot be written."""
    try:
        with open(unfinished, "rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise CrawlmillError(f"cannot write: {error.strerror or error}", path) from error


def discard(unfinished: str) -> None:
    """Remove what was not finished, if it is there."""
    if os.path.exists(unfinished):
        os.unlink(unfinished)


@contextmanager
def whole_name(path: str, scratch: str | None = None) -> Iterator[str]:
    """A name to write to; when the block ends without an exception the file there becomes ``path``."""
    unfinished = beside(path, scratch)
    try:
        yield unfinished
        complete(unfinished, path)
    except OSError as error:
        raise CrawlmillError(f"cannot write: {error.strerror or error}", path) from error
    finally:
        discard(unfinished)


@contextmanager
def whole_file(path: str, scratch: str | None = None) -> Iterator[BinaryIO]:
    """A file to write bytes to, as :func:`whole_name`.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a")
    >>> with whole_file(path) as file:
    ...     _ = file.write(b"all"), os.path.exists(path)
    >>> open(path, "rb").read()
    b'all'
    """
    with whole_name(path, scratch) as unfinished, open(unfinished, "wb") as file:
        yield file


@contextmanager
def system_errors(debug: bool) -> Iterator[None]:
    """Run the body of a program, and write what standard output still holds. Raises :class:`CrawlmillError` for an error of the
    system that nothing has put into words, or, to debug, that error; :class:`BrokenPipeError` when nobody reads us any more."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        if debug:
            raise
        raise system_error(error) from None


def system_error(error: OSError) -> CrawlmillError:
    """An error of the system that nothing has put into words, as one line.

    >>> print(system_error(FileNotFoundError(2, "No such file or directory", "/a")))
    /a: No such file or directory
    """
    where = None if error.filename is None else os.fsdecode(error.filename)
    if where == OUTPUT:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # at its end Python writes the rest again
        return CrawlmillError(f"cannot write: {error.strerror}", where, "write to another place, or free some space")
    return CrawlmillError(error.strerror or str(error), where, None if where else "see more with --debug")
