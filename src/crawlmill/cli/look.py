"""Commands that look at archives: what is in them, one record, a part of them, whether they are sound."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crawlmill.cli.common import AsJson, Inputs, Types, WhereText, note

if TYPE_CHECKING:
    from crawlmill.cli.listing import Line
    from crawlmill.contract import Analysis
    from crawlmill.plan.planner import Plan
    from crawlmill.records.record import Record
    from crawlmill.stores import Source
    from crawlmill.warc.reading import Reading
    from crawlmill.where import Where

Limit = Annotated[int | None, typer.Option(min=1, help="Stop after this many records.")]
MaxRecord = Annotated[int, typer.Option(min=1, metavar="MIB", help="The largest record body that is loaded.")]
CONTENT = frozenset({"response", "arc", "resource", "conversion"})
"""Types of records that hold what a URL gave."""


class What(StrEnum):
    """The part of a record that is written."""

    payload = "payload"
    body = "body"
    text = "text"
    block = "block"
    headers = "headers"
    http = "http"


def analyses(as_json: AsJson = False) -> None:
    """List the analyses: those that come with crawlmill, and those of installed packages.

    Example: [bold]crawlmill analyses[/bold]
    """
    from crawlmill.cli.listing import listing

    every = _every_analysis()
    if sys.stdout.isatty() and not as_json:
        _draw_analyses(every)
        return
    columns = ["name", "key", "value", "merge", "types", "options", "summary"]
    with listing(columns, as_json) as out:
        for found in every:
            key, value = ([_column(*column) for column in part] for part in (found.key, found.value))
            types, options = _types(found), dict(found.defaults)
            line: Line = {"name": found.base, "key": key, "value": value, "merge": found.merge_name}
            line |= {"types": types, "options": options, "summary": found.summary}
            if not as_json:
                line |= {"key": ", ".join(key), "value": ", ".join(value), "types": " ".join(types or ["all"])}
                line["options"] = _options(found)
            out(line)


def _types(found: Analysis) -> list[str] | None:
    """Record types as a user would write them: response stands for ARC's too."""
    if found.types is None:
        return None
    return sorted(found.types - {"arc"} if "response" in found.types else found.types)


def _options(found: Analysis) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in found.defaults.items())


def _draw_analyses(every: list[Analysis]) -> None:
    from rich.table import Table
    from rich.text import Text

    from crawlmill.drawing import cell, console

    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(no_wrap=True, style="bold")
    drawn.add_column()
    for found in every:
        key, value = (", ".join(column.name for column in part) for part in (found.key, found.value))
        facts = [f"{key} → {value}", found.merge_name, " ".join(_types(found) or ["all records"]), _options(found)]
        summary = cell(found.summary, sys.stdout) + Text("\n" + " · ".join(filter(None, facts)), style="dim")
        drawn.add_row(found.base, summary)
    console(sys.stdout).print(drawn)


def _column(name: str, type: str, nullable: bool) -> str:
    return f"{name}: {type}{'?' * nullable}"


def _every_analysis() -> list[Analysis]:
    from crawlmill import registry
    from crawlmill.errors import CrawlmillError

    builtin = registry.builtin_names()
    found = registry.load(builtin) if builtin else []
    for name in sorted(set(registry.entry_points()) - set(builtin)):
        try:
            found += registry.load([name])
        except CrawlmillError as error:
            note(f"{name} does not load: {error}")
    return found


