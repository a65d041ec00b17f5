"""From what a user names - a built-in analysis, a file, a module, an entry point, a function - to analyses."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Callable, Union

from crawlmill.contract import Analysis, Option
from crawlmill.errors import CrawlmillError, UsageError

ENTRY_POINTS = "crawlmill.analyses"
Named = Union[str, Analysis]


def builtin_names() -> list[str]:
    """Names of the analyses that come with crawlmill, sorted."""
    import crawlmill.mappers

    modules = [
        module.name for module in pkgutil.iter_modules(crawlmill.mappers.__path__) if not module.name.startswith("_")
    ]
    return sorted(name for name in modules if _found(importlib.import_module(f"crawlmill.mappers.{name}")))


def load(named: Iterable[Named]) -> list[Analysis]:
    """Analyses by name, by ``file.py[:name]``, by ``package.module:name``, or as they are.

    A string may name several, separated by commas. Raises :class:`UsageError` for what cannot be found and for two of one
    name.

    >>> [analysis.name for analysis in load(["origins,status"])]
    ['origins', 'status']
    """
    analyses: list[Analysis] = []
    for item in named:
        if isinstance(item, Analysis):
            analyses.append(item)
        elif isinstance(item, str):
            for spec in _specs(item):
                analyses += _load(spec)
        else:
            raise UsageError(
                f"not an analysis: {item!r:.80}", hint="give a name, or a function under @crawlmill.analysis(...)"
            )
    bases = [analysis.base for analysis in analyses]
    for base in bases:
        if bases.count(base) > 1:
            raise UsageError(f"two analyses are called {base}", hint="give each once")
    if not analyses:
        raise UsageError("no analysis is named", hint=f"name one of {', '.join(builtin_names())}")
    return analyses


def _specs(item: str) -> list[str]:
    """The names in a text, separated by commas; a comma in the path of a file that is there separates nothing.

    >>> _specs("origins, status,my_job.py:words")
    ['origins', 'status', 'my_job.py:words']
    """
    specs: list[str] = []
    parts = item.split(",")
    while parts:
        count = next((count for count in range(len(parts), 1, -1) if _is_file(",".join(parts[:count]))), 1)
        specs.append(",".join(parts[:count]).strip())
        del parts[:count]
    return specs


def _is_file(spec: str) -> bool:
    path, _, name = (spec, "", "") if spec.endswith(".py") else spec.rpartition(":")
    return path.endswith(".py") and "," not in name and os.path.isfile(path.strip())


def with_settings(analyses: Sequence[Analysis], settings: Iterable[str]) -> list[Analysis]:
    """The analyses with options set as ``NAME.OPTION=VALUE``. Raises :class:`UsageError` for what does not fit.

    >>> with_settings(load(["words"]), ["words.min_length=3"])[0].name
    'words[min_length=3]'
    """
    by_base: dict[str, Analysis] = {analysis.base: analysis for analysis in analyses}
    for setting in settings:
        where, equals, text = setting.partition("=")
        base, dot, option = where.strip().partition(".")
        if not (equals and dot) or base not in by_base:
            raise UsageError(
                f"not a setting: {setting!r}", hint=f"write NAME.OPTION=VALUE with NAME one of {', '.join(by_base)}"
            )
        analysis = by_base[base]
        by_base[base] = analysis.with_options(**{option: _value(text.strip(), analysis.defaults.get(option))})
    return list(by_base.values())


def _value(text: str, default: Option) -> Option:
    """A text as the type that the option's default has."""
    if isinstance(default, bool):
        known: dict[str, Option] = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
        return known.get(text.lower(), text)
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            return text
    return text


def source_digest(analysis: Analysis) -> str:
    """SHA-256 of the source that an analysis stands in: another text, another identity of the run."""
    module = inspect.getmodule(analysis.function)
    text: str | None = None
    for of in (module, analysis.function):
        try:
            text = inspect.getsource(of) if of is not None and getattr(of, "__name__", "") != "__main__" else None
        except (OSError, TypeError):
            continue
        if text is not None:
            break
    data = text.encode("utf-8", "replace") if text is not None else _code(analysis.function)
    return hashlib.sha256(data).hexdigest()


def _code(function: Callable[..., object]) -> bytes:
    code = function.__code__
    return repr((code.co_code, code.co_consts, code.co_names)).encode()


def _load(spec: str) -> list[Analysis]:
    path, colon, name = spec.rpartition(":")
    if spec.endswith(".py"):
        path, name = spec, ""
    if path.endswith(".py"):
        return _pick(_file_module(path), name, path, os.path.abspath(path))
    if colon and path:
        try:
            return _pick(importlib.import_module(path), name, path, path)
        except ImportError as error:
            raise UsageError(f"cannot import {path}: {error}", hint="check the name and that it is installed") from None
    if spec.isidentifier():
        module = f"crawlmill.mappers.{spec}"
        if importlib.util.find_spec(module) is not None:
            found = _found(importlib.import_module(module)).get(spec)
            if found is not None:
                return [replace(found, spec=spec)]
        entry = entry_points().get(spec)
        if entry is not None:
            return _load(entry)
    raise UsageError(
        f"no analysis is called {spec!r}",
        hint=f"there are {', '.join([*builtin_names(), *entry_points()])}; or give FILE.py:NAME",
    )


def _pick(module: ModuleType, name: str, shown: str, where: str) -> list[Analysis]:
    found = _found(module)
    if name and name not in found:
        has = ", ".join(found) or "no function under @analysis"
        raise UsageError(f"no analysis {name!r}", where=shown, hint=f"it has {has}")
    if not found:
        raise UsageError("no function under @analysis", where=shown, hint="put @crawlmill.analysis(...) above one")
    return [replace(found[base], spec=f"{where}:{base}") for base in ([name] if name else found)]


def _found(module: ModuleType) -> dict[str, Analysis]:
    """The analyses that a module defines (not those it imported)."""
    every = [value for value in vars(module).values() if isinstance(value, Analysis)]
    return {analysis.base: analysis for analysis in every if analysis.function.__module__ == module.__name__}


def _file_module(path: str) -> ModuleType:
    whole = os.path.abspath(path)
    if not os.path.isfile(whole):
        raise UsageError("no such file", where=path, hint="give the path of a Python file with @analysis functions")
    name = f"crawlmill_file_{hashlib.sha256(os.fsencode(whole)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, whole)
    if spec is None or spec.loader is None:
        raise UsageError("not a Python file", where=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(whole)
    if folder not in sys.path:
        sys.path.append(folder)  # it may import its neighbours
    try:
        spec.loader.exec_module(module)
    except CrawlmillError:
        raise
    except Exception as error:
        del sys.modules[name]
        raise UsageError(
            f"the file raised {type(error).__name__}: {error}", where=path, hint="mend it and run again"
        ) from error
    return module


def entry_points() -> dict[str, str]:
    """What installed packages offer: name to ``module:name``."""
    from importlib import metadata

    if sys.version_info >= (3, 10):
        points = list(metadata.entry_points(group=ENTRY_POINTS))
    else:
        points = list(metadata.entry_points().get(ENTRY_POINTS, []))
    return {point.name: point.value for point in points}
