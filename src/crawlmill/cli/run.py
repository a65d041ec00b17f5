"""``crawlmill run``: analyses over archives, in one pass."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Annotated

import typer

from crawlmill.cli.common import AsJson, Inputs, Types, WhereText, note
from crawlmill.output.formats import format_named, format_names

if TYPE_CHECKING:
    from crawlmill.engines import Engine
    from crawlmill.finished import Run
    from crawlmill.submit import Event
    from crawlmill.task import Job


class PoolKind(StrEnum):
    """What runs the splits."""

    process = "process"
    thread = "thread"


class EngineName(StrEnum):
    """Where a run happens: the names of :data:`crawlmill.engines.ENGINES`."""

    local = "local"
    hadoop = "hadoop"
    mrjob = "mrjob"
    spark = "spark"


class Runner(StrEnum):
    """What mrjob runs its tasks with."""

    inline = "inline"
    local = "local"
    hadoop = "hadoop"


class Check(StrEnum):
    """How much of a file is looked at."""

    fast = "fast"
    full = "full"


class OnDamage(StrEnum):
    """What damage means for the run."""

    report = "report"
    fail = "fail"


_FLAGS = {"settings": "-D"}


def run(
    analyses: Annotated[
        str, typer.Argument(metavar="ANALYSIS[,ANALYSIS...]", help="Names, or FILE.py:NAME. See: crawlmill analyses.")
    ],
    inputs: Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="A folder, here or in a store (hdfs://...), for one file an analysis, the damage and run.json.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(format_names()), help="Of the files (parquet); without -o: write all rows to stdout."
        ),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; one a CPU unless said.")] = None,
    pool: Annotated[
        PoolKind | None, typer.Option(help="Processes (unless said) keep a crash to one record; or threads.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an ended run left in -o.")] = False,
    work: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="For -o in a store: where the run keeps what it has until it is done (in the cache)."
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, metavar="SPLITS", help="Merge and keep what was read after as many splits (10,000)."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what a run left in -o.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Rows that are shown.")] = 10,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME.OPTION=VALUE", help="An option of an analysis.")
    ] = None,
    types: Types = None,
    where: WhereText = None,
    check: Annotated[Check, typer.Option(help="full: inflate everything and check digests.")] = Check.fast,
    ship: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="A file or a folder that the analyses need: a module, data. May be repeated."
        ),
    ] = None,
    damage: Annotated[OnDamage, typer.Option(help="fail: exit 3 when there is any.")] = OnDamage.report,
    max_damage: Annotated[int | None, typer.Option(min=0, help="Exit 3 when there are more damage rows.")] = None,
    max_record: Annotated[
        int, typer.Option(min=1, metavar="MIB", help="The largest record block that is loaded.")
    ] = 64,
    max_body: Annotated[
        int, typer.Option(min=1, metavar="MIB", help="The largest body, decoded, that is parsed (bounds memory).")
    ] = 8,
    record_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="End an analysis that takes longer for one record.")
    ] = None,
    split_size: Annotated[
        int | None, typer.Option(min=1, metavar="MIB", help="Of the units of work inside a large file.")
    ] = None,
    base: Annotated[str | None, typer.Option(help="Put before relative names in manifests.")] = None,
    store_wait: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="How long a store that does not answer is waited for (120)."),
    ] = None,
    as_json: AsJson = False,
    on: Annotated[
        EngineName, typer.Option(help="This machine, Hadoop (HADOOP_HOME, or crawlmill hadoop up), mrjob, or Spark.")
    ] = EngineName.local,
    reducers: Annotated[
        int | None, typer.Option(min=1, help="Hadoop, mrjob, Spark: reduce tasks (1; Spark: its own).")
    ] = None,
    node_python: Annotated[
        str | None, typer.Option(help="Hadoop, mrjob, Spark: the nodes' Python, 3.9 or later (python3).")
    ] = None,
    env: Annotated[
        str | None,
        typer.Option(metavar="ENV.tar.gz", help="Hadoop, Spark: a packed environment for the nodes."),
    ] = None,
    queue: Annotated[str | None, typer.Option(help="Hadoop: the YARN queue.")] = None,
    define: Annotated[
        list[str] | None, typer.Option("-D", metavar="KEY=VALUE", help="Hadoop, mrjob, Spark: a setting of the job.")
    ] = None,
    runner: Annotated[Runner | None, typer.Option(help="mrjob: what runs the tasks (inline).")] = None,
    master: Annotated[
        str | None, typer.Option(help="Spark: local[N], spark://HOST:PORT, yarn (local, one task a CPU).")
    ] = None,
    staging: Annotated[
        str | None, typer.Option(metavar="URI", help="Spark: a folder that driver and executors share (/tmp of HDFS).")
    ] = None,
    events: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Add what happens to FILE, as JSON lines; -: to stdout, and tables to stderr."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands and run nothing (not local).")] = False,
) -> None:
    """Run one or more analyses over archives, in one pass.

    Example: [bold]crawlmill run origins,status data_samples/*.warc.gz -o out[/bold]
    """
    from crawlmill import api, registry
    from crawlmill.cli.progress import progress_bar
    from crawlmill.errors import UsageError
    from crawlmill.finished import judge
    from crawlmill.stores.patience import WAIT
    from crawlmill.submit import recorded

    if store_wait is not None:
        os.environ[WAIT] = str(store_wait)  # which tasks on other machines get, too
    rows_out = output is None and format is not None and not as_json
    if events == "-" and (rows_out or as_json or dry_run):
        raise UsageError("--events - is all that standard output takes", hint="name a file: --events FILE")
    with nullcontext(_no_event) if events is None else recorded(events, on.value) as event:
        loaded = registry.with_settings(registry.load([analyses], ship or []), set_ or [])
        job = api.make_job(
            loaded, None, types, where, max_record << 20, check is Check.full, max_body << 20, ship or ()
        )
        engine = _engine(
            on,
            workers=workers,
            pool=None if pool is None else pool.value,
            record_timeout=record_timeout,
            reducers=reducers,
            node_python=node_python,
            env=env,
            queue=queue,
            settings=tuple(define) if define else None,
            runner=None if runner is None else runner.value,
            master=master,
            staging=staging,
        )
        size = None if split_size is None else split_size << 20
        if dry_run:
            _dry_run(job, inputs, engine, size, base)
            return
        if format is not None:
            format_named(format)  # refuses what is none before anything is read
        if rows_out and len(loaded) > 1:
            raise UsageError("rows of several analyses do not fit one stream", hint="name a folder with -o")
        with progress_bar() as bar:
            found = api.run(
                list(job.analyses),
                inputs,
                output=output,
                format=format,
                resume=resume,
                overwrite=overwrite,
                work=work,
                batch=batch,
                types=types,
                where=where,
                check=check.value,
                max_record=max_record << 20,
                max_body=max_body << 20,
                split_size=size,
                base=base,
                progress=bar.told,
                planned=bar.planned,
                damage="accept",
                on=engine,
                say=note,
                events=event,
                ship=ship or (),
            )
        _show(found, job, top, format if rows_out else None, as_json, sys.stderr if events == "-" else sys.stdout)
        judge(found, damage.value, max_damage)


def _engine(name: EngineName, **options: object) -> Engine:
    """The engine with the options that were given. Raises :class:`UsageError` for one that it does not have."""
    from dataclasses import fields

    from crawlmill.engines import engine_class
    from crawlmill.errors import UsageError

    kind = engine_class(name.value)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # engines are dataclasses
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in known:
            flag = _FLAGS.get(option, "--" + option.replace("_", "-"))
            raise UsageError(f"{flag} is not an option of --on {name.value}", hint="see: crawlmill run --help")
    return kind(**given)


def _dry_run(job: Job, inputs: list[str], engine: Engine, split_size: int | None, base: str | None) -> None:
    """Leave what would be shipped in a folder, and print the commands that run it."""

    from crawlmill.cluster.finding import know_hdfs
    from crawlmill.engines import Work
    from crawlmill.plan.planner import make_plan

    know_hdfs()
    plan = make_plan(inputs, split_size or engine.split_size, base)
    os.makedirs("crawlmill-job", exist_ok=True)
    for line in engine.commands(Work(job, plan, {}, os.path.abspath("crawlmill-job"), note)):
        print(line)


def _no_event(event: Event) -> None:
    """Where nobody asked for events."""


def _show(found: Run, job: Job, top: int, rows: str | None, as_json: bool, out: IO[str]) -> None:
    from crawlmill.results import report

    if as_json:
        report.write_json(found, job, top, sys.stdout)
    elif rows is not None:
        report.write_rows(found, rows, sys.stdout.buffer)
        report.show_summary(found, job, sys.stderr)
    else:
        report.show_tables(found, top, out)
        report.show_summary(found, job, out)
