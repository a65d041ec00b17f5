"""``crawlmill analyses``: which analyses there are."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from crawlmill.cli.common import AsJson, note

if TYPE_CHECKING:
    from crawlmill.cli.listing import Line
    from crawlmill.contract import Analysis


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
