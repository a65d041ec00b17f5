"""The folder of a run: its plan and partials while it runs, its tables and ``run.json`` when it is done."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import whole_file
from crawlmill.identity import digest
from crawlmill.plan.planner import Input, Plan
from crawlmill.plan.split import Split
from crawlmill.stores import local_path, store_of, uri_of

WORK = "_work"
DONE = "run.json"


class RunDir:
    """The folder that ``-o`` names.

    Args:
        path: the folder.
        identity: the identity of the run.
    """

    def __init__(self, path: str, identity: dict[str, object]) -> None:
        self.path, self.identity = os.path.abspath(local_path(path)), identity
        self.work = os.path.join(self.path, WORK)
        self.name = uri_of(self.path)
        """What the user calls it."""

    def file(self, name: str) -> str:
        """The path of a file in the folder."""
        return os.path.join(self.path, name)

    def open(self, plan: Callable[[], Plan], resume: bool, overwrite: bool) -> Plan:
        """Make the folder, or take it up again; answers the plan to follow.

        Raises:
            UsageError: it exists and neither ``resume`` nor ``overwrite`` was said, or it belongs to another run.
        """
        if os.path.lexists(self.path) and not resume:
            if not overwrite:
                raise UsageError("the output exists", self.name, "use --resume, --overwrite, or another name")
            self._clear()
        stored = self._stored() if resume else None
        if stored is not None:
            return stored
        made = plan()
        os.makedirs(self.work, exist_ok=True)
        fields: dict[str, object] = {
            "identity": self.identity,
            "inputs": [asdict(item) for item in made.inputs],
            "twice": made.twice,
        }
        fields["splits"] = [split.to_json() for split in made.splits]
        write_json(os.path.join(self.work, "plan.json"), fields)
        return made

    def finished(self) -> dict[str, object] | None:
        """What ``run.json`` says, when the run is done and is this one."""
        try:
            with open(self.file(DONE), encoding="utf-8") as file:
                found: dict[str, object] = json.load(file)
        except (FileNotFoundError, ValueError):
            return None
        return found if found.get("identity") == json.loads(json.dumps(self.identity)) else None

    def close(self) -> None:
        """The run is done: its work folder goes."""
        shutil.rmtree(self.work, ignore_errors=True)

    def named(self, file: str) -> str:
        """The name of a file that the run has written, once the run is done."""
        return os.path.join(self.name, file)

    def _clear(self) -> None:
        """Remove what an earlier run wrote, and nothing that is not a run's."""
        if not os.path.isdir(self.path):
            raise UsageError("the output is not a folder", self.name, "use another name")
        _refuse_foreign(self.name, set(os.listdir(self.path)))
        shutil.rmtree(self.path)

    def _stored(self) -> Plan | None:
        try:
            with open(os.path.join(self.work, "plan.json"), encoding="utf-8") as file:
                fields = json.load(file)
        except FileNotFoundError:
            if os.path.isdir(self.path) and set(os.listdir(self.path)) - {WORK}:
                done = os.path.exists(self.file(DONE))
                what = "the output belongs to another run" if done else "there is nothing to resume"
                raise UsageError(what, self.name, "use --overwrite, or another name") from None
            return None
        if digest(fields["identity"]) != digest(self.identity):
            raise UsageError(
                "the output belongs to another run", self.name, "same analyses, options and filters, or use --overwrite"
            )
        return Plan(
            tuple(Input(**item) for item in fields["inputs"]),
            tuple(Split.from_line(split) for split in fields["splits"]),
            tuple(fields["twice"]),
        )


class HdfsRunDir(RunDir):
    """A folder of another store. It is written on this machine and sent when the run is done.

    Args:
        uri: the folder.
        identity: the identity of the run.
        scratch: a local folder that goes when the run is over.
    """

    def __init__(self, uri: str, identity: dict[str, object], scratch: str) -> None:
        super().__init__(os.path.join(scratch, "output"), identity)
        self.name, self._replace, self._store = uri.rstrip("/"), False, store_of(uri)
        if self.name.endswith(":"):
            raise UsageError("the output is the root of a store", uri, "name a folder in it")

    def open(self, plan: Callable[[], Plan], resume: bool, overwrite: bool) -> Plan:
        """As :meth:`RunDir.open`, but nothing can be taken up again: partials are kept on this machine."""
        if resume:
            raise UsageError(
                "a run whose output is in another store cannot be resumed", self.name, "leave out --resume"
            )
        there = self._store.held(self.name)
        if there is not None and not overwrite:
            raise UsageError("the output exists", self.name, "use --overwrite, or another name")
        _refuse_foreign(self.name, there or set())
        self._replace = overwrite
        self._store.check_writable(self.name)  # now, not after hours of work
        return super().open(plan, False, False)

    def close(self) -> None:
        super().close()
        try:
            self._store.put(self.path, self.name, self._replace)
        except CrawlmillError as error:
            kept = tempfile.mkdtemp(prefix="crawlmill-output-")
            shutil.move(self.path, kept)
            hint = f"the result is kept in {kept}/output"
            raise CrawlmillError(error.what, error.where, hint) from None


def run_dir(output: str, identity: dict[str, object], scratch: str) -> RunDir:
    """The folder of a run, on this machine or in another store. Raises :class:`UsageError` for a scheme that no store has."""
    return RunDir(output, identity) if store_of(output).local else HdfsRunDir(output, identity, scratch)


def _refuse_foreign(name: str, names: set[str]) -> None:
    if names and DONE not in names and WORK not in names:
        raise UsageError("the output is a folder that no run made", name, "use another name")


def write_json(path: str, fields: object, scratch: str | None = None) -> None:
    """Write a JSON file that is there whole or not at all; ``scratch`` is a folder on the same disk for it until then."""
    text = json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    with whole_file(path, scratch) as file:
        file.write(text.encode())
