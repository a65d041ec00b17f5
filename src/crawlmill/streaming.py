"""The stdin/stdout programs of Hadoop Streaming: one main for all mappers, one for all reducers."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Callable, NoReturn

from crawlmill import jobspec, registry
from crawlmill.contract import Analysis, Reducer, type_set
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.files import system_errors
from crawlmill.mapside import Reports, map_side
from crawlmill.own import imports
from crawlmill.own.closure import gather
from crawlmill.partial import merged, reducers_of
from crawlmill.plan.lines import numbered
from crawlmill.plan.once import Given, each_once
from crawlmill.plan.split import Split, text_of
from crawlmill.stores import STDIN, patience, store_of
from crawlmill.task import MEMORY, Job
from crawlmill.terminal import guard
from crawlmill.warc.layout import begins_archive
from crawlmill.warc.reading import MAX_BODY, MAX_RECORD
from crawlmill.where import parse_where


def mapper_main(*names: str) -> NoReturn:
    """Run analyses over the manifest, or the archive, on standard input, and write sorted lines of the wire format.

    Args:
        names: the analyses; none means that the arguments name them.
    """
    _exit(_mapper, names)


def reducer_main(*only: str) -> NoReturn:
    """Merge sorted lines on standard input.

    Args:
        only: the merge that this program stands for; none means each name's own.
    """
    _exit(_reducer, only)


def _exit(program: Callable[[Sequence[str]], None], names: Sequence[str]) -> NoReturn:
    debug = "--debug" in sys.argv
    guard()
    try:
        with system_errors(debug):
            program(names)
        code = 0
    except CrawlmillError as error:
        if debug:
            raise
        print(f"crawlmill: {error}", file=sys.stderr, flush=True)
        code = error.exit_code
    except BrokenPipeError:
        code = 141  # who reads us has gone, as after `| head`
    if code == 141:
        os._exit(code)
    sys.exit(code)


def _mapper(names: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m crawlmill.mappers",
        description="Run analyses as a Hadoop Streaming mapper: manifest lines or an archive on stdin.",
    )
    if not names:
        parser.add_argument("analysis", nargs="*", help="a name, or FILE.py:NAME")
    parser.add_argument("--job", metavar="FILE", help="a job that an engine wrote, in place of analyses and options")
    add_job_options(parser)
    arguments = parser.parse_args()
    job = job_of(list(names) or arguments.analysis, arguments) if arguments.job is None else read_job(arguments.job)
    if arguments.job is not None:
        imports.seal()
    out = sys.stdout.buffer
    patience.say = lambda text: _report(f"status:{text}")
    for lines in map_side(
        job,
        _each_once(sys.stdin.buffer),
        memory=arguments.memory << 20,
        record_timeout=arguments.record_timeout,
        reports=Reports(
            lambda text: _report(f"status:{text}"), lambda name, count: _report(f"counter:crawlmill,{name},{count}")
        ),
    ):
        out.writelines(lines)
        out.flush()


def _each_once(stdin: BinaryIO) -> Iterator[Split]:
    """The splits of standard input, which is read when the first is asked for: signs of life are given meanwhile."""
    given, twice = each_once(Given(split, STDIN) for split in _splits(stdin))
    if twice:
        print(f"crawlmill: {len(twice)} inputs are named twice and read once", file=sys.stderr)
    for one in given:
        yield one.split


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """The options that make a job, for a program without typer."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="an option of an analysis"
    )
    parser.add_argument(
        "--ship", action="append", default=[], metavar="PATH", help="a file or folder that the analyses need"
    )
    parser.add_argument("--types", help="record types in place of the analyses' own")
    parser.add_argument("--where", help="a condition on the headers, e.g. 'status=200 and mime=text/html'")
    parser.add_argument(
        "--max-record", type=int, default=MAX_RECORD >> 20, metavar="MIB", help="largest block that is loaded"
    )
    parser.add_argument(
        "--max-body", type=int, default=MAX_BODY >> 20, metavar="MIB", help="largest body, decoded, that is parsed"
    )
    parser.add_argument(
        "--check", choices=("fast", "full"), default="fast", help="full: inflate everything, check digests"
    )
    parser.add_argument(
        "--memory", type=int, default=MEMORY >> 20, metavar="MIB", help="merged pairs kept before they are written"
    )
    parser.add_argument(
        "--record-timeout", type=float, metavar="SECONDS", help="end an analysis that takes longer for one record"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")


def job_of(names: Sequence[str], arguments: argparse.Namespace) -> Job:
    """The job that arguments of :func:`add_job_options` ask for."""
    analyses = registry.with_settings(registry.load(names, arguments.ship or None), arguments.set)
    where = None if arguments.where is None else parse_where(arguments.where)
    for analysis in analyses:
        analysis.require()
    sizes = arguments.max_record << 20, arguments.max_body << 20
    code = gather(analyses, arguments.ship) if arguments.ship else None
    return Job(tuple(analyses), type_set(arguments.types), where, sizes[0], arguments.check == "full", sizes[1], code)


def _report(what: str) -> None:
    """Tell Hadoop, in one write: two threads do it, and a line counts only when it stands by itself."""
    sys.stderr.flush()
    os.write(2, f"reporter:{what}\n".encode())


def read_job(path: str) -> Job:
    """The job of a file that an engine wrote."""
    with open(path, encoding="utf-8") as file:
        return jobspec.from_json(file.read(), os.path.dirname(path))


def _splits(stdin: BinaryIO) -> Iterator[Split]:
    """Splits of the manifest on a stream; or the stream itself, when its first bytes are those of an archive."""
    start = stdin.read(1 << 16)
    if begins_archive(start):
        from crawlmill.stores import pipe

        pipe.standard_input = lambda: pipe.Pipe(stdin, start)
        yield Split(STDIN)
        return
    joined = _Joined(start, stdin)
    lines = gzip.GzipFile(fileobj=joined) if start.startswith(b"\x1f\x8b") else io.BufferedReader(joined)
    for number, line in numbered(lines, "standard input"):
        try:
            split = Split.from_line(text_of(line))
            split = replace(split, uri=store_of(split.uri).canonical(split.uri))
            if split.uri == STDIN:
                raise CrawlmillError("the manifest names standard input, which it is itself", hint="name files")
            yield split
        except UnicodeDecodeError:
            raise CrawlmillError(
                "neither a manifest nor a web archive on standard input", hint="feed paths, one a line, or a WARC"
            ) from None
        except CrawlmillError as error:
            raise CrawlmillError(error.what, f"standard input:{number}", error.hint) from None


class _Joined(io.RawIOBase):
    """Bytes that were read already, and then the rest of the stream."""

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = start, rest

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        data = self._start[: len(into)] or self._rest.read(len(into))
        self._start = self._start[len(into) :]
        into[: len(data)] = data
        return len(data)


def _reducer(only: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m crawlmill.reducers",
        description="Merge sorted lines of mappers, as a Hadoop Streaming combiner or reducer.",
    )
    parser.add_argument(
        "merges", nargs="*", metavar="NAME=MERGE or FILE.py", help="merges of analyses that are not built in"
    )
    parser.add_argument("--debug", action="store_true", help="show tracebacks")
    parser.add_argument("--job", metavar="FILE", help="a job that an engine wrote: its analyses say how they merge")
    arguments = parser.parse_args()
    reducers = _Merges(arguments.merges, only[0] if only else None)
    if arguments.job is not None:
        reducers.update(reducers_of(read_job(arguments.job).analyses))
        imports.seal()
    sys.stdout.buffer.writelines(merged(sys.stdin.buffer, reducers))


class _Merges(dict[str, Reducer]):
    """The merge of every name: built-in ones by the registry, others as the arguments say."""

    def __init__(self, given: Sequence[str], only: str | None) -> None:
        super().__init__(reducers_of([]))
        self._only = only
        for item in given:
            name, equals, merge = item.rpartition("=")
            if equals:
                self[name] = reducer_named(merge)
            else:
                for analysis in registry.load([item]):
                    self[analysis.base] = self[analysis.name] = analysis.reducer

    def get(self, name: str, default: object = None) -> Reducer | None:  # type: ignore[override]
        found = super().get(name)
        if found is None and name.partition("[")[0] in registry.builtin_names():
            analysis: Analysis = registry.load([name.partition("[")[0]])[0]
            found = self[name] = analysis.reducer
        if found is None:
            found = super().get(name.partition("[")[0])
        merge = "" if found is None else found.__name__.rpartition(".")[2]
        if self._only and not name.startswith("!") and merge not in ("", self._only):
            raise UsageError(f"{name} merges by {merge}, not by {self._only}", hint="use python -m crawlmill.reducers")
        return found


def reducer_named(name: str) -> Reducer:
    """A reducer by the name of its module. Raises :class:`UsageError` when there is none.

    >>> reducer_named("total").merge(1, 2)
    3
    """
    import importlib
    import pkgutil

    import crawlmill.reducers

    names = [
        module.name for module in pkgutil.iter_modules(crawlmill.reducers.__path__) if not module.name.startswith("_")
    ]
    if name not in names:
        raise UsageError(f"no merge is called {name!r}", hint=f"there are {', '.join(sorted(names))}")
    found: Reducer = importlib.import_module(f"crawlmill.reducers.{name}")
    return found
