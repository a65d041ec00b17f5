"""Text of data on a terminal: what could move the cursor, hide text or turn its order is shown escaped there. Files and pipes
get what was written."""

from __future__ import annotations

import codecs
import io
import re
import sys
from typing import Any, BinaryIO, TextIO, cast

UNSAFE = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e007f"
)
"""Control and format characters, line and paragraph separators, surrogates (Cc, Cf, Zl, Zp, Cs), as a class of a regular
expression. Written down: another version of Python must not give a file another URI."""
_UNSAFE = re.compile(f"[{UNSAFE}]")
_LINES = re.compile(f"\r\n|\n|\t|([{UNSAFE}])")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_safe(text: str) -> bool:
    """Whether a text is shown as it is."""
    return _UNSAFE.search(text) is None


def escaped(text: str) -> str:
    r"""A text on one line, as JSON writes what cannot be shown: an escaped JSON string keeps its value.

    >>> print(escaped("a\x1b[2Jb\u202ec\nd"))
    a\u001b[2Jb\u202ec\nd
    """
    return _UNSAFE.sub(lambda found: _shown(found[0]), text)


def escaped_lines(text: str) -> str:
    r"""As :func:`escaped`, with line ends and tabs left as they are.

    >>> print(escaped_lines("a\x07\nb\r\nc\rd"))
    a\u0007
    b
    c\rd
    """
    return _LINES.sub(lambda found: _shown(found[1]) if found[1] else found[0].lstrip("\r"), text)


def _shown(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return _SHORT.get(character) or "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


class Guard(io.TextIOBase):
    """A stream in front of a terminal: everything printed passes through :func:`escaped_lines`.

    What we draw ourselves needs escapes of its own and goes to :attr:`rich_proxied_file` (rich knows this name), with the
    data in it escaped before: see :mod:`crawlmill.drawing`.
    """

    def __init__(self, terminal: TextIO) -> None:
        self.rich_proxied_file = terminal
        self.buffer = _Bytes(self)

    def write(self, text: str) -> int:
        self.rich_proxied_file.write(escaped_lines(text))
        return len(text)

    def flush(self) -> None:
        self.rich_proxied_file.flush()

    def isatty(self) -> bool:
        return self.rich_proxied_file.isatty()

    def fileno(self) -> int:
        return self.rich_proxied_file.fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.flush()  # the terminal is not ours to close

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.rich_proxied_file.encoding

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


class _Bytes(io.RawIOBase):
    """The bytes of a :class:`Guard`: shown as UTF-8, and what is none as ``\\xff``."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def write(self, data: Any) -> int:
        whole = bytes(data)
        self._guard.write(self._decoder.decode(whole))
        return len(whole)

    def flush(self) -> None:
        self._guard.write(self._decoder.decode(b"", True))
        self._guard.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self.flush()


OUTPUT = "standard output"
"""The name in an error of a write to it."""


class _Named(io.FileIO):
    """Standard output that is a file or a pipe; an error of it names it."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except (BrokenPipeError, BlockingIOError):
            raise
        except OSError as error:
            raise OSError(error.errno, error.strerror, OUTPUT) from None


def guard() -> None:
    """Guard standard output and standard error where they are terminals. Every program of ours begins with it.

    In a pipe or a file a character that the locale's encoding does not have is escaped and no traceback, and an error of
    standard output (a full disk) has the name :data:`OUTPUT`.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or isinstance(stream, Guard):
            continue
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        if stream.isatty():
            setattr(sys, name, Guard(stream))
        elif name == "stdout" and type(stream) is io.TextIOWrapper:
            stream.flush()
            raw = _Named(stream.fileno(), "wb", closefd=False)
            buffer = cast(BinaryIO, raw) if stream.write_through else io.BufferedWriter(raw, 1 << 16)
            sys.stdout = io.TextIOWrapper(
                buffer,
                stream.encoding,
                "backslashreplace",
                newline="\n",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
