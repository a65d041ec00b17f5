"""A job as text: how it travels to another process or another machine."""

from __future__ import annotations

import base64
import json
from typing import Any

from crawlmill import registry
from crawlmill.contract import Analysis
from crawlmill.task import Job


def to_json(job: Job) -> str:
    """The job as JSON. An analysis that no name leads to (from a notebook) is pickled by value.

    >>> from crawlmill.registry import load
    >>> from_json(to_json(Job(tuple(load(["origins"]))))).analyses[0].name
    'origins'
    """
    fields: dict[str, Any] = {
        "analyses": [_analysis(analysis) for analysis in job.analyses],
        "types": None if job.types is None else sorted(job.types),
        "where": None if job.where is None else [list(term) for term in job.where.terms],
        "max_record": job.max_record,
        "full": job.full,
        "max_body": job.max_body,
    }
    return json.dumps(fields, sort_keys=True)


def from_json(text: str) -> Job:
    """The job of :func:`to_json`."""
    from crawlmill.where import Where

    fields = json.loads(text)
    return Job(
        tuple(_load(item) for item in fields["analyses"]),
        None if fields["types"] is None else frozenset(fields["types"]),
        None if fields["where"] is None else Where(tuple((a, b, c) for a, b, c in fields["where"])),
        fields["max_record"],
        fields["full"],
        fields["max_body"],
    )


def _analysis(analysis: Analysis) -> dict[str, Any]:
    if analysis.spec:
        return {"spec": analysis.spec, "options": dict(analysis.options)}
    import cloudpickle

    return {"pickle": base64.b64encode(cloudpickle.dumps(analysis)).decode("ascii")}


def _load(item: dict[str, Any]) -> Analysis:
    if "spec" in item:
        found: list[Analysis] = registry.load([item["spec"]])
        return found[0].with_options(**item["options"])
    import pickle

    analysis: Analysis = pickle.loads(base64.b64decode(item["pickle"]))
    return analysis