def plan(
    inputs: Inputs,
    split_size: Annotated[int | None, typer.Option(min=1, metavar="MIB", help="Of the units of work.")] = None,
    base: Annotated[str | None, typer.Option(help="Put before relative names in manifests.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the units of work; in a pipe, write the manifest that run and the Streaming mappers read.

    Example: [bold]crawlmill plan data_samples/*.warc.gz > manifest.jsonl[/bold]
    """
    from crawlmill.plan.planner import make_plan

    made = make_plan(inputs, None if split_size is None else split_size << 20, base)
    if as_json or not sys.stdout.isatty():
        for split in made.splits:
            print(split.to_json())
    else:
        _plan_table(made)
    if made.twice:
        note(f"{len(made.twice)} inputs are named twice and read once")


def _plan_table(made: Plan) -> None:
    from crawlmill.cli.listing import listing
    from crawlmill.units import human

    sizes = {item.uri: item.size for item in made.inputs}
    with listing(["start", "end", "bytes", "uri"], False, numbers=("start", "end", "bytes"), wide=("uri",)) as out:
        for split in made.splits:
            end = sizes.get(split.uri) if split.end is None else split.end
            out(
                {
                    "start": split.start,
                    "end": end,
                    "bytes": split.size if split.ranges is not None else None if end is None else end - split.start,
                    "uri": split.uri,
                }
            )
    note(f"{len(made.splits)} splits of {len(made.inputs)} archives, {human(made.size)}")


def inspect(
    inputs: Inputs, types: Types = None, where: WhereText = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """List records with their places, one a line, and the damage between them.

    A damage row has ! and its kind in place of the type. With several archives the first column names the archive. Dates
    and URLs are as written; status and mime are those of the HTTP response.

    Example: [bold]crawlmill inspect data_samples/*.warc.gz --where 'status=404'[/bold]
    """
    from crawlmill.cli.listing import inspect_lines, listing
    from crawlmill.plan.planner import make_plan
    from crawlmill.plan.scan import scan

    several = len(make_plan(inputs, 1 << 62).inputs) > 1
    columns = ["offset", "ordinal", "length", "type", "status", "mime", "date", "url"]
    if several or as_json:
        columns.insert(0, "uri")
    reading, condition = _reading(types, where)
    with listing(columns, as_json, numbers=("offset", "ordinal", "length"), wide=("url",)) as out:
        for line in inspect_lines(scan(inputs, reading, condition), limit):
            out(line)


def _reading(types: str | None, where: str | None, max_record: int | None = None) -> tuple[Reading, Where | None]:
    from crawlmill.contract import type_set
    from crawlmill.warc.reading import MAX_RECORD, Reading
    from crawlmill.where import parse_where

    size = MAX_RECORD if max_record is None else max_record << 20
    return Reading(type_set(types), size, max_body=size), None if where is None else parse_where(where)


def get(
    file: Annotated[str, typer.Argument(help="An archive, or - for stdin.")],
    offset: Annotated[
        int | None, typer.Option(min=0, help="Where the record (its gzip member) begins, in bytes.")
    ] = None,
    ordinal: Annotated[int, typer.Option(min=0, help="Which record of the member at this offset.")] = 0,
    url: Annotated[str | None, typer.Option(help="The first record that holds what this URL gave.")] = None,
    what: Annotated[
        What, typer.Option(help="body: decoded; payload: as stored; http: its header; block: both; headers: WARC.")
    ] = What.body,
    output: Annotated[str | None, typer.Option("-o", "--output", help="A file instead of stdout.")] = None,
    max_record: MaxRecord = 1024,
) -> None:
    """Write the content of one record, by its place or by its URL.

    Example: [bold]crawlmill get data_samples/formats/members.warc.gz --url https://www.example.com/formats --what text[/bold]
    """
    from crawlmill.errors import CrawlmillError, UsageError
    from crawlmill.plan.scan import open_archive
    from crawlmill.warc.at import record_at
    from crawlmill.warc.damage import BodyDamage

    if (offset is None) == (url is None):
        raise UsageError("name one record", file, "with --offset N or with --url URL")
    source = open_archive(file)
    try:
        size = max_record << 20
        record = _with_url(source, url, size) if url is not None else record_at(source, offset or 0, ordinal, size)
        record.max_body = size
        try:
            data = _content(record, what)
        except BodyDamage as bad:
            hint = "see --max-record" if bad.kind == "oversized" else "try --what headers"
            raise CrawlmillError(str(bad), f"{record.uri}@{record.offset}", hint) from None
        if not record.complete:
            note(f"{record.uri}@{record.offset}: the file ends inside this record")
        if what is What.body and record.body_problems:
            note(f"{record.uri}@{record.offset}: decoding the body: {', '.join(record.body_problems)}")
    finally:
        source.close()
    _deliver(data, output)


def _with_url(source: Source, url: str, max_record: int) -> Record:
    from crawlmill.errors import CrawlmillError
    from crawlmill.records.record import Record
    from crawlmill.records.urls import clean_url
    from crawlmill.warc.reading import Reading
    from crawlmill.warc.walk import walk

    wanted, damaged = clean_url(url), 0
    for item in walk(source, 0, None, Reading(CONTENT, max_record)):
        if not isinstance(item, Record):
            damaged += 1
        elif item.url == wanted:
            return item
    lost = f"; {damaged} parts of the archive could not be read" if damaged else ""
    raise CrawlmillError(f"no record holds what {wanted} gave{lost}", source.uri, "crawlmill inspect lists the URLs")


def _content(record: Record, what: What) -> bytes:
    from crawlmill.errors import CrawlmillError

    if what is What.text:
        return (record.text.rstrip("\n") + "\n").encode()
    if what is What.headers:
        return record.head.rstrip(b"\r\n") + b"\r\n\r\n"
    if what is What.http:
        if record.http is None:
            raise CrawlmillError(
                "the record holds no HTTP message", f"{record.uri}@{record.offset}", "try --what headers"
            )
        return record.block[: record.http.header_length]
    return {What.payload: lambda: record.payload, What.body: lambda: record.body, What.block: lambda: record.block}[
        what
    ]()


def _deliver(data: bytes, output: str | None) -> None:
    """Write to a file, whole or not at all, or to stdout."""
    from crawlmill.files import whole_file
    from crawlmill.stores import local_path

    if output is None:
        if sys.stdout.isatty() and b"\0" in data[: 1 << 16]:
            note("these bytes are no text: -o FILE keeps them from the terminal")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with whole_file(local_path(output)) as file:
        file.write(data)


def subset(
    inputs: Inputs,
    output: Annotated[str, typer.Option("-o", "--output", help="The new archive, OUT.warc.gz.")],
    types: Types = None,
    where: WhereText = None,
    url: Annotated[
        list[str] | None, typer.Option(metavar="PREFIX", help="URLs that begin so; may be given again.")
    ] = None,
    limit: Limit = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    max_record: MaxRecord = 1024,
) -> None:
    """Write chosen records to a new WARC: their headers and blocks as they are, ARC records as WARC responses.

    Example: [bold]crawlmill subset data_samples/*.warc.gz -o 404.warc.gz --where 'status=404'[/bold]
    """
    from crawlmill.plan.scan import scan
    from crawlmill.records.record import Record
    from crawlmill.results.subset import write_subset
    from crawlmill.stores.names import local_path, shown

    prefixes = tuple(url or ())
    reading, condition = _reading(types, where, max_record)
    chosen = (
        item
        for item in scan(inputs, reading, condition)
        if not prefixes or not isinstance(item, Record) or (item.url or "").startswith(prefixes)
    )
    made = write_subset(chosen, local_path(output), limit, overwrite)
    converted = f", {made.converted} of them from ARC" if made.converted else ""
    print(f"{made.records} records{converted} written to {shown(output)}")
    for reason, count in made.left_out.items():
        note(f"left out: {count} {reason}")
    for row in made.damage:
        note(f"not read: {row.kind} {row.uri}@{row.offset}: {row.message}")


def verify(inputs: Inputs, as_json: AsJson = False) -> None:
    """Inflate everything and check lengths, CRCs and digests. Exit code 3 when anything is damaged.

    Example: [bold]crawlmill verify data_samples/*.warc.gz[/bold]
    """
    from dataclasses import asdict

    from crawlmill.errors import DamageLimit
    from crawlmill.plan.scan import scan
    from crawlmill.units import human
    from crawlmill.warc.damage import Damage

    reading, _ = _reading(None, None)
    reading.full = True
    rows: list[Damage] = []
    for item in scan(inputs, reading):
        if isinstance(item, Damage):
            rows.append(item)
            if not as_json:
                print(f"{item.kind}\t{item.uri}@{item.offset}{f'+{item.ordinal}' * bool(item.ordinal)}\t{item.message}")
    records = sum(reading.types.values())
    if as_json:
        counts = {"records": records, "records_by_type": dict(sorted(reading.types.items()))}
        counts |= {"bytes": reading.bytes, "empty_members": reading.empty_members}
        print(json.dumps({**counts, "damage": [asdict(row) for row in rows]}, ensure_ascii=False, indent=1))
    else:
        by_type = ", ".join(f"{count} {kind or 'without a type'}" for kind, count in sorted(reading.types.items()))
        empty = f"; {reading.empty_members} empty members" if reading.empty_members else ""
        print(f"{records} records{f' ({by_type})' * bool(by_type)}, {human(reading.bytes)}{empty}")
        if not rows:
            print("no damage")
    if rows:
        raise DamageLimit(f"{len(rows)} damage row{'s' * (len(rows) != 1)}")
    if not records:
        raise DamageLimit("no record was read", hint="are these web archives?")
