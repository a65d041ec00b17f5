"""``crawlmill plan``: the units of work of a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from crawlmill.cli.common import AsJson, Inputs, note

if TYPE_CHECKING:
    from crawlmill.plan.planner import Plan


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
