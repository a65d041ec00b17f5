"""From a function of a notebook to digests of all that it uses: its code, defaults, closure, globals; and theirs."""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import os
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crawlmill.contract import Analysis
from crawlmill.own.closure import Own, root_of_module
from crawlmill.own.files import digest_of
from crawlmill.own.imports import FOREIGN, in_library, is_installed

_PLAIN = (type(None), bool, int, float, complex, type(...), type(NotImplemented), range)
_OF_CLASSES = {
    *("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__", "__abstractmethods__", "_abc_impl"),
    *("__slotnames__", "__firstlineno__", "__static_attributes__", "__annotate_func__", "__annotations_cache__"),
}
"""What Python itself leaves in a class, and which is not the same in every process."""


class NoDigest(Exception):
    """A value that cannot be told from another one: an open file, a lock, a connection."""


@dataclass
class Used:
    """What an analysis of a notebook uses.

    Attributes:
        digests: of its parts, by words for the user.
        own: files of the user's own.
        undigested: parts without a digest.
    """

    digests: dict[str, str] = field(default_factory=dict)
    own: Own = field(default_factory=Own)
    undigested: set[str] = field(default_factory=set)


def used_by(analysis: Analysis) -> Used:
    """What an analysis without a file uses, its merge with it.

    >>> from crawlmill import analysis
    >>> from crawlmill.reducers import total
    >>> limit = 3
    >>> @analysis(reduce=total, key="k: string", value="n: int64")
    ... def short(record):
    ...     yield "short" if len(record.url) < limit else "long", 1
    >>> sorted(used_by(short).digests)
    ['the function short', 'the global limit of short', 'the merge of short']
    """
    used, name, function = Used(), analysis.base, analysis.function
    parts: list[tuple[str, object]] = [(f"the merge of {name}", analysis.reducer)]
    if isinstance(function, types.FunctionType):
        parts.append((f"the function {name}", _Bare(function)))
        parts += [(f"the global {key} of {name}", value) for key, value in _globals(function)]
        parts += [(f"the variable {key} of {name}", value) for key, value in _closure(function)]
    else:
        parts.append((f"the function {name}", function))
    for words, value in parts:
        try:
            used.digests[words] = _Walk(used.own).digest(value).hex()
        except NoDigest as error:
            used.undigested.add(f"{words} ({error})")
        except RecursionError:
            used.undigested.add(f"{words} (too deep)")
    return used


class _Bare:
    """A function without its globals and its closure."""

    def __init__(self, function: types.FunctionType) -> None:
        self.function = function


