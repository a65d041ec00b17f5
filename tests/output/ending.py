"""Runs that end at every step they take, each resumed and compared: a program, because it forks before threads are there.

    python ending.py KIND FOLDER WORDS...

KIND is ``kill`` (SIGKILL after each rename, removal, row written and table closed) or ``full`` (no file may have more than so
many bytes: the system refuses a write in the middle, as it does on a full disk). WORDS are those of ``crawlmill run``. Prints a
JSON object: how many runs were ended, and where.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import crawlmill.api  # what a run imports: a fork costs less than importing it again
import crawlmill.mappers.mime
import crawlmill.mappers.origins
import crawlmill.mappers.records
import crawlmill.mappers.status
import crawlmill.output.folder
import crawlmill.output.text
import crawlmill.results.report  # noqa: F401
from crawlmill import cli
from crawlmill.output import formats

Ending = Callable[[int], None]


def kill(number: int) -> None:
    """End this process at the step of that number."""
    left = number

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            nonlocal left
            found = real(*arguments, **named)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return call

    for owner, name in ((os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir")):
        setattr(owner, name, counted(getattr(owner, name)))
    for name in ("write", "close"):
        setattr(formats.FileSink, name, counted(getattr(formats.FileSink, name)))


def full(number: int) -> None:
    """Let no file grow beyond some bytes, more for each number."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(60 * 1.3**number), resource.RLIM_INFINITY))


def ran(words: list[str], ending: Ending | None = None, number: int = 0) -> int:
    """The exit code of a run, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        if ending is not None:
            ending(number)
        sys.argv = ["crawlmill", "run", *words]
        try:
            cli.main()
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 1)
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def contents(folder: Path) -> dict[str, object]:
    """The files of a result; of its report all but how long it took."""
    found: dict[str, object] = {}
    for path in sorted(folder.iterdir()):
        if path.name == "run.json":
            found[path.name] = {key: value for key, value in json.loads(path.read_text()).items() if key != "seconds"}
        else:
            found[path.name] = path.read_bytes().hex() if path.is_file() else "a folder"
    return found


def main() -> None:
    kind, place, words = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    ending: Ending = {"kill": kill, "full": full}[kind]
    whole, out = place / "whole", place / "out"
    assert ran([*words, "-o", str(whole)]) == 0
    number, ended, refused = 0, 0, 0
    while True:
        number += 1
        shutil.rmtree(out, ignore_errors=True)
        code = ran([*words, "-o", str(out)], ending, number)
        if code == 0:
            break
        ended += 1
        assert code == (-signal.SIGKILL if kind == "kill" else 1), (number, code)
        if out.exists() and os.listdir(out) and not (out / "run.json").exists():
            assert ran([*words, "-o", str(out)]) == 2, number  # not in silence over what is there
            refused += 1
        code = ran([*words, "-o", str(out), "--resume"])
        assert code == 0, (number, code, os.listdir(out))
        assert contents(out) == contents(whole), number
    assert contents(out) == contents(whole)
    print(json.dumps({"ended": ended, "refused": refused}))


if __name__ == "__main__":
    main()
