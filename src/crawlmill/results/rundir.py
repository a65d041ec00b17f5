"""The folder of a run: its plan and partials while it runs, its tables and ``run.json`` when it is done."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict

from crawlmill.errors import UsageError
from crawlmill.files import whole_file
from crawlmill.identity import digest
from crawlmill.plan.planner import Input, Plan
from crawlmill.plan.split import Split

WORK = "_work"
DONE = "run.json"


class RunDir:
    """The folder that ``-o`` names.

    Args:
        path: the folder.
        identity: the identity of the run.
    """

    def __init__(self, path: str, identity: dict[str, object]) -> None:
        self.path, self.identity = os.path.abspath(path), identity
        self.work = os.path.join(self.path, WORK)

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
                raise UsageError("the output exists", self.path, "use --resume, --overwrite, or another name")
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
        fields["splits"] = [(split.uri, split.start, split.end) for split in made.splits]
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

    def _clear(self) -> None:
        """Remove what an earlier run wrote, and nothing that is not a run's."""
        if not os.path.isdir(self.path):
            raise UsageError("the output is not a folder", self.path, "use another name")
        held = set(os.listdir(self.path))
        if held and DONE not in held and WORK not in held:
            raise UsageError("the output is a folder that no run made", self.path, "use another name")
        shutil.rmtree(self.path)

    def _stored(self) -> Plan | None:
        try:
            with open(os.path.join(self.work, "plan.json"), encoding="utf-8") as file:
                fields = json.load(file)
        except FileNotFoundError:
            if os.path.isdir(self.path) and set(os.listdir(self.path)) - {WORK}:
                done = os.path.exists(self.file(DONE))
                what = "the output belongs to another run" if done else "there is nothing to resume"
                raise UsageError(what, self.path, "use --overwrite, or another name") from None
            return None
        if digest(fields["identity"]) != digest(self.identity):
            raise UsageError(
                "the output belongs to another run", self.path, "same analyses, options and filters, or use --overwrite"
            )
        return Plan(
            tuple(Input(**item) for item in fields["inputs"]),
            tuple(Split(*split) for split in fields["splits"]),
            tuple(fields["twice"]),
        )


def write_json(path: str, fields: object, scratch: str | None = None) -> None:
    """Write a JSON file that is there whole or not at all; ``scratch`` is a folder on the same disk for it until then."""
    text = json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    with whole_file(path, scratch) as file:
        file.write(text.encode())
