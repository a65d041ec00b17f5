"""What makes two runs the same: analyses, their source, versions, options, filters. A partial belongs to one identity."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from importlib import metadata

from crawlmill import __version__
from crawlmill.contract import PACKAGES, Analysis
from crawlmill.plan.planner import Input
from crawlmill.plan.split import Split
from crawlmill.records.suffixes import suffix_version
from crawlmill.registry import source_digest
from crawlmill.task import Job


def identity_of(job: Job) -> dict[str, object]:
    """The identity of a job, as plain data.

    >>> from crawlmill.registry import load
    >>> sorted(identity_of(Job(tuple(load(["domains"]))))["analyses"]["domains"])
    ['depends', 'key', 'merge', 'options', 'source', 'value']
    """
    return {
        "crawlmill": __version__,
        "analyses": {analysis.name: _analysis(analysis) for analysis in job.analyses},
        "types": None if job.types is None else sorted(job.types),
        "where": None if job.where is None else str(job.where),
        "max_record": job.max_record,
        "max_body": job.max_body,
        "check": "full" if job.full else "fast",
    }


def _analysis(analysis: Analysis) -> dict[str, object]:
    return {
        "source": source_digest(analysis),
        "options": dict(analysis.options),
        "merge": analysis.merge_name,
        "key": [list(column) for column in analysis.key],
        "value": [list(column) for column in analysis.value],
        "depends": {name: _version(name) for name in analysis.depends},
    }


def _version(name: str) -> str:
    if name == "unicode":
        return unicodedata.unidata_version
    if name == "public-suffixes":
        return suffix_version()
    name = name.rstrip("?")
    try:
        return metadata.version(name) if name in PACKAGES else ""
    except metadata.PackageNotFoundError:
        return ""


def digest(value: object) -> str:
    """A short name for plain data: 16 hexadecimal digits of the SHA-256 of its canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def partial_name(identity: dict[str, object], split: Split, source: Input) -> str:
    """The file name of a split's partial: another input, or another identity, another name."""
    return digest([identity, split.to_json(), source.size, source.version]) + ".part"
