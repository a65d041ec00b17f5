"""Why something on a Hadoop failed: of all that its commands and tasks said, one line, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawlmill.submit.patterns import Reason

_BECAUSE = re.compile(r"(?:Exception|Error)\b")
_PROLOGUE = re.compile(r"^(?:\S+ \S+ (?:ERROR|FATAL|WARN) \S+: )?(?:\S+: )?(?:[\w.$]+(?:Exception|Error): )*")
_KNOWN = (
    (
        r"beyond the '?PHYSICAL'? memory limit. Current usage: (.+?) of (.+?) physical memory",
        "a container took {} of {} memory, and was killed",
        "give it more: -D mapreduce.map.memory.mb=MIB",
    ),
    (r"to unknown queue: (\S+)", "there is no queue {!r}", "name another with --queue, or leave it out"),
    (r"Call From \S+ to (\S+) failed on connection exception", "{} is out of reach", "is it up? crawlmill hadoop status"),
    (
        r'Cannot run program "([^"]+)": error=\d+, (.+)',
        'Cannot run program "{}": {}',
        "name the Python of the nodes with --node-python",
    ),
)  # fmt: skip
"""Causes with a remedy of their own: what a line says then, what we say, what to do."""


def known(lines: Iterable[str]) -> Reason | None:
    """The first cause in the table above that a line names.

    >>> known(["... Application application_1_1 submitted by user me to unknown queue: adhoc"]).what
    "there is no queue 'adhoc'"
    >>> known(['Caused by: java.io.IOException: Cannot run program "py": error=2, No such file or directory']).what
    'Cannot run program "py": No such file or directory'
    """
    for line in lines:
        for pattern, what, hint in _KNOWN:
            if found := re.search(pattern, line):
                return Reason(what.format(*found.groups()), hint)
    return None


def ours(lines: Iterable[str]) -> Reason | None:
    """The first line that a program of ours said.

    >>> ours(["crawlmill: tags: the package resiliparse is needed here and not installed; pip install 'crawlmill[html]'"])
    Reason(what='tags: the package resiliparse is needed on the nodes', hint='ship an environment that has it: --env ENV.tar.gz')

    >>> ours(["INFO: ...", "crawlmill: /a.warc.gz: cannot be read; try again"])
    Reason(what='/a.warc.gz: cannot be read; try again', hint=None)
    """
    said = next((line.strip() for line in lines if line.lstrip().startswith("crawlmill: ")), None)
    if said is None:
        return None
    lacks, wanting, _ = said[len("crawlmill: ") :].partition(" is needed here and not installed")
    if wanting:
        return Reason(f"{lacks} is needed on the nodes", "ship an environment that has it: --env ENV.tar.gz")
    return Reason(lacks[:300])


def reason_of_logs(lines: list[str]) -> Reason | None:
    """Why tasks failed, from the logs of all of them; None when they do not say."""
    causes = [line.strip()[len("Caused by: ") :] for line in lines if line.lstrip().startswith("Caused by: ")]
    return ours(lines) or known(lines) or (Reason(causes[-1][:300]) if causes else None)


def reason(lines: list[str]) -> Reason:
    """Why a command failed, from what it printed.

    >>> reason(["26/11/25 21:12:43 ERROR streaming.StreamJob: Error Launching job : Output is there", "Streaming Command Failed!"])
    Reason(what='Error Launching job : Output is there', hint=None)
    >>> reason(["mkdir: Call From vm/127.0.0.1 to localhost:8020 failed on connection exception: ..."]).what
    'localhost:8020 is out of reach'
    """
    said = [line.strip() for line in lines if line.strip()]
    ended = [line.partition("due to: ")[2] for line in said if "failed with state" in line]
    plain = ended or [line for line in said if _BECAUSE.search(line)] or said or ["it said nothing"]
    return ours(said) or known(said) or Reason(_PROLOGUE.sub("", plain[0])[:300])
