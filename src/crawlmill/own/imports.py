"""How Python finds the modules of the user's own: by their names in the list of a run, and only with the bytes that it tells.
While an analysis runs, no others."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType
from typing import Callable, Optional

from crawlmill.errors import CrawlmillError
from crawlmill.own.files import Code, changed, digest_of, source_of

FOREIGN = ("crawlmill", "pyspark", "py4j")
"""Packages that are nobody's own code, wherever they are installed."""
Record = Callable[[str, Optional[ModuleSpec]], Optional[ModuleSpec]]


@dataclass(frozen=True)
class _Known:
    path: str
    digest: str


_known: dict[str, _Known] = {}  # modules, by name
_spaces: dict[str, list[str]] = {}  # folders of packages without __init__.py
_entries: dict[str, str] = {}  # digests of the files of analyses, of a run that is told which they are
_roots: set[str] = set()
_appended: list[str] = []  # those of them that stand at the end of sys.path for the sake of a run
_left: set[str] = set()  # modules beside the files of a run that did not travel with them
_given: dict[str, _Known] = {}  # what was shipped, by name
_checked: set[str] = set()  # shipped files that were read once more
_local = threading.local()
_begun = False  # a run told anything
_told = False  # a run told which files are its own
_sealed = False


class Loader(SourceFileLoader):
    """Runs the bytes of a digest, never a compiled file: that one is told from its source by time and size only."""

    def __init__(self, name: str, path: str, digest: str) -> None:
        super().__init__(name, path)
        self.digest = digest

    def get_code(self, fullname: str) -> CodeType:
        """The code of a module."""
        found: CodeType = self.source_to_code(source_of(self.path, self.digest), self.path)
        return found


def spec_of(name: str, path: str, digest: str) -> ModuleSpec:
    """How a module of the user's own is loaded."""
    loader: SourceFileLoader | ExtensionFileLoader = Loader(name, path, digest)
    if not path.endswith(".py"):
        source_of(path, digest)
        loader = ExtensionFileLoader(name, path)
        loader.digest = digest  # type: ignore[attr-defined]
    folder = [os.path.dirname(path)] if os.path.basename(path) == "__init__.py" else None
    found = importlib.util.spec_from_file_location(name, path, loader=loader, submodule_search_locations=folder)
    assert found is not None
    return found


def watch(folders: Iterable[str]) -> None:
    """Take what lies in these folders for the user's own from now on, and let it be imported."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    for folder in folders:
        _roots.add(folder)
        if folder not in sys.path:
            sys.path.append(folder)
            _appended.append(folder)


def library() -> list[str]:
    """``sys.path`` without the folders that stand there for the sake of a run."""
    return [path for path in sys.path if path not in _appended]


def know(modules: Iterable[tuple[str, str, str]]) -> None:
    """Find these modules, ``(name, path, digest)``, from now on. Should one be imported already from another file or with
    other bytes, all are imported anew: they hold parts of each other."""
    watch(())
    found = list(modules)
    for name, path, digest in found:
        _known[name] = _Known(path, digest)
        folder = os.path.dirname(path)
        if os.path.basename(path) == "__init__.py":
            folder = os.path.dirname(folder)
        parts = name.split(".")
        for count in range(len(parts) - 1, 0, -1):
            folders = _spaces.setdefault(".".join(parts[:count]), [])
            if folder not in folders:
                folders.append(folder)
            folder = os.path.dirname(folder)
        _roots.add(folder)
    if any(_is_stale(*module) for module in found):
        for name, _, _ in found:
            sys.modules.pop(name, None)


def _is_stale(name: str, path: str, digest: str) -> bool:
    loaded = sys.modules.get(name)
    loader = getattr(getattr(loaded, "__spec__", None), "loader", None)
    return loaded is not None and (getattr(loader, "path", None), getattr(loader, "digest", None)) != (path, digest)


def _begin(told: bool, given: Iterable[tuple[str, str, str]]) -> None:
    """Forget the files of the run before: another one begins in this process."""
    global _told, _begun
    _told, _begun = told, True
    sys.path[:] = library()
    _appended.clear()
    for name in _known:
        if isinstance(getattr(getattr(sys.modules.get(name), "__spec__", None), "loader", None), Loader):
            del sys.modules[name]  # else the next run would have it without having it among its files
    for held in (_known, _spaces, _entries, _roots, _left, _given, _checked):
        held.clear()
    _given.update((name, _Known(path, digest)) for name, path, digest in given)


def use(code: Code, left: Iterable[str] = ()) -> None:
    """Find the files of a run, and no others, from now on in this process. ``left`` names modules of the user's own that are
    not here."""
    files = [(file, code.path(file)) for file in code.files]
    _begin(True, ((file.name, path, file.digest) for file, path in files if file.given))
    know((file.module, path, file.digest) for file, path in files if file.module)
    _entries.update((path, file.digest) for file, path in files)
    watch(code.roots)
    _left.update(left)


def is_known(module: str) -> bool:
    """Whether a run told that this module is the user's own."""
    return _told and module in _known


