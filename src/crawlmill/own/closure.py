"""From analyses to all of the user's own code that they use: the files that they import, and those that are shipped with them."""

from __future__ import annotations

import ast
import glob
import importlib
import importlib.util
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec

from crawlmill.contract import Analysis
from crawlmill.errors import UsageError
from crawlmill.own import imports
from crawlmill.own.files import Code, OwnFile, digest_of
from crawlmill.own.imports import FOREIGN, in_library, is_installed

_CALLS = ("import_module", "__import__")


@dataclass
class Own:
    """What some code uses.

    Attributes:
        path: the file of an analysis, or empty.
        digest: that of the file.
        folders: where it may import its neighbours from.
        modules: modules of the user's own, by name: the path and the digest of each.
        packages: installed packages, by the names that they are imported by.
        undigested: modules that are no files.
    """

    path: str = ""
    digest: str = ""
    folders: tuple[str, ...] = ()
    modules: dict[str, tuple[str, str]] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    undigested: set[str] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Add a module by its full name, with its packages and all that they import in turn."""
        parts = name.split(".")
        if name in self.modules or parts[0] in self.packages:
            return
        path: Sequence[str] | None = None
        for count in range(1, len(parts) + 1):
            whole = ".".join(parts[:count])
            spec = imports.search(whole, path, [*imports.library(), *self.folders])
            if spec is None or not self.take(whole, spec) or spec.submodule_search_locations is None:
                return
            path = list(spec.submodule_search_locations)

    def take(self, name: str, spec: ModuleSpec) -> bool:
        """Add what was found by a name, if it is the user's own. Returns whether modules below it may be, too."""
        top, origin = name.partition(".")[0], spec.origin
        if name in self.modules or (origin is None and spec.submodule_search_locations is not None):
            return True
        if top in FOREIGN or origin is None or origin in ("built-in", "frozen") or in_library(origin):
            if top in FOREIGN[1:]:
                self.packages.add(top)
            return False
        if is_installed(origin) or _beside_metadata(top, origin):
            self.packages.add(top)
            return False
        if not os.path.isfile(origin):
            self.undigested.add(f"the module {name} ({origin} is not a file)")
            return False
        path = os.path.abspath(origin)
        self.modules[name] = path, digest_of(path)
        if path.endswith(".py"):
            package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
            self.follow(path, package)
        return True

    def follow(self, path: str, package: str) -> None:
        """Add what a file imports anywhere in it."""
        with open(path, "rb") as file:
            data = file.read()
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError):
            return  # whoever runs it says what is wrong
        for name in imports_of(tree, package):
            self.add(name)


