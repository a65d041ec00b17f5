"""The folder where a run keeps what it has until it is done: its plan, partials of splits, merged batches."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import whole_file
from crawlmill.plan.planner import Input, Plan
from crawlmill.plan.split import Split
from crawlmill.scratch import locked
from crawlmill.stores.store import new_mark

_PLAN = "plan.json"
EVENTS = "events.jsonl"
"""The record of the programs that a run has started."""
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Stored:
    """What an ended run left: the identity, the plan and the splits of a batch that it followed."""

    identity: dict[str, object]
    plan: Plan
    batch: int


class WorkDir:
    """A folder that one run at a time works in.

    Args:
        path: the folder; :meth:`lock` makes it.
        name: what the user calls the output that it belongs to.
    """

    def __init__(self, path: str, name: str) -> None:
        self.path, self._name = path, name
        self._lock: int | None = None
        self._held = False

    @property
    def begun(self) -> bool:
        """Whether a run has come to a plan here."""
        return os.path.exists(self.file(_PLAN))

    @property
    def locked(self) -> bool:
        """Whether it is this process that works in it."""
        return self._held

    def lock(self) -> None:
        """Make the folder and keep others out of it: the kernel takes the lock back when this process ends, however it does.

        Raises:
            UsageError: another run is at work in it. CrawlmillError: it cannot be made.
        """
        while True:
            try:
                os.makedirs(self.path, exist_ok=True)
            except OSError as error:
                raise CrawlmillError(
                    f"cannot make the folder: {error.strerror}", self.path, "use another name"
                ) from None
            try:
                self._lock = locked(self.path, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._held = True
                return
            except FileNotFoundError:
                continue  # who held it has ended and removed it just now
            except BlockingIOError:
                raise UsageError(
                    "another run is writing this output", self._name, "wait until it has ended, or use another name"
                ) from None
            except OSError:
                self._held = True
                return  # no locks on this file system

    def clear(self) -> None:
        """Remove what an earlier run left, but for the record of the programs that it started."""
        for name in set(os.listdir(self.path)) - {EVENTS}:
            path = os.path.join(self.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path, ignore_errors=True)
            else:
                os.unlink(path)

    def remove(self) -> None:
        """The run is done: the folder goes."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.release()

    def release(self) -> None:
        """Let others in; what was kept stays."""
        self._held = False
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def file(self, name: str) -> str:
        """The path of a file in the folder."""
        return os.path.join(self.path, name)

    def stored(self) -> Stored | None:
        """What an ended run left; None when it had not come to a plan. Raises :class:`CrawlmillError` for what is no plan."""
        try:
            with open(self.file(_PLAN), encoding="utf-8") as file:
                fields = json.load(file)
            plan = Plan(
                tuple(Input(**item) for item in fields["inputs"]),
                tuple(Split.from_line(split) for split in fields["splits"]),
                tuple(fields["twice"]),
            )
            return Stored(fields["identity"], plan, fields["batch"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, CrawlmillError):
            raise CrawlmillError("not the plan of a run", self.file(_PLAN), "use --overwrite") from None

    def keep(self, stored: Stored) -> None:
        """Write down what the run follows. Raises :class:`CrawlmillError`."""
        fields = {
            "identity": stored.identity,
            "inputs": [asdict(item) for item in stored.plan.inputs],
            "twice": stored.plan.twice,
            "splits": [split.to_json() for split in stored.plan.splits],
            "batch": stored.batch,
        }
        write_json(self.file(_PLAN), fields)

    def mark(self) -> str:
        """A name that this run has from now on and no other."""
        path = self.file("mark")
        if not os.path.exists(path):
            with whole_file(path) as file:
                file.write(new_mark().encode())
        with open(path, encoding="ascii") as text:
            return text.read()

    def batch(self, number: int) -> str | None:
        """The merged lines of a batch: a file that is as it was when it was whole. None when there is none."""
        path = self._batch(number)
        try:
            with open(f"{path}.json", encoding="utf-8") as file:
                marker: dict[str, Any] = json.load(file)
            return path if _seal(path) == marker else None
        except (OSError, ValueError):
            return None

    def keep_batch(self, number: int, lines: Iterable[bytes]) -> str:
        """Write the merged lines of a batch, and then, when they are on the disk, a marker that says so; returns the path.

        Raises:
            CrawlmillError: it cannot be written, or the disk gives other bytes back.
        """
        path, count, digest = self._batch(number), 0, hashlib.sha256()
        with whole_file(path) as file:
            for line in lines:
                file.write(line)
                count += len(line)
                digest.update(line)
        seal = {"bytes": count, "sha256": digest.hexdigest()}
        if _seal(path) != seal:
            raise CrawlmillError("the disk does not keep what is written", path, "see the logs of the system")
        write_json(f"{path}.json", seal)
        return path

    def _batch(self, number: int) -> str:
        return self.file(f"batch-{number:05}.lines")


def _seal(path: str) -> dict[str, object]:
    count, digest = 0, hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            count += len(block)
            digest.update(block)
    return {"bytes": count, "sha256": digest.hexdigest()}


def write_json(path: str, fields: object, scratch: str | None = None) -> None:
    """Write a JSON file that is there whole or not at all; ``scratch`` is a folder on the same disk for it until then."""
    text = json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    with whole_file(path, scratch) as file:
        file.write(text.encode())
