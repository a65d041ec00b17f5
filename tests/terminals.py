"""Runs a program on a real pseudo-terminal, and tells what of its output is ours and what came through from data."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import unicodedata
from fcntl import ioctl
from pathlib import Path

DANGEROUS = "".join(
    chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp", "Cs")
)
"""Every character that this Python knows to move a cursor, to be invisible, to reorder, or to end a line."""
_OURS = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[\d*A|\r|\n|\t")


def on_terminal(words: list[str], cwd: Path, input: bytes | None = None, **environ: str) -> tuple[int, str]:
    """The exit code and what a person would have been sent: both streams of a program on a terminal.

    Args:
        words: a command of crawlmill, or a program.
        cwd: where.
        input: standard input; nothing when None.
        environ: environment variables.
    """
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(
        words if words[0] == sys.executable else [sys.executable, "-m", "crawlmill", *words],
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "PYTHONWARNINGS": "ignore", **environ},
    )
    os.close(theirs)
    assert process.stdin is not None
    threading.Thread(target=_feed, args=(process.stdin, input or b""), daemon=True).start()
    pieces = []
    while True:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:  # Linux says so when the other side is closed
            break
        if not data:
            break
        pieces.append(data)
    os.close(ours)
    return process.wait(60), b"".join(pieces).decode("utf-8", "surrogateescape")


def _feed(stdin: object, data: bytes) -> None:
    try:
        stdin.write(data)  # type: ignore[attr-defined]
        stdin.close()  # type: ignore[attr-defined]
    except BrokenPipeError:
        pass


def raw(text: str) -> set[str]:
    """The dangerous characters that a terminal was sent, but for what rich and the terminal itself put between."""
    return set(_OURS.sub("", text)) & set(DANGEROUS)
