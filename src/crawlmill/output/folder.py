"""A folder as the output of a run: of this machine, where tables are renamed into it one by one and the report comes last; of
any other store, to which it is sent as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.identity import digest
from crawlmill.output import REPORT
from crawlmill.output.formats import FileSink
from crawlmill.output.tables import Sink
from crawlmill.output.work import WorkDir, write_json
from crawlmill.scratch import cache_folder
from crawlmill.stores import local_path, store_of, uri_of

if TYPE_CHECKING:
    import pyarrow as pa

    from crawlmill.plan.planner import Plan
    from crawlmill.schema import Schema

WORK = "_work"
"""The folder of an unfinished run, in its output."""


class _Folder:
    """What the folders of all stores have in common."""

    name: str
    work: WorkDir

    def __init__(self, format: str) -> None:
        self._format = format

    def files(self, names: list[str]) -> dict[str, str]:
        return {name: f"{name.partition('[')[0]}.{self._format}" for name in names}

    def tables(self, file: str, schema: Schema) -> Iterator[pa.Table]:
        from crawlmill.output.reading import read_batches

        return read_batches(f"{self.name}/{file}", schema)

    def close(self) -> None:
        if self.work.locked and not self.work.begun:
            self.work.remove()
        self.work.release()

    def _refuse(self, names: set[str], resume: bool, overwrite: bool, unfinished: bool) -> None:
        """Refuse a folder that was there before, for the names in it."""
        if names and REPORT not in names and not unfinished:
            raise UsageError("the output is a folder that no run made", self.name, "use another name")
        if not (resume or overwrite):
            raise UsageError("the output exists", self.name, "use --resume, --overwrite, or another name")


class LocalFolder(_Folder):
    """A folder of this machine.

    Args:
        uri: its path, or ``file:`` URI.
        format: of the tables.
    """

    def __init__(self, uri: str, format: str) -> None:
        super().__init__(format)
        self.path = os.path.abspath(local_path(uri))
        self.name = uri_of(self.path)
        self.work = WorkDir(os.path.join(self.path, WORK), self.name)

    def report(self) -> dict[str, Any] | None:
        return _read_report(os.path.join(self.path, REPORT))

    def claim(self, resume: bool, overwrite: bool) -> None:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            os.mkdir(self.path)  # of two runs that begin together one makes it
        except FileExistsError:
            if not os.path.isdir(self.path):
                raise UsageError("the output is not a folder", self.name, "use another name") from None
            self._refuse(set(os.listdir(self.path)), resume, overwrite, os.path.isdir(self.work.path))
        except OSError as error:
            raise CrawlmillError(f"cannot make the folder: {error.strerror}", self.name, "use another name") from None
        self.work.lock()
        if not overwrite and not self.work.begun and set(os.listdir(self.path)) - {WORK}:
            self.work.remove()
            raise UsageError("there is nothing to resume", self.name, "use --overwrite, or another name")

    def clear(self) -> None:
        self._remove(set(os.listdir(self.path)) - {WORK})
        self.work.clear()

    def close(self) -> None:
        super().close()
        if os.path.isdir(self.path) and not os.listdir(self.path):
            os.rmdir(self.path)

    def open(self, identity: Mapping[str, object], plan: Plan) -> None:
        pass

    def sink(self, name: str, schema: Schema) -> Sink:
        return FileSink(os.path.join(self.path, self.files([name])[name]), schema, self._format, self.work.path)

    def commit(self, report: Mapping[str, Any]) -> None:
        write_json(os.path.join(self.path, REPORT), report, self.work.path)
        self._finish(report)

    def reopen(self) -> None:
        self.work.lock()

    def tidy(self, report: Mapping[str, Any]) -> None:
        if set(os.listdir(self.path)) != {REPORT, *report["files"].values()}:
            self.work.lock()
            self._finish(report)

    def _finish(self, report: Mapping[str, Any]) -> None:
        self._remove(set(os.listdir(self.path)) - {WORK, REPORT, *report["files"].values()})
        self.work.remove()

    def abort(self) -> None:
        pass  # a table that is whole is written again by the run that goes on

    def _remove(self, names: set[str]) -> None:
        for name in names:
            path = os.path.join(self.path, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)


class StoreFolder(_Folder):
    """A folder of a store that can be written. The run keeps everything on this machine until the result is whole.

    Args:
        uri: the folder.
        format: of the tables.
        identity: of the run.
        work: where partials are kept; None for a folder of this output and identity in the user's cache.
    """

    def __init__(self, uri: str, format: str, identity: Mapping[str, object], work: str | None) -> None:
        super().__init__(format)
        self.name = uri.rstrip("/")
        if self.name.endswith(":"):
            raise UsageError("the output is the root of a store", uri, "name a folder in it")
        self._replace, self._identity, self._store = False, identity, store_of(uri)
        path = work or str(cache_folder() / "work" / f"{digest(self.name)}-{digest(identity)}")
        self.work = WorkDir(os.path.abspath(local_path(path)), self.name)
        self._named = work is not None

    def report(self) -> dict[str, Any] | None:
        if REPORT not in (self._store.held(self.name) or ()):
            return None
        with self._store.fetched(f"{self.name}/{REPORT}") as copy:
            return _read_report(copy)

    def claim(self, resume: bool, overwrite: bool) -> None:
        there = self._store.held(self.name)
        if there is not None:
            if resume and REPORT in there:
                raise UsageError("the output exists", self.name, "use --overwrite, or another name")
            self._refuse(there, False, overwrite, False)
        self._store.check_writable(self.name)  # now, not after hours of work
        self._replace = overwrite
        unfinished = self._unfinished()
        if unfinished is not None and not (resume or overwrite):
            raise UsageError(
                f"an unfinished run of this output is in {uri_of(unfinished)}", self.name, "use --resume or --overwrite"
            )
        if resume and unfinished not in (None, self.work.path):
            raise UsageError(
                f"the unfinished run in {uri_of(str(unfinished))} is another one",
                self.name,
                "same code, analyses, options and filters, or use --overwrite",
            )
        if self._named and os.path.isdir(self.work.path) and os.listdir(self.work.path) and unfinished is None:
            raise UsageError("the folder is not one of a run", uri_of(self.work.path), "use another name for --work")
        self.work.lock()

    def clear(self) -> None:
        other = self._unfinished(own=False)
        if other is not None:
            left = WorkDir(other, self.name)
            left.lock()
            left.remove()
        self.work.clear()

    def _unfinished(self, own: bool = True) -> str | None:
        """The folder of an unfinished run of this output, this one's or another's."""
        if own and self.work.begun:
            return self.work.path
        above, mine = os.path.split(self.work.path)
        begins = mine.partition("-")[0] + "-"
        if self._named or not os.path.isdir(above):
            return None
        found = (os.path.join(above, name) for name in sorted(os.listdir(above)) if name.startswith(begins))
        return next((path for path in found if path != self.work.path and WorkDir(path, self.name).begun), None)

    def open(self, identity: Mapping[str, object], plan: Plan) -> None:
        self.abort()
        os.mkdir(self.work.file("output"))

    def sink(self, name: str, schema: Schema) -> Sink:
        return FileSink(self.work.file(f"output/{self.files([name])[name]}"), schema, self._format, self.work.path)

    def reopen(self) -> None:
        self.work.lock()
        self._replace = True

    def tidy(self, report: Mapping[str, Any]) -> None:
        if os.path.isdir(self.work.path):
            self.work.lock()
            self.work.remove()

    def commit(self, report: Mapping[str, Any]) -> None:
        write_json(self.work.file(f"output/{REPORT}"), report)
        self._store.put(self.work.file("output"), self.name, self._replace, self.work.mark())
        self.work.remove()

    def abort(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.work.file("output"))


def _read_report(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise CrawlmillError(f"cannot be read: {error.strerror}", uri_of(path), "use another name") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("files"), dict):
        raise CrawlmillError("not the report of a run", uri_of(path), "use --overwrite") from None
    return found
