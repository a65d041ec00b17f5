"""From what a user names - a built-in analysis, a file, a module, an entry point, a function - to analyses."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Union

from crawlmill.contract import Analysis, Option
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.own import imports
from crawlmill.own.files import digest_of

ENTRY_POINTS = "crawlmill.analyses"
Named = Union[str, Analysis]


def builtin_names() -> list[str]:
    """Names of the analyses that come with crawlmill, sorted."""
    import crawlmill.mappers

    modules = [
        module.name for module in pkgutil.iter_modules(crawlmill.mappers.__path__) if not module.name.startswith("_")
    ]
    return sorted(name for name in modules if _found(importlib.import_module(f"crawlmill.mappers.{name}")))


def load(named: Iterable[Named], ship: Iterable[str | os.PathLike[str]] | None = None) -> list[Analysis]:
    """Analyses by name, by ``file.py[:name]``, by ``package.module:name``, or as they are.

    A string may name several, separated by commas. ``ship`` names files that :func:`crawlmill.shipped` finds from now on,
    also while a file of analyses is loaded. Raises :class:`UsageError` for what cannot be found and for two of one name.

    >>> [analysis.name for analysis in load(["origins,status"])]
    ['origins', 'status']
    """
    analyses: list[Analysis] = []
    if ship is not None:
        from crawlmill.own.closure import given_files

        imports.offer((name, path, digest_of(path)) for name, path in given_files(ship).items())
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


def _load(spec: str) -> list[Analysis]:
    path, colon, name = spec.rpartition(":")
    if spec.endswith(".py"):
        path, name = spec, ""
    if path.endswith(".py"):
        return _pick(_file_module(path), name, path, os.path.abspath(path))
    if colon and path:
        try:
            return _pick(_module(path), name, path, path)
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
    digest = imports.entry_digest(whole)
    if digest is not None:
        with imports.checked():
            return _executed(name, path, imports.spec_of(name, whole, digest))
    from crawlmill.own.closure import loading

    with loading(whole) as own:
        return _executed(name, path, imports.spec_of(name, whole, own.digest))


def _executed(name: str, path: str, spec: ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    assert spec.loader is not None
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


def _module(name: str) -> ModuleType:
    """A module by its name, as its files are now."""
    if imports.is_known(name) or name.partition(".")[0] in imports.FOREIGN:
        return importlib.import_module(name)
    from crawlmill.own.closure import loading

    with loading("", name):
        return importlib.import_module(name)


def entry_points() -> dict[str, str]:
    """What installed packages offer: name to ``module:name``."""
    from importlib import metadata

    if sys.version_info >= (3, 10):
        points = list(metadata.entry_points(group=ENTRY_POINTS))
    else:
        points = list(metadata.entry_points().get(ENTRY_POINTS, []))
    return {point.name: point.value for point in points}