def imports_of(tree: ast.AST, package: str) -> Iterator[str]:
    """Full names of all that may be a module, in a file of a package (empty for none).

    >>> sorted(imports_of(ast.parse("import a.b\\nfrom . import c\\ndef f():\\n    from d import e"), "p"))
    ['a.b', 'd', 'd.e', 'p', 'p.c']
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base and (package or not node.level):
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0].value
            if called in _CALLS and isinstance(name, str) and all(map(str.isidentifier, name.split("."))):
                yield name


_entries: dict[str, Own] = {}


def _beside_metadata(top: str, origin: str) -> bool:
    """Whether a module lies in a folder that packages were installed into, as by ``pip install --target``."""
    parts = origin.split(os.sep)
    names = [at for at, part in enumerate(parts) if part.partition(".")[0] == top]
    return bool(names) and bool(glob.glob(os.path.join(glob.escape(os.sep.join(parts[: names[-1]])), "*.dist-info")))


@contextmanager
def loading(path: str, module: str = "") -> Iterator[Own]:
    """Know the modules of the user's own that a file imports, and note what else it imports while the block runs it.

    Args:
        path: the file.
        module: its name, when it is imported by one and not as the file of an analysis.
    """
    importlib.invalidate_caches()
    real = os.path.realpath(path)
    folders = () if module else tuple(dict.fromkeys([os.path.dirname(path), os.path.dirname(real)]))
    imports.watch(folders)  # it may import its neighbours
    own = Own("" if module else path, "" if module else digest_of(path), folders)
    if module:
        own.add(module)
    else:
        own.follow(path, "")
    imports.know((name, *found) for name, found in own.modules.items())

    def record(name: str, spec: ModuleSpec | None) -> ModuleSpec | None:
        found = Own(own.path, own.digest, own.folders)
        found.add(name)
        if name not in found.modules:  # of what is installed, only that counts which the user's own files name
            return spec or (None if "." in name else imports.search(name, None, [*imports.library(), *folders]))
        own.modules.update(found.modules)
        own.packages |= found.packages
        imports.know((added, *there) for added, there in found.modules.items())
        return imports.spec_of(name, *found.modules[name])

    with imports.recording(record):
        yield own
    _entries[module or path] = own


def gather(analyses: Iterable[Analysis], ship: Iterable[str | os.PathLike[str]] = ()) -> Code:
    """All of the user's own code that analyses use, with the files and folders that are shipped.

    Raises:
        UsageError: a shipped file is not there; two modules, or two shipped files, have one name.
    """
    every, undigested, values = [], set(), {}
    for analysis in analyses:
        if not analysis.spec:
            from crawlmill.own.values import used_by

            used = used_by(analysis)
            every.append(used.own)
            undigested |= used.undigested
            values.update(used.digests)
            continue
        where = analysis.spec.rpartition(":")[0]
        if where and where not in _entries:
            with loading(where if where.endswith(".py") else "", "" if where.endswith(".py") else where):
                pass
        if where:
            every.append(_entries[where])
            imports.watch(every[-1].folders)
            imports.know((name, *found) for name, found in every[-1].modules.items())
    given = given_files(ship)
    every += [_shipped_module(name, path) for name, path in given.items() if module_name(path)]
    undigested |= {text for own in every for text in own.undigested}
    packages = {}
    for name in sorted({name for own in every for name in own.packages}):
        version = version_of(name)
        if version is None:
            undigested.add(f"the package {name}, whose version is not known")
        else:
            packages[name] = version
    roots, files = _laid_out(every, given)
    return Code(roots, files, tuple(packages.items()), tuple(sorted(values.items())), tuple(sorted(undigested)))


def left_behind(code: Code) -> list[str]:
    """Names of the modules that lie in the folders of a run's files and do not travel with them."""
    travel = {file.module for file in code.files} | {module_name(file.place) for file in code.files}
    folders = {(file.root, os.path.dirname(file.place)) for file in code.files if file.place.endswith(".py")}
    found = set()
    for root, place in folders:
        folder = os.path.join(code.roots[root], place)
        before = place.replace("/", ".") + "." if place else ""
        for entry in os.scandir(folder):
            if entry.is_file():
                name = module_name(entry.name)
            else:
                name = entry.name if os.path.isfile(os.path.join(entry.path, "__init__.py")) else ""
            if name.isidentifier() and before + name not in travel:
                found.add(before + name)
    return sorted(found)


def _shipped_module(name: str, path: str) -> Own:
    """A shipped module with the packages that it is in, unless an installed one hides it.

    Args:
        name: as :func:`given_files` has it; a folder that was shipped is a package, with ``__init__.py`` or without.
        path: the file.
    """
    root, above = root_of_module(path), path[: -len(name) - 1]
    root = above if root.startswith(os.path.join(above, "")) else root
    parts = module_name(os.path.relpath(path, root).replace(os.sep, "/")).split(".")
    own, there = Own(folders=(root,)), Own()
    there.add(parts[0])
    other = imports.search(parts[0], None, imports.library())
    hidden = other is not None and other.origin is not None and not there.modules
    if all(map(str.isidentifier, parts)) and not hidden:
        for count in range(1, len(parts) + 1):
            whole = ".".join(parts[:count])
            file = os.path.join(root, *parts[:count], "__init__.py") if count < len(parts) else path
            spec = importlib.util.spec_from_file_location(whole, file) if os.path.isfile(file) else None
            if spec is not None:
                own.take(whole, spec)
    imports.know((name, *found) for name, found in own.modules.items())
    return own


