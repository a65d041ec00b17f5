"""A finished run: its tables, its report, and whether it is good enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from crawlmill.contract import Analysis
from crawlmill.errors import DamageLimit
from crawlmill.plan.planner import Plan

if TYPE_CHECKING:
    from crawlmill.task import Job


@dataclass(frozen=True)
class Run(Mapping[str, "pa.Table"]):
    """A finished run: its tables by the name of the analysis.

    Attributes:
        analyses: what was run.
        damage: one row for all that could not be read (columns as in :class:`crawlmill.warc.damage.Damage`).
        counters: what was counted: ``records``, ``records:TYPE``, ``bytes``, ``rejected``, ``empty_members``.
        plan: inputs and splits; of a run that was done before, without the splits.
        splits: how many splits it had.
        identity: what makes two runs the same.
        seconds: how long it took.
        output: the folder with the files, when one was asked for.
    """

    analyses: tuple[Analysis, ...]
    tables: Callable[[str], Iterable[pa.Table]]
    damage: pa.Table
    counters: Mapping[str, int]
    plan: Plan
    splits: int
    identity: Mapping[str, object]
    seconds: float
    output: str | None = None

    def __getitem__(self, name: str) -> pa.Table:
        return pa.concat_tables(self.batches(name))

    def batches(self, name: str) -> Iterable[pa.Table]:
        """A table as tables of some rows each: one that was written with an output need not fit into memory."""
        for analysis in self.analyses:
            if name in (analysis.base, analysis.name):
                return self.tables(analysis.name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([analysis.base for analysis in self.analyses])

    def __len__(self) -> int:
        return len(self.analyses)

    def skipped(self, analysis: Analysis, types: frozenset[str] | None) -> dict[str, int]:
        """Records that an analysis did not get because of their type, by type."""
        wanted = analysis.types if types is None else types
        wanted = wanted and frozenset(kind.partition("/")[0] for kind in wanted)
        prefix = "records:"
        seen = {name[len(prefix) :]: count for name, count in self.counters.items() if name.startswith(prefix)}
        return {} if wanted is None else {kind: count for kind, count in sorted(seen.items()) if kind not in wanted}


def report_of(run: Run, job: Job, files: Mapping[str, str]) -> dict[str, Any]:
    """What ``run.json`` says.

    Args:
        run: the finished run.
        job: what was asked.
        files: what the table of each analysis, and ``damage``, is called.
    """
    kinds: dict[str, int] = {}
    for kind in run.damage["kind"].to_pylist():
        kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "identity": dict(run.identity),
        "inputs": [
            {"uri": item.uri, "bytes": item.size, "version": item.version, "part": item.part}
            for item in run.plan.inputs
        ],
        "inputs_named_twice": list(run.plan.twice),
        "splits": run.splits,
        "counters": dict(sorted(run.counters.items())),
        "skipped": {analysis.name: run.skipped(analysis, job.types) for analysis in job.analyses},
        "damage": {"rows": run.damage.num_rows, "by_kind": dict(sorted(kinds.items()))},
        "checked": "every member inflated, CRCs and digests" if job.full else "members that the analyses touched",
        "files": dict(files),
        "seconds": round(run.seconds, 3),
    }


def judge(run: Run, damage: str, max_damage: int | None) -> None:
    """Raise :class:`DamageLimit`, which carries the run, when a finished run is not good enough.

    Args:
        run: the finished run.
        damage: ``fail``: no damage is allowed; ``report``: any is, but not that nothing was read; ``accept``: anything is.
        max_damage: damage rows that are allowed; None for any number.
    """
    if damage == "accept":
        return
    rows = run.damage.num_rows
    limit = 0 if damage == "fail" else max_damage
    if limit is not None and rows > limit:
        first = run.damage.slice(0, 1).to_pylist()[0]
        where = f"{first['uri']}@{first['offset']}"
        raise DamageLimit(
            f"damage rows: {rows}, allowed: {limit}; the first: {first['message']}", where, "see the damage table", run
        )
    if not run.counters.get("records"):
        hint = "see the damage table" if rows else "are these web archives?"
        raise DamageLimit("no record was read", None, hint, run)
