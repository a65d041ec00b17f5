"""``crawlmill.run``: the whole of a run, from what the user named to tables."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from crawlmill import registry, wire
from crawlmill.cluster.finding import know_hdfs
from crawlmill.contract import Analysis, Option, type_set
from crawlmill.engines import Engine, Progress, Work, engine_class
from crawlmill.engines.local import Local
from crawlmill.errors import DamageLimit, UsageError
from crawlmill.identity import identity_of, partial_name, refuse_undigested
from crawlmill.own.closure import gather
from crawlmill.own.imports import checked
from crawlmill.partial import merge_files, reducers_of
from crawlmill.plan.planner import Input, Plan, make_plan
from crawlmill.results.rundir import DONE, RunDir, run_dir, write_json
from crawlmill.results.tables import DAMAGE_SCHEMA, Sink, TableSink, deliver, schema_of
from crawlmill.results.writers import FORMATS, writer
from crawlmill.scratch import Scratch
from crawlmill.task import Job
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD
from crawlmill.where import parse_where


@dataclass(frozen=True)
class Run(Mapping[str, "pa.Table"]):
    """A finished run: its tables by the name of the analysis.

    Attributes:
        analyses: what was run.
        damage: one row for all that could not be read (columns as in :class:`crawlmill.warc.damage.Damage`).
        counters: what was counted: ``records``, ``records:TYPE``, ``bytes``, ``rejected``, ``empty_members``.
        plan: inputs and splits.
        identity: what makes two runs the same.
        seconds: how long it took.
        output: the folder with the files, when one was asked for.
    """

    analyses: tuple[Analysis, ...]
    tables: Callable[[str], Iterable[pa.Table]]
    damage: pa.Table
    counters: Mapping[str, int]
    plan: Plan
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


def run(
    analyses: str | Analysis | Sequence[str | Analysis],
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    output: str | os.PathLike[str] | None = None,
    format: str = "parquet",
    workers: int | None = None,
    pool: str = "process",
    resume: bool = False,
    overwrite: bool = False,
    options: Mapping[str, Mapping[str, Option]] | None = None,
    types: str | None = None,
    where: str | None = None,
    check: str = "fast",
    max_record: int = MAX_RECORD,
    max_body: int = MAX_BODY,
    record_timeout: float | None = None,
    damage: str = "report",
    max_damage: int | None = None,
    split_size: int | None = None,
    base: str | None = None,
    progress: Progress | None = None,
    planned: Callable[[Plan], None] | None = None,
    on: Engine | str | None = None,
    say: Callable[[str], None] = lambda line: None,
    ship: Sequence[str | os.PathLike[str]] = (),
) -> Run:
    """Run analyses over archives, in one pass: on this machine, or on another engine.

    Args:
        analyses: names, ``file.py:name``, or functions under ``@crawlmill.analysis``, also ones of a notebook.
        inputs: files, folders, globs, manifests, ``*.paths.gz`` listings, ``-`` for standard input.
        output: a folder, here or ``hdfs://``, for one file an analysis, ``damage.FORMAT`` and ``run.json``.
        format: ``parquet``, ``jsonl``, ``csv`` or ``tsv``.
        workers, pool, record_timeout: of the local engine, see :class:`crawlmill.engines.local.Local`.
        resume: go on with what an ended run left in ``output``; of a run that is done, its result.
        overwrite: replace what a run left in ``output``.
        options: options of analyses, ``{"words": {"min_length": 3}}``.
        types: record types in place of the analyses' own, e.g. ``"response revisit"``.
        where: a condition on the headers, see :class:`crawlmill.where.Where`.
        check: ``fast``, or ``full``: inflate everything and check digests.
        max_record: bytes of a block that are loaded; a larger one is damage for the analysis that touches it.
        max_body: bytes of a body that are decoded and parsed; a larger one is damage for the analysis that touches it.
        damage: ``report``; ``fail``: raise when there is any; ``accept``: do not even raise when nothing was read.
        max_damage: raise when there are more damage rows.
        split_size: bytes of a split of a large file.
        base: put before relative names in manifests.
        progress: told ``(worker, bytes)`` now and then, and ``(-1, bytes)`` when a split is done.
        planned: told the plan before reading begins.
        on: another engine, by name or with its options: ``on="hadoop"``, ``on=Hadoop(reducers=3)``.
        say: told what a cluster says.
        ship: files and folders that the analyses need, modules or data: they belong to the run's identity and travel to the
            nodes, see :func:`crawlmill.shipped`.

    Raises:
        UsageError: the call is wrong. DamageLimit: more damage than was allowed, or no record at all was read (the tables
            are written all the same). CrawlmillError: the run cannot go on.

    >>> import crawlmill
    >>> run = crawlmill.run(["origins", "status"], "data_samples/*.warc.gz", workers=1)
    >>> run["origins"].column_names, run.counters["records"], run.damage.num_rows
    (['origin', 'pages'], 270, 0)
    """
    started = time.monotonic()
    if format not in FORMATS:
        raise UsageError(f"no format is called {format!r}", hint=f"there are {', '.join(FORMATS)}")
    if check not in ("fast", "full") or damage not in ("report", "fail", "accept"):
        raise UsageError("check is fast or full, damage is report or fail")
    local = Local(workers, pool, record_timeout)
    if on is not None and local != Local():
        raise UsageError("workers, pool and record_timeout are options of the local engine", hint="give them to `on`")
    engine = local if on is None else engine_class(on)() if isinstance(on, str) else on
    if resume and not engine.resumes:
        name = type(engine).__name__
        raise UsageError(f"{name} retries by its own means and does not resume", hint="leave out --resume")
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other")
    job = make_job(analyses, options, types, where, max_record, check == "full", max_body, ship)
    identity = identity_of(job)
    if resume:
        refuse_undigested(identity)
    know_hdfs()
    named = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)

    def plan() -> Plan:
        return make_plan([os.fspath(item) for item in named], split_size or engine.split_size, base)

    with Scratch() as scratch:
        if output is None:
            made, work, folder = plan(), scratch, None
        else:
            folder = run_dir(os.fspath(output), identity, scratch)
            done = folder.finished() if resume else None
            if done is not None:
                folder.close()  # it may have been ended just before
                return _stored_run(job, identity, folder, done)
            made = folder.open(plan, resume, overwrite)
            work = folder.work
        if planned is not None:
            planned(made)
        sources = {item.uri: item for item in made.inputs}
        parts = {split: os.path.join(work, partial_name(identity, split, sources[split.uri])) for split in made.splits}
        files = engine.run(Work(job, made, parts, scratch, say, progress))
        with checked():  # a merge of the user's own may import, too
            finished = _finish(job, made, files, scratch, folder, format)
        result = Run(
            job.analyses, *finished, made, identity, time.monotonic() - started, None if folder is None else folder.name
        )
        if folder is not None:
            write_json(folder.file(DONE), report_of(result, job, format), folder.work)
            folder.close()
    if damage != "accept":
        judge(result, damage, max_damage)
    return result


def make_job(
    analyses: str | Analysis | Sequence[str | Analysis],
    options: Mapping[str, Mapping[str, Option]] | None = None,
    types: str | None = None,
    where: str | None = None,
    max_record: int = MAX_RECORD,
    full: bool = False,
    max_body: int = MAX_BODY,
    ship: Sequence[str | os.PathLike[str]] = (),
) -> Job:
    """The job of names and settings. Raises :class:`UsageError` for what does not fit, :class:`MissingPackage`."""
    named = [analyses] if isinstance(analyses, (str, Analysis)) else list(analyses)
    loaded = registry.load(named, ship)
    for base, values in (options or {}).items():
        if base not in [analysis.base for analysis in loaded]:
            raise UsageError(f"options are given for {base!r}, which is not run")
        loaded = [analysis.with_options(**values) if analysis.base == base else analysis for analysis in loaded]
    for analysis in loaded:
        analysis.require()
    condition = None if where is None else parse_where(where)
    return Job(tuple(loaded), type_set(types), condition, max_record, full, max_body, gather(loaded, ship))


def _finish(
    job: Job, plan: Plan, parts: list[str], scratch: str, folder: RunDir | None, format: str
) -> tuple[Callable[[str], Iterable[pa.Table]], pa.Table, dict[str, int]]:
    """Merge the partials into tables: how to get each, the damage, the counters."""
    reducers = reducers_of(job.analyses)
    between = iter(range(1 << 30))
    lines = merge_files(list(dict.fromkeys(parts)), reducers, lambda: os.path.join(scratch, f"merge{next(between)}"))
    kept = {analysis.name: TableSink(schema_of(analysis)) for analysis in job.analyses}
    damage = TableSink(DAMAGE_SCHEMA)
    if folder is None:
        counters = deliver(lines, job.analyses, reducers, {**kept, wire.DAMAGE: damage})
        return (lambda name: [kept[name].table]), damage.table, counters
    sinks: dict[str, Sink] = {
        analysis.name: writer(folder.file(f"{analysis.base}.{format}"), schema_of(analysis), format, folder.work)
        for analysis in job.analyses
    }
    sinks[wire.DAMAGE] = _Both(damage, writer(folder.file(f"damage.{format}"), DAMAGE_SCHEMA, format, folder.work))
    counters = deliver(lines, job.analyses, reducers, sinks)
    return _tables(job, folder, format), damage.table, counters


def _tables(job: Job, folder: RunDir, format: str) -> Callable[[str], Iterable[pa.Table]]:
    """The tables of a folder, read when they are asked for."""
    from crawlmill.results.reading import read_batches

    files = {
        analysis.name: (folder.named(f"{analysis.base}.{format}"), schema_of(analysis)) for analysis in job.analyses
    }
    return lambda name: read_batches(*files[name])


def _stored_run(job: Job, identity: Mapping[str, object], folder: RunDir, done: Mapping[str, Any]) -> Run:
    """A run that was done before."""
    from crawlmill.results.reading import read_table

    format = done["files"]["damage"].rpartition(".")[2]
    damage = read_table(folder.file(done["files"]["damage"]), DAMAGE_SCHEMA)
    plan = Plan(
        tuple(Input(item["uri"], item["bytes"], None) for item in done["inputs"]), (), tuple(done["inputs_named_twice"])
    )
    return Run(
        job.analyses,
        _tables(job, folder, format),
        damage,
        done["counters"],
        plan,
        identity,
        done["seconds"],
        folder.name,
    )


class _Both:
    """Two sinks that get the same rows."""

    def __init__(self, *sinks: Sink) -> None:
        self._sinks = sinks

    def write(self, rows: Sequence[tuple[object, ...]]) -> None:
        for sink in self._sinks:
            sink.write(rows)

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()

    def abort(self) -> None:
        for sink in self._sinks:
            sink.abort()


def report_of(run: Run, job: Job, format: str) -> dict[str, object]:
    """What ``run.json`` says."""
    kinds: dict[str, int] = {}
    for kind in run.damage["kind"].to_pylist():
        kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "identity": dict(run.identity),
        "inputs": [{"uri": item.uri, "bytes": item.size} for item in run.plan.inputs],
        "inputs_named_twice": list(run.plan.twice),
        "splits": len(run.plan.splits),
        "counters": dict(sorted(run.counters.items())),
        "skipped": {analysis.name: run.skipped(analysis, job.types) for analysis in job.analyses},
        "damage": {"rows": run.damage.num_rows, "by_kind": dict(sorted(kinds.items()))},
        "checked": "every member inflated, CRCs and digests" if job.full else "members that the analyses touched",
        "files": {analysis.name: f"{analysis.base}.{format}" for analysis in job.analyses}
        | {"damage": f"damage.{format}"},
        "seconds": round(run.seconds, 3),
    }


def judge(run: Run, damage: str, max_damage: int | None) -> None:
    """Raise :class:`DamageLimit` when a finished run is not good enough."""
    rows = run.damage.num_rows
    limit = 0 if damage == "fail" else max_damage
    if limit is not None and rows > limit:
        first = run.damage.slice(0, 1).to_pylist()[0]
        where = f"{first['uri']}@{first['offset']}"
        raise DamageLimit(
            f"damage rows: {rows}, allowed: {limit}; the first: {first['message']}", where, "see the damage table"
        )
    if not run.counters.get("records"):
        raise DamageLimit("no record was read", hint="see the damage table" if rows else "are these web archives?")
