"""What makes two runs the same: all code, options, versions, filters. A partial belongs to one identity."""

from __future__ import annotations

import functools
import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from crawlmill import __version__
from crawlmill.contract import Analysis
from crawlmill.errors import UsageError
from crawlmill.jobspec import with_code
from crawlmill.own.closure import version_of
from crawlmill.plan.planner import Input
from crawlmill.plan.split import Split
from crawlmill.records.suffixes import suffix_version
from crawlmill.shipping import folder_of
from crawlmill.task import Job

ROOMS = ("mappers", "reducers", "jobs", "spark_apps")
"""Packages of crawlmill that lie apart from it in a checkout."""
SHORT = 16
"""Hexadecimal digits of a digest that are shown."""


def identity_of(job: Job) -> dict[str, object]:
    """The identity of a job, as plain data.

    >>> from crawlmill.registry import load
    >>> identity = identity_of(Job(tuple(load(["domains"]))))
    >>> sorted(identity["analyses"]["domains"])
    ['depends', 'key', 'merge', 'options', 'types', 'value']
    >>> sorted(identity)
    ['analyses', 'check', 'crawlmill', 'files', 'max_body', 'max_record', 'packages', 'types', 'undigested', 'values', 'where']
    """
    code = with_code(job).code
    assert code is not None
    return {
        "crawlmill": {"version": __version__, "code": own_digest()},
        "analyses": {analysis.name: _analysis(analysis) for analysis in job.analyses},
        "files": {file.name: file.digest[:SHORT] for file in code.files},
        "packages": dict(code.packages),
        "values": {words: found[:SHORT] for words, found in code.values},
        "undigested": list(code.undigested),
        "types": None if job.types is None else sorted(job.types),
        "where": None if job.where is None else str(job.where),
        "max_record": job.max_record,
        "max_body": job.max_body,
        "check": "full" if job.full else "fast",
    }


def _analysis(analysis: Analysis) -> dict[str, object]:
    return {
        "options": dict(analysis.options),
        "merge": analysis.merge_name,
        "key": [list(column) for column in analysis.key],
        "value": [list(column) for column in analysis.value],
        "types": None if analysis.types is None else sorted(analysis.types),
        "depends": {name: _version(name) for name in analysis.depends},
    }


def _version(name: str) -> str:
    if name == "unicode":
        return unicodedata.unidata_version
    if name == "public-suffixes":
        return suffix_version()
    return version_of(name.rstrip("?")) or ""


@functools.cache
def own_digest() -> str:
    """The digest of crawlmill's own code, by names and contents: the same however it is installed."""
    found = hashlib.sha256()
    for name, path in sorted(own_sources().items()):
        data = path.read_bytes()
        found.update(f"{name} {len(data)} ".encode() + data)
    return found.hexdigest()[:SHORT]


def own_sources() -> dict[str, Path]:
    """The files of crawlmill that run, by their names in the package."""
    folders = {
        "crawlmill": folder_of("crawlmill"),
        **{f"crawlmill/{room}": folder_of(f"crawlmill.{room}") for room in ROOMS},
    }
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for name, folder in folders.items()
        for path in folder.rglob("*")
        if path.suffix in (".py", ".dat") and "__pycache__" not in path.parts
    }


def refuse_undigested(identity: Mapping[str, Any]) -> None:
    """Raise :class:`UsageError` for a run of which nobody can tell whether it is the one that was begun.

    >>> refuse_undigested({"undigested": ["the global log of words (TextIOWrapper)"]})
    Traceback (most recent call last):
        ...
    crawlmill.errors.UsageError: --resume cannot tell whether the global log of words (TextIOWrapper) changed; use --overwrite
    """
    for words in identity["undigested"]:
        raise UsageError(f"--resume cannot tell whether {words} changed", hint="use --overwrite")


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In words, what differs between the identity that was stored and that of now; empty when nothing does.

    >>> old = {"files": {"helper.py": "12", "words.txt": "34"}, "where": None, "check": "fast"}
    >>> difference(old, {"files": {"helper.py": "56"}, "where": "status=200", "check": "fast"})
    'the file helper.py changed, the file words.txt is gone, the option where differs (null, now "status=200")'
    """
    old, new = json.loads(json.dumps(old)), json.loads(json.dumps(new))
    return ", ".join(_differences(old, new))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for field in sorted({*old, *new}):
        before, now = old.get(field), new.get(field)
        if before == now:
            continue
        if field == "crawlmill":
            yield _of_crawlmill(before, now)
        elif field == "analyses":
            yield from _of_analyses(before or {}, now or {})
        elif field in _WORDS:
            yield from _by_name(_WORDS[field], before or {}, now or {})
        elif field == "undigested":
            yield from (f"{words} cannot be compared" for words in {*(before or ()), *(now or ())})
        else:
            yield f"the option {field} differs ({json.dumps(before)}, now {json.dumps(now)})"


_WORDS = {"files": "the file {}", "packages": "the package {}", "values": "{}"}


def _of_crawlmill(before: object, now: object) -> str:
    versions = [value.get("version") if isinstance(value, dict) else value for value in (before, now)]
    return "crawlmill itself changed" + (f" ({versions[0]}, now {versions[1]})" if versions[0] != versions[1] else "")


def _by_name(words: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if name not in now:
            yield f"{words.format(name)} is gone"
        elif name not in before:
            yield f"{words.format(name)} is new"
        elif before[name] != now[name]:
            versions = f" ({before[name]}, now {now[name]})" if "package" in words else ""
            yield f"{words.format(name)} changed{versions}"


def _of_analyses(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if set(before) != set(now):
        yield f"the analyses differ ({', '.join(sorted(before))}, now {', '.join(sorted(now))})"
        return
    for name in sorted(now):
        old, new = before[name], now[name]
        if old.get("depends") != new.get("depends"):
            yield from _by_name("the package {}", old.get("depends") or {}, new.get("depends") or {})
        if any(old.get(field) != new.get(field) for field in {*old, *new} - {"depends"}):
            yield f"the declaration of {name} changed"


def digest(value: object) -> str:
    """A short name for plain data: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:SHORT]


def partial_name(identity: dict[str, object], split: Split, source: Input) -> str:
    """The file name of a split's partial: another input, or another identity, another name."""
    return digest([identity, split.to_json(), source.size, source.version]) + ".part"