def root_of_module(path: str) -> str:
    """The folder that a file is imported from: above all packages that it is in."""
    folder = os.path.dirname(path)
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def module_name(place: str) -> str:
    """The name that a file is imported by.

    >>> module_name("a/b.py"), module_name("a/__init__.py"), module_name("fast.cpython-311-x86_64-linux-gnu.so")
    ('a.b', 'a', 'fast')
    """
    for suffix in (".py", *EXTENSION_SUFFIXES):
        if place.endswith(suffix):
            parts = place[: -len(suffix)].split("/")
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return ""


def given_files(ship: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """The files that are shipped, by the names that :func:`crawlmill.shipped` takes. Raises :class:`UsageError`."""
    found: dict[str, str] = {}
    for item in ship:
        path = os.path.abspath(os.fspath(item))
        for name, file in _files_below(path):
            if found.setdefault(name, file) != file:
                raise UsageError(
                    f"two shipped files are called {name}", found[name], f"rename one; the other is {file}"
                )
    return found


def _files_below(path: str) -> Iterator[tuple[str, str]]:
    base = os.path.basename(path)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise UsageError("no such file", path, "give --ship the path of a file or a folder")
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError("neither a file nor a folder", path, "give --ship the path of a file or a folder")
        yield base, path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(inner for inner in folders if inner != "__pycache__" and not inner.startswith("."))
        for name in sorted(names):
            file = os.path.join(folder, name)
            if os.path.isfile(file) and not name.endswith(".pyc"):
                yield os.path.join(base, os.path.relpath(file, path)).replace(os.sep, "/"), file


def _laid_out(every: Sequence[Own], given: dict[str, str]) -> tuple[tuple[str, ...], tuple[OwnFile, ...]]:
    """The folders and the files of a run: each file keeps its place below the folder that it is found from."""
    placed: dict[tuple[str, str], OwnFile] = {}
    roots: list[str] = []

    def put(root: str, path: str, digest: str, module: str = "", name: str = "") -> None:
        if root not in roots:
            roots.append(root)
        place = os.path.relpath(path, root).replace(os.sep, "/")
        before = placed.get((root, place))
        if before is not None:
            module, name = module or before.module, name or (before.name if before.given else "")
        placed[root, place] = OwnFile(roots.index(root), place, name, digest, module, bool(name))

    for own in every:
        if own.path:
            put(os.path.dirname(own.path), own.path, own.digest)
    modules: dict[str, str] = {}
    for own in every:
        for name, (path, digest) in own.modules.items():
            if modules.setdefault(name, path) != path:
                hint = f"rename one, or run the analyses apart; the other is {path}"
                raise UsageError(f"two modules are called {name}", modules[name], hint)
            put(os.sep.join(path.split(os.sep)[: -len(_parts(name, path))]) or os.sep, path, digest, name)
    for name, path in given.items():
        inside = [root for root in roots if path.startswith(os.path.join(root, ""))]
        root = max(inside, key=len) if inside else path[: -len(name) - 1] or os.sep
        put(root, path, digest_of(path), "", name)
    return tuple(roots), _named(roots, placed.values())


def _parts(name: str, path: str) -> list[str]:
    """The parts of a path that the name of a module stands for."""
    return [*name.split("."), ""] if os.path.basename(path) == "__init__.py" else name.split(".")


def _named(roots: Sequence[str], files: Iterable[OwnFile]) -> tuple[OwnFile, ...]:
    """The files with the names that a user knows them by; where two are the same, with that of the folder before."""
    from dataclasses import replace

    found: dict[str, OwnFile] = {}
    for file in sorted(files, key=lambda file: not file.given):
        name, number = file.name or file.place, 1  # those that shipped() must find come first
        folder = os.path.basename(roots[file.root])
        while name in found:
            number += 1
            name = f"{folder}/{file.place}" if number == 2 else f"{folder}/{file.place} ({number})"
        found[name] = file if file.given else replace(file, name=name)
    return tuple(found.values())


def version_of(package: str) -> str | None:
    """The version of an installed package, by the name that it is imported by or installed by; None when it is not known."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        pass
    if sys.version_info >= (3, 10):
        for name in metadata.packages_distributions().get(package, []):
            return metadata.version(name)
    return getattr(sys.modules.get(package), "__version__", None)
