"""``crawlmill.run``: the whole of a run, from what the user named to tables."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from crawlmill import registry, wire
from crawlmill.batches import BATCH, end_left, run_batches
from crawlmill.cluster.finding import know_hdfs
from crawlmill.contract import Analysis, Option, type_set
from crawlmill.engines import Engine, Progress, engine_class
from crawlmill.engines.local import Local
from crawlmill.errors import UsageError
from crawlmill.finished import Run as Run
from crawlmill.finished import judge, report_of
from crawlmill.identity import difference, identity_of, refuse_undigested
from crawlmill.output import Output
from crawlmill.output.places import output_of
from crawlmill.output.tables import DAMAGE_SCHEMA, Sink, TableSink, deliver, schema_of
from crawlmill.output.work import Stored
from crawlmill.own.closure import gather
from crawlmill.own.imports import checked
from crawlmill.partial import fresh_names, merge_files, reducers_of
from crawlmill.plan.planner import Input, Plan, changed_input, make_plan, name_inputs
from crawlmill.scratch import Scratch
from crawlmill.submit import Event
from crawlmill.task import Job
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD
from crawlmill.where import parse_where

_ANEW = "use --overwrite to begin anew"
_DAMAGE = "damage"


def run(
    analyses: str | Analysis | Sequence[str | Analysis],
    inputs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    output: str | os.PathLike[str] | None = None,
    format: str | None = None,
    workers: int | None = None,
    pool: str = "process",
    resume: bool = False,
    overwrite: bool = False,
    work: str | os.PathLike[str] | None = None,
    batch: int | None = None,
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
    events: Callable[[Event], None] = lambda event: None,
    ship: Sequence[str | os.PathLike[str]] = (),
) -> Run:
    """Run analyses over archives, in one pass: on this machine, or on another engine.

    Args:
        analyses: names, ``file.py:name``, or functions under ``@crawlmill.analysis``, also ones of a notebook.
        inputs: files, folders, globs, manifests, ``*.paths.gz`` listings, ``-`` for standard input.
        output: a folder, here or in a store that can be written, for one file an analysis, ``damage.FORMAT`` and
            ``run.json``.
        format: of the files: ``parquet`` (default), ``jsonl``, ``csv``, ``tsv``, or that of an installed package.
        workers, pool, record_timeout: of the local engine, see :class:`crawlmill.engines.local.Local`.
        resume: go on with what an ended run left; of a run that is done, return its result, in ``format``. The inputs, the
            code and the options must be those of that run.
        overwrite: replace what a run left in ``output``.
        work: a folder of this machine where a run whose output is in a store keeps what it has until it is done; by default
            one of the user's cache that depends on output and identity.
        batch: splits after which what was read is merged and kept, whatever the engine; default 10,000.
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
        events: told what happens, see :class:`crawlmill.submit.Event`.
        ship: files and folders that the analyses need, modules or data: they belong to the run's identity and travel to the
            nodes, see :func:`crawlmill.shipped`.

    Raises:
        UsageError: the call is wrong. DamageLimit: more damage than was allowed, or no record at all was read; the tables are
            written all the same, and it carries the run. CrawlmillError: the run cannot go on.

    >>> import crawlmill
    >>> run = crawlmill.run(["origins", "status"], "data_samples/*.warc.gz", workers=1)
    >>> run["origins"].column_names, run.counters["records"], run.damage.num_rows
    (['origin', 'pages'], 270, 0)
    """
    started = time.monotonic()
    if check not in ("fast", "full") or damage not in ("report", "fail", "accept"):
        raise UsageError("check is fast or full, damage is report or fail")
    local = Local(workers, pool, record_timeout)
    if on is not None and local != Local():
        raise UsageError("workers, pool and record_timeout are options of the local engine", hint="give them to `on`")
    engine = local if on is None else engine_class(on)() if isinstance(on, str) else on
    if resume and overwrite:
        raise UsageError("--resume and --overwrite exclude each other")
    if output is None and (batch is not None or work is not None or resume or overwrite):
        raise UsageError("there is no output to keep anything for", hint="name one with -o")
    job = make_job(analyses, options, types, where, max_record, check == "full", max_body, ship)
    identity = identity_of(job)
    if resume:
        refuse_undigested(identity)
    know_hdfs()
    items = [inputs] if isinstance(inputs, (str, os.PathLike)) else list(inputs)
    named = [os.fspath(item) for item in items]
    with Scratch() as scratch:
        place = output_of(None if output is None else os.fspath(output), format, identity, work)
        result = None
        if resume and (done := place.report()) is not None:
            result = _done_before(job, identity, place, done, name_inputs(named, base), format)
        if result is None:
            place.claim(resume, overwrite)
            try:
                if output is not None:
                    end_left(place.work, say)
                stored = place.work.stored() if resume else None
                if stored is None:
                    made = make_plan(named, split_size or engine.split_size, base)
                    if overwrite:
                        place.clear()  # not before: what is there stays when the inputs are wrong
                    stored = Stored(identity, made, batch or BATCH)
                    if output is not None:
                        place.work.keep(stored)
                else:
                    _refuse_other(place, identity, stored, name_inputs(named, base), batch)
                if planned is not None:
                    planned(stored.plan)
                keep = None if output is None else place.work
                files = run_batches(
                    engine, job, stored.plan, identity, stored.batch, keep, scratch, say, progress, events
                )
                with checked():  # a merge of the user's own may import, too
                    result = _finish(job, stored.plan, files, scratch, place, identity, started)
            finally:
                place.close()
    judge(result, damage, max_damage)
    return result


def _refuse_other(
    place: Output, identity: Mapping[str, object], stored: Stored, named: Plan, batch: int | None
) -> None:
    """Refuse to go on with the run of a plan when what is asked now is another one. Raises :class:`UsageError`."""
    _refuse_identity(place, stored.identity, identity)
    _refuse_inputs(place, stored.plan.inputs, named)
    if batch is not None and batch != stored.batch:
        raise UsageError(
            f"the run has batches of {stored.batch:,} splits, not of {batch:,}", place.name, "leave out --batch"
        )


def _refuse_identity(place: Output, old: Mapping[str, Any], new: Mapping[str, object]) -> None:
    changed = difference(old, new)
    if changed:
        raise UsageError(f"the output belongs to another run: {changed}", place.name, _ANEW)


def _refuse_inputs(place: Output, old: Sequence[Input], named: Plan) -> None:
    streams = named.streams
    if streams:
        raise UsageError("what was read of standard input or a pipe is gone: it cannot be resumed", min(streams), _ANEW)
    changed = changed_input(old, named.inputs)
    if changed is not None:
        raise UsageError(
            f"the inputs are not those of the run: {changed}", place.name, f"give the same ones, or {_ANEW}"
        )


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
    job: Job,
    plan: Plan,
    files: list[str],
    scratch: str,
    place: Output,
    identity: Mapping[str, object],
    started: float,
) -> Run:
    """Merge lines into the tables of an output."""
    reducers = reducers_of(job.analyses)
    lines = merge_files(list(dict.fromkeys(files)), reducers, fresh_names(scratch, "merge"))
    place.open(identity, plan)
    try:
        damage = TableSink(DAMAGE_SCHEMA)
        sinks: dict[str, Sink] = {
            analysis.name: place.sink(analysis.name, schema_of(analysis)) for analysis in job.analyses
        }
        sinks[wire.DAMAGE] = _Both(damage, place.sink(_DAMAGE, DAMAGE_SCHEMA))
        counters = deliver(lines, job.analyses, reducers, sinks)
        names = _file_names(job, place)
        result = Run(
            job.analyses,
            _tables(job, place, names),
            damage.table,
            counters,
            plan,
            len(plan.splits),
            identity,
            time.monotonic() - started,
            place.name,
        )
        place.commit(report_of(result, job, names))
    except BaseException:
        place.abort()
        raise
    return result


def _file_names(job: Job, place: Output) -> dict[str, str]:
    return place.files([*(analysis.name for analysis in job.analyses), _DAMAGE])


def _tables(job: Job, place: Output, names: Mapping[str, str]) -> Callable[[str], Iterable[pa.Table]]:
    """The tables of an output, read when they are asked for."""
    schemas = {analysis.name: schema_of(analysis) for analysis in job.analyses}
    return lambda name: place.tables(names[name], schemas[name])


def _done_before(
    job: Job, identity: Mapping[str, object], place: Output, done: Mapping[str, Any], named: Plan, format: str | None
) -> Run:
    """The run that was done before, in another format when one is asked for. Raises :class:`UsageError` for another run."""
    inputs = tuple(Input(item["uri"], item["bytes"], item["version"], item["part"]) for item in done["inputs"])
    _refuse_identity(place, done["identity"], identity)
    _refuse_inputs(place, inputs, named)
    files: dict[str, str] = done["files"]
    try:
        place.tidy(done)
        damage = pa.concat_tables(place.tables(files[_DAMAGE], DAMAGE_SCHEMA))
        plan = Plan(inputs, (), tuple(done["inputs_named_twice"]))
        result = Run(
            job.analyses,
            _tables(job, place, files),
            damage,
            done["counters"],
            plan,
            done["splits"],
            identity,
            done["seconds"],
            place.name,
        )
        names = _file_names(job, place)
        if format is None or names == files:
            return result
        place.reopen()
        place.open(identity, plan)
        for analysis in job.analyses:
            _copy(result.tables(analysis.name), place.sink(analysis.name, schema_of(analysis)))
        _copy([damage], place.sink(_DAMAGE, DAMAGE_SCHEMA))
        place.commit({**done, "files": names})
        return replace(result, tables=_tables(job, place, names))
    finally:
        place.close()


def _copy(tables: Iterable[pa.Table], sink: Sink) -> None:
    """Write a table into a sink, whole or not at all."""
    try:
        for table in tables:
            sink.write([tuple(row.values()) for row in table.to_pylist()])
        sink.close()
    except BaseException:
        sink.abort()
        raise


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
