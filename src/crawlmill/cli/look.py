"""Commands that look at archives: what is in them, one record, a part of them, whether they are sound."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from crawlmill.cli.common import AsJson, Inputs, Types, WhereText, note

if TYPE_CHECKING:
    from crawlmill.looking.verifying import Verified
    from crawlmill.plan.planner import Plan
    from crawlmill.warc.damage import Damage

Limit = Annotated[int | None, typer.Option(min=1, help="Stop after this many records.")]
MaxRecord = Annotated[int, typer.Option(min=1, metavar="MIB", help="The largest record body that is loaded.")]


class What(StrEnum):
    """The part of a record that is written."""

    payload = "payload"
    body = "body"
    text = "text"
    block = "block"
    headers = "headers"
    http = "http"


def inspect(
    inputs: Inputs, types: Types = None, where: WhereText = None, limit: Limit = None, as_json: AsJson = False
) -> None:
    """List records with their places, one a line, and the damage between them.

    A damage row has ! and its kind in place of the type. With several archives the first column names the archive. Dates
    and URLs are as written; status and mime are those of the HTTP response.

    Example: [bold]crawlmill inspect data_samples/*.warc.gz --where 'status=404'[/bold]
    """
    import crawlmill
    from crawlmill.cli.listing import listing

    plans: list[Plan] = []
    rows = crawlmill.inspect(inputs, types=types, where=where, limit=limit, planned=plans.append)
    columns = ["offset", "ordinal", "length", "type", "status", "mime", "date", "url"]
    if as_json or len(plans[0].inputs) > 1:
        columns.insert(0, "uri")
    with listing(columns, as_json, numbers=("offset", "ordinal", "length"), wide=("url",)) as out:
        for row in rows:
            out(row)


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
    from crawlmill.looking.getting import opened, part_of
    from crawlmill.stores.names import local_path

    path = None if output is None else local_path(output)
    with opened(file, offset, ordinal, url, max_record << 20) as record:
        data = part_of(record, what)
        if not record.complete:
            note(f"{record.uri}@{record.offset}: the file ends inside this record")
        if what is What.body and record.body_problems:
            note(f"{record.uri}@{record.offset}: decoding the body: {', '.join(record.body_problems)}")
    _deliver(data, path)


def _deliver(data: bytes, path: str | None) -> None:
    """Write to a file, whole or not at all, or to stdout."""
    from crawlmill.files import whole_file

    if path is None:
        if sys.stdout.isatty() and b"\0" in data[: 1 << 16]:
            note("these bytes are no text: -o FILE keeps them from the terminal")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    with whole_file(path) as file:
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
    import crawlmill
    from crawlmill.stores.names import shown

    made = crawlmill.subset(
        inputs,
        output,
        types=types,
        where=where,
        url=url or (),
        limit=limit,
        overwrite=overwrite,
        max_record=max_record << 20,
    )
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
    import crawlmill
    from crawlmill.errors import DamageLimit

    checked = crawlmill.verify(inputs, found=None if as_json else _print_damage)
    if as_json:
        from dataclasses import asdict

        print(json.dumps(asdict(checked), ensure_ascii=False, indent=1))
    else:
        _print_counts(checked)
    if checked.damage:
        raise DamageLimit(f"{len(checked.damage)} damage row{'s' * (len(checked.damage) != 1)}")
    if not checked.records:
        raise DamageLimit("no record was read", hint="are these web archives?")


def _print_damage(row: Damage) -> None:
    print(f"{row.kind}\t{row.uri}@{row.offset}{f'+{row.ordinal}' * bool(row.ordinal)}\t{row.message}")


def _print_counts(checked: Verified) -> None:
    from crawlmill.units import human

    by_type = ", ".join(f"{count} {kind or 'without a type'}" for kind, count in checked.records_by_type.items())
    empty = f"; {checked.empty_members} empty members" if checked.empty_members else ""
    print(f"{checked.records} records{f' ({by_type})' * bool(by_type)}, {human(checked.bytes)}{empty}")
    if not checked.damage:
        print("no damage")