def entry_digest(path: str) -> str | None:
    """The digest that the file of an analysis must have, when the run tells it."""
    return _entries.get(path)


def offer(given: Iterable[tuple[str, str, str]]) -> None:
    """Let :func:`shipped` find these files, ``(name, path, digest)``, and no others, before the run is made."""
    _begin(False, given)


def shipped(name: str) -> str:
    """The path of a file that was named by ``--ship`` (``crawlmill.run(..., ship=...)``), wherever the analysis runs.

    Args:
        name: the last part of the file's path; for a file in a folder that was named, from that folder on: after
            ``--ship lists/words.txt --ship tables`` these are ``words.txt`` and ``tables/a.csv``.

    In a mapper that was started by hand without ``--ship`` it is a file of the working folder.

    Raises:
        CrawlmillError: no such file travels with the run, or it changed since the run began.
    """
    found = _given.get(name)
    if found is None and not _begun and os.path.isfile(name):
        return os.path.abspath(name)  # a mapper that was started by hand, as Hadoop's -files leaves its files
    if found is None:
        has = f"there are {', '.join(sorted(_given)[:5])}" if _given else f"name it: --ship PATH/{name}"
        raise refused(CrawlmillError(f"no file {name!r} was shipped", hint=has))
    if name not in _checked:
        if digest_of(found.path) != found.digest:
            raise refused(changed(found.path))
        _checked.add(name)
    return found.path


# ---- imports


def search(name: str, path: Sequence[str] | None, entries: Sequence[str] | None = None) -> ModuleSpec | None:
    """What the other finders find: of a module below a package, in the folders ``path``; else along ``entries``, or
    ``sys.path``."""
    for finder in list(sys.meta_path):
        if finder is _finder:
            continue
        if finder is PathFinder:
            found = PathFinder.find_spec(name, path if path is not None else entries)
        else:
            find = getattr(finder, "find_spec", None)
            found = None if find is None else find(name, path, None)
        if found is not None:
            return found
    return None


class _Finder:
    """The first finder of this process: modules that are known; and while an analysis runs, no other module of the user's."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        known = _known.get(name)
        if known is not None:
            return spec_of(name, known.path, known.digest)
        record: Record | None = getattr(_local, "record", None)
        if record is not None:
            return record(name, None if path is None else search(name, path))
        if not _sealed and not hasattr(_local, "depth"):
            return None if name not in _spaces else self._space(name, path)
        found = search(name, path)
        if found is None and name in _spaces:
            return self._space(name, path)
        if name in _left if found is None else _is_late(name, found.origin):
            hint = "name its file, so that it travels with the run: --ship FILE"
            raise refused(
                CrawlmillError(f"the module {name} of your own is imported and does not travel with the run", hint=hint)
            )
        return found

    def _space(self, name: str, path: Sequence[str] | None) -> ModuleSpec | None:
        found = search(name, path)
        if found is None:
            found = ModuleSpec(name, None, is_package=True)
            found.submodule_search_locations = list(_spaces[name])
        return found


_finder = _Finder()


def is_installed(path: str) -> bool:
    """Whether a file lies where packages are installed.

    >>> is_installed("/home/me/env/lib/python3.11/site-packages/numpy/__init__.py"), is_installed("/home/me/helper.py")
    (True, False)
    """
    return not {"site-packages", "dist-packages"}.isdisjoint(path.split(os.sep))


def _is_late(name: str, origin: str | None) -> bool:
    if origin is None or name.partition(".")[0] in FOREIGN or is_installed(origin):
        return False
    return any(origin.startswith(os.path.join(root, "")) for root in _roots) and not in_library(origin)


def in_library(path: str) -> bool:
    """Whether a file belongs to the standard library."""
    folder = os.path.dirname(os.__file__)
    return not is_installed(path) and path.startswith(
        (os.path.join(folder, ""), os.path.join(os.path.realpath(folder), ""))
    )


@contextmanager
def recording(record: Record) -> Iterator[None]:
    """Ask ``record(name, spec)`` for every module that this thread imports while the block runs and that is not known;
    ``spec`` is what was found in its package, None for a module of no package."""
    before = getattr(_local, "record", None)
    _local.record = record
    try:
        yield
    finally:
        _local.record = before


@contextmanager
def checked() -> Iterator[None]:
    """Refuse, while the block runs, that this thread imports a module of the user's own that does not travel with the run:
    raises :class:`CrawlmillError` at the import; and at the end of the block, should that have been swallowed."""
    depth: int = getattr(_local, "depth", 0)
    _local.depth, _local.refused = depth + 1, None
    try:
        yield
        late: CrawlmillError | None = _local.refused
        if late is not None:
            raise late
    finally:
        _local.refused = None
        if depth:
            _local.depth = depth
        else:
            del _local.depth


def refused(error: CrawlmillError) -> CrawlmillError:
    """Keep an error, so that an analysis that swallows it ends the run all the same."""
    _local.refused = error
    return error


def seal() -> None:
    """Refuse such imports from now on, in this whole process: it does nothing but one run."""
    global _sealed
    _sealed = True
