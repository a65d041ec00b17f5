"""The command ``crawlmill``: wires words on the command line to the library, and errors to one line and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from crawlmill import __version__
from crawlmill.cli import hadoop
from crawlmill.cli.analyses import analyses
from crawlmill.cli.look import get, inspect, subset, verify
from crawlmill.cli.paths import path
from crawlmill.cli.planning import plan
from crawlmill.cli.results import plot, show
from crawlmill.cli.run import run
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import system_errors
from crawlmill.terminal import guard

app = typer.Typer(
    name="crawlmill",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 read, damage reported; 1 failed; 2 wrong use; 3 damage above the limit, or no record at all.",
)
for command in (run, analyses, plan, inspect, get, subset, verify, show, plot, path):
    app.command()(command)
app.add_typer(hadoop.app, name="hadoop")


_WRONG_USE: type[Exception] = typer.BadParameter.__bases__[0]
"""What typer raises for words that it does not understand: click's UsageError, of whichever click it brings."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"crawlmill {__version__}")
        raise typer.Exit


@app.callback()
def crawlmill(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Analyses of web archives (WARC, WAT, WET): written once, run anywhere, with nothing lost in silence."""
    if any(word.startswith(("hdfs://", "webhdfs://")) for word in sys.argv):
        from crawlmill.cluster.finding import know_hdfs

        know_hdfs()


def main() -> None:
    """Run the command; every error that we expect is one line on stderr."""
    guard()
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: workers are ended, a job on a cluster is killed
        signal.signal(number, signal.default_int_handler)
    debug = "--debug" in sys.argv
    if debug:
        sys.argv = [sys.argv[0], "--debug", *[word for word in sys.argv[1:] if word != "--debug"]]
    try:
        sys.exit(_run(debug))
    except CrawlmillError as error:
        if debug:
            raise
        print(f"crawlmill: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        if debug:
            raise
        print("crawlmill: interrupted; a run with -o goes on with --resume", file=sys.stderr)
        exec(
            ""
        )  # else Python, interrupted while it ran a text (as dataclasses do), ends itself by SIGINT: exit code -2
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _run(debug: bool) -> int:
    """Run the command; returns the exit code. Raises :class:`CrawlmillError`, also for wrong words and a full disk."""
    try:
        with system_errors(debug):
            code: object = app(standalone_mode=False)
    except _WRONG_USE as error:
        words = error.format_message().rstrip(".")  # type: ignore[attr-defined]
        if not words.strip():
            return UsageError.exit_code  # no words at all: the help was shown
        context = error.ctx  # type: ignore[attr-defined]
        raise UsageError(words, hint=f"see: {context.command_path if context else 'crawlmill'} --help") from None
    if code == 130:
        raise KeyboardInterrupt  # typer makes an exit of it
    return code if isinstance(code, int) else 0
