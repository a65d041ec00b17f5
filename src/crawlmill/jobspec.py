"""A job as text: how it travels to another process or another machine."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import replace
from typing import Any

from crawlmill import registry
from crawlmill.contract import Analysis, require_packages
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.own import imports
from crawlmill.own.closure import gather, left_behind
from crawlmill.own.files import Code, pack, unpack
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
        "code": None if job.code is None else job.code.to_fields(),
    }
    return json.dumps(fields, sort_keys=True)


def with_code(job: Job) -> Job:
    """The job with the user's own code that it depends on."""
    return job if job.code is not None else replace(job, code=gather(job.analyses))


def refuse_what_stays(job: Job) -> None:
    """Raise :class:`UsageError` for a module that is in no file of its own, and so cannot travel."""
    code = with_code(job).code
    assert code is not None
    for text in code.undigested:
        if text.startswith("the module "):
            raise UsageError(f"{text} cannot travel", hint="unpack it, or bring it in an environment: --env")


def own_zip(job: Job, folder: str | os.PathLike[str]) -> list[str]:
    """Put the user's own files into a folder as one zip. Returns its path, or nothing where there are none.

    Raises:
        UsageError: a module that is in no file of its own. CrawlmillError: a file changed since the job was made.
    """
    refuse_what_stays(job)
    code = with_code(job).code
    assert code is not None
    return [pack(code, os.fspath(folder))] if code.files else []


def for_nodes(job: Job) -> str:
    """The job as JSON for machines that the user's own files are brought to as a zip: see :func:`own_zip`."""
    assert job.code is not None
    entries = {job.code.path(file): f"{file.root}/{file.place}" for file in job.code.files}
    fields = json.loads(to_json(job))
    for item in fields["analyses"]:
        path, colon, name = item.get("spec", "").rpartition(":")
        item.update({"spec": f"{entries[path]}{colon}{name}", "own": True} if path in entries else {})
    return json.dumps({**fields, "zip": bool(job.code.files), "left": left_behind(job.code)}, sort_keys=True)


def from_json(text: str, brought: str = ".") -> Job:
    """The job of :func:`to_json`; or of :func:`for_nodes`, whose zip was brought to a folder. The modules of the user's own
    are those that the job names, from now on in this process."""
    from crawlmill.where import Where

    fields = json.loads(text)
    code = None if fields["code"] is None else Code.from_fields(fields["code"])
    if code is not None:
        if fields.get("zip"):
            code = unpack(code, brought)
        imports.use(code, fields.get("left", ()))
    for item in fields["analyses"]:
        if code is not None and item.get("own"):
            root, _, place = item["spec"].partition("/")
            item["spec"] = os.path.join(code.roots[int(root)], place)
    return Job(
        tuple(_load(item) for item in fields["analyses"]),
        None if fields["types"] is None else frozenset(fields["types"]),
        None if fields["where"] is None else Where(tuple((a, b, c) for a, b, c in fields["where"])),
        fields["max_record"],
        fields["full"],
        fields["max_body"],
        code,
    )


def _analysis(analysis: Analysis) -> dict[str, Any]:
    if analysis.spec:
        return {"spec": analysis.spec, "options": dict(analysis.options), "depends": list(analysis.depends)}
    import cloudpickle

    try:
        data = cloudpickle.dumps(analysis)
    except Exception as error:  # of whatever the function refers to
        raise CrawlmillError(
            f"it cannot be sent to another process: {error}", analysis.base, "make in it what it needs, or use threads"
        ) from None
    return {"pickle": base64.b64encode(data).decode("ascii")}


def _load(item: dict[str, Any]) -> Analysis:
    if "spec" in item:
        require_packages(item["depends"], item["spec"].rpartition(":")[2])  # before its file imports them
        found: list[Analysis] = registry.load([item["spec"]])
        return found[0].with_options(**item["options"])
    import pickle

    analysis: Analysis = pickle.loads(base64.b64decode(item["pickle"]))
    return analysis
