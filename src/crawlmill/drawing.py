"""Tables and bars that rich draws, and notes beside them: the data in them are text, never markup, and escaped on a terminal."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from crawlmill.terminal import escaped, escaped_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderHook, RenderResult
    from rich.table import Table
    from rich.text import Text

WIDTH = 120
"""Columns of what is drawn into a pipe or a file."""
_live: list[Console] = []  # that of a bar which is on the terminal now


def console(stream: IO[str]) -> Console:
    """What draws on a stream. On a terminal no text that is drawn reaches it raw, whatever it was made of."""
    return _console(stream.isatty(), file=unguarded(stream))


def _console(terminal: bool, **options: Any) -> Console:
    from rich.console import Console

    made = Console(highlight=False, markup=False, emoji=False, **options)
    if terminal:
        made.push_render_hook(cast("RenderHook", _Escaping()))
    return made


class _Escaping:
    """A hook of rich: what is drawn has its texts escaped, after it was laid out."""

    def process_renderables(self, renderables: list[Any]) -> list[Any]:
        return [_Escaped(item) for item in renderables]


class _Escaped:
    def __init__(self, item: Any) -> None:
        self._item = item

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        for text, style, control in console.render(self._item, options):
            yield Segment(text if control else escaped_lines(text), style, control)


def unguarded(stream: IO[str]) -> IO[str]:
    """The terminal itself behind a guarded stream, for what is escaped already."""
    found: IO[str] = getattr(stream, "rich_proxied_file", stream)
    return found


def cell(value: object, stream: IO[str]) -> Text:
    """A value in a drawn table: whole numbers with commas, nothing for None."""
    from rich.text import Text

    text = f"{value:,}" if type(value) is int else "" if value is None else str(value)
    return Text(escaped(text) if stream.isatty() else text)


def show(table: Table, stream: IO[str], above: Iterable[str] = (), below: Iterable[str] = ()) -> None:
    """Write a table without blank lines, with lines above and below it."""
    terminal = stream.isatty()
    width = shutil.get_terminal_size().columns if terminal else WIDTH
    drawing = _console(terminal, file=io.StringIO(), width=width, force_terminal=terminal)
    with drawing.capture() as captured:
        drawing.print(table)
    print(*above, sep="\n", file=stream)
    stream.flush()
    lines = [line.rstrip() for line in captured.get().splitlines()]
    print(*[line for line in lines if line], sep="\n", file=unguarded(stream), flush=True)
    print(*below, "", sep="\n", file=stream)


def note(line: str) -> None:
    """Say something beside the output; above a bar, where there is one."""
    if not _live:
        print(line, file=sys.stderr, flush=True)
        return
    from rich.text import Text

    _live[-1].print(Text(escaped_lines(line)), soft_wrap=True)


@contextmanager
def bar_on(stream: IO[str]) -> Iterator[Console]:
    """A console for a bar that is drawn again and again: notes go above it while the block runs."""
    _live.append(console(stream))
    try:
        yield _live[-1]
    finally:
        _live.pop()