class _Walk:
    """Digests of values, whatever refers to whatever. Nothing of it depends on where values lie in memory, on the file or the
    line of a function, or on the order of a set."""

    def __init__(self, own: Own) -> None:
        self._own = own
        self._open: dict[int, int] = {}  # values that are being walked, and at what depth
        self._done: dict[int, tuple[bytes, object]] = {}  # the value is kept, so that no other gets its id

    def digest(self, value: object) -> bytes:
        """32 bytes. Raises :class:`NoDigest`."""
        kind = type(value)
        if kind in _PLAIN:
            return _hash(kind.__name__, repr(value).encode())
        if isinstance(value, str) and kind is str:
            return _hash("str", value.encode("utf-8", "surrogatepass"))
        if isinstance(value, (bytes, bytearray)) and kind in (bytes, bytearray):
            return _hash(kind.__name__, bytes(value))
        if id(value) in self._done:
            return self._done[id(value)][0]
        if id(value) in self._open:
            return _hash("above", str(self._open[id(value)]).encode())
        self._open[id(value)] = len(self._open)
        try:
            tag, parts = self._parts(value)
            found = _hash(tag, *parts)
        finally:
            del self._open[id(value)]
        self._done[id(value)] = found, value
        return found

    def _each(self, values: Iterable[object]) -> list[bytes]:
        return [self.digest(value) for value in values]

    def _parts(self, value: Any) -> tuple[str, list[bytes]]:
        kind = type(value)
        if kind in (tuple, list):
            return kind.__name__, self._each(value)
        if kind in (set, frozenset):
            return kind.__name__, sorted(self._each(value))
        if kind in (dict, types.MappingProxyType):  # in their order: an analysis may take the first that fits
            return "dict", self._each(part for item in value.items() for part in item)
        if kind is types.CodeType:
            return "code", self._code(value)
        if kind is _Bare:
            function = value.function
            return "bare", self._each(
                [function.__code__, function.__defaults__, function.__kwdefaults__, vars(function)]
            )
        if kind is types.ModuleType or isinstance(value, types.ModuleType):
            return "module", [self._module(value).encode()]
        if kind in (types.FunctionType, type) or isinstance(value, type):
            by_name = self._by_name(value)
            if by_name is not None:
                return "name", [by_name.encode()]
            return self._function(value) if kind is types.FunctionType else self._class(value)
        return self._object(value)

    def _code(self, code: types.CodeType) -> list[bytes]:
        table = getattr(code, "co_exceptiontable", b"")
        counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_name)
        for module in _imports(code):
            self._own.add(module)
        return self._each([code.co_code, table, counts, names, code.co_consts])

    def _function(self, function: types.FunctionType) -> tuple[str, list[bytes]]:
        return "function", self._each([_Bare(function), list(_globals(function)), list(_closure(function))])

    def _class(self, kind: type) -> tuple[str, list[bytes]]:
        body = {key: value for key, value in vars(kind).items() if key not in _OF_CLASSES}
        return "class", self._each([kind.__name__, type(kind), kind.__bases__, body])

    def _object(self, value: Any) -> tuple[str, list[bytes]]:
        if isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)):
            return "descriptor", [value.__name__.encode()]
        if isinstance(value, (staticmethod, classmethod)):
            return type(value).__name__, self._each([value.__func__])
        if isinstance(value, property):
            return "property", self._each([value.fget, value.fset, value.fdel])
        if isinstance(value, functools.cached_property):
            return "cached property", self._each([value.func])
        if isinstance(value, types.MethodType):
            return "method", self._each([value.__self__, value.__func__])
        if isinstance(value, functools._lru_cache_wrapper):
            return "cached", self._each([value.__wrapped__, value.cache_parameters()])
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = value.__reduce_ex__(4) if reduce is None else reduce(value)
        except Exception as error:  # a class may raise anything there: it does not want to be copied
            raise NoDigest(f"{type(value).__name__}: {' '.join(str(error).split())[:100]}") from None
        if isinstance(reduced, str):
            return "name", [f"{getattr(value, '__module__', '')}.{reduced}".encode(), *self._owner(value)]
        make, arguments, state, items, pairs = (*reduced, *[None] * 5)[:5]
        rest = [None if items is None else list(items), None if pairs is None else list(pairs)]
        return "object", self._each([make, arguments, state, *rest])

    def _owner(self, value: Any) -> list[bytes]:
        module = sys.modules.get(getattr(value, "__module__", None) or "")
        return [] if module is None else [self._module(module).encode()]

    def _by_name(self, value: Any) -> str | None:
        """What names a function or a class that another process imports; None when it travels by value."""
        module = sys.modules.get(getattr(value, "__module__", None) or "")
        if module is None or module.__name__ in ("__main__", "__mp_main__"):
            return None
        found: Any = module
        for part in value.__qualname__.split("."):
            found = getattr(found, part, None)
        return f"{self._module(module)}:{value.__qualname__}" if found is value else None

    def _module(self, module: types.ModuleType) -> str:
        """What names a module: its file or its package is held against what it was elsewhere."""
        name, path = module.__name__, getattr(module, "__file__", None)
        top = name.partition(".")[0]
        if name.startswith("crawlmill_file_") and path is not None:
            return digest_of(path)
        if top == "crawlmill" or top in sys.builtin_module_names or (path is not None and in_library(path)):
            return name
        if top in FOREIGN or (path is not None and is_installed(path)):
            self._own.packages.add(top)
        elif getattr(module, "__spec__", None) is None:
            raise NoDigest(f"the module {name}, which has no file")
        elif path is not None:
            root = root_of_module(os.path.abspath(path))
            if root not in (*sys.path, *self._own.folders):
                self._own.folders = (*self._own.folders, root)
            self._own.add(name)
        return name


def _hash(tag: str, *parts: bytes) -> bytes:
    found = hashlib.sha256(f"{tag} {len(parts)} ".encode())
    for part in parts:
        found.update(b"%d " % len(part) + part)
    return found.digest()


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _codes(inner)


def _globals(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """The globals that a function uses, sorted by name; those that are not there (yet) are left out."""
    words = (
        word.argval
        for code in _codes(function.__code__)
        for word in dis.get_instructions(code)
        if word.opname in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME")
    )
    space: Mapping[str, object] = function.__globals__
    return ((name, space[name]) for name in sorted(set(words)) if name in space)


def _closure(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            yield name, cell.cell_contents
        except ValueError:
            pass  # not set yet


def _imports(code: types.CodeType) -> Iterator[str]:
    """Full names of what may be a module, of the import statements of some code."""
    base = ""
    for word in dis.get_instructions(code):
        if word.opname == "IMPORT_NAME":
            base = word.argval
            yield base
        elif word.opname == "IMPORT_FROM" and base:
            yield f"{base}.{word.argval}"
