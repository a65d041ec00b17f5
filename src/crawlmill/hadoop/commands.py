"""Short commands of a Hadoop, run to their end."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from crawlmill.cluster.finding import Found
from crawlmill.errors import CrawlmillError
from crawlmill.hadoop.failures import reason

PATIENCE = 600.0
"""Seconds for a command that copies or deletes files of HDFS."""


def call(found: Found, words: Sequence[str], check: bool = True) -> None:
    """Run a short command of ``hadoop``.

    Args:
        found: the Hadoop.
        words: the command's arguments.
        check: whether a failure is an error.

    Raises:
        CrawlmillError: it failed.
    """
    done = run([found.command, *words], found.environment, PATIENCE)
    if check and done.returncode:
        because = reason(done.stdout.splitlines())
        raise CrawlmillError(f"hadoop {' '.join(words[:2])} failed: {because.what}", hint=because.hint)


def run(words: Sequence[str], environment: Mapping[str, str], patience: float) -> subprocess.CompletedProcess[str]:
    """Run a command, with what it prints to both streams; of one that does not end in time the exit code is 1.

    Ctrl-C does not reach it: it may be what ends the job that Ctrl-C was for.
    """
    try:
        return subprocess.run(
            words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            stdin=subprocess.DEVNULL, timeout=patience, check=False, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 1, f"it did not end in {patience:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(words, 1, f"{words[0]} cannot be started: {error.strerror}")


def beside(found: Found, name: str) -> str:
    """The path of another command of a Hadoop: ``yarn``, which lies beside ``hadoop``."""
    folder = os.path.dirname(found.command)
    return os.path.join(folder, name) if folder else name
