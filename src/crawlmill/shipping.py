"""What travels to a node: the part of crawlmill that runs there as one zip (Python 3.9 and its standard library), a job, and
the user's own files as another zip."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from crawlmill import jobspec
from crawlmill.errors import UsageError
from crawlmill.files import whole_name
from crawlmill.stores import scheme
from crawlmill.task import Job

NODE_MODULES = (
    "__init__",
    "terminal",
    "errors",
    "files",
    "scratch",
    "wire",
    "schema",
    "where",
    "contract",
    "registry",
    "jobspec",
    "partial",
    "collecting",
    "task",
    "mapside",
    "streaming",
)
NODE_ROOMS = ("own", "records", "warc", "stores", "plan", "guard", "mappers", "reducers", "jobs", "spark")
ZIP, JOB = "crawlmill.zip", "job.json"
ENV = "env"
"""The folder on a node that a packed environment is unpacked into."""
MAIN = """# python3 crawlmill.zip map|reduce ...: any Python can read this file, 3.9 can run it.
import sys
if sys.version_info < (3, 9):
    sys.stderr.write("crawlmill: the python of this node is %d.%d; name one of 3.9 or later with --node-python\\n" % sys.version_info[:2])
    sys.exit(1)
what = sys.argv.pop(1) if len(sys.argv) > 1 else ""
from crawlmill.streaming import mapper_main, reducer_main
if what not in ("map", "reduce"):
    sys.exit("usage: python3 crawlmill.zip map ANALYSIS... | python3 crawlmill.zip reduce")
mapper_main() if what == "map" else reducer_main()
"""


def write_zip(path: str | os.PathLike[str]) -> None:
    """Write the zip, the same bytes for the same sources. Python runs it: ``python3 crawlmill.zip map origins``.

    Args:
        path: where; written beside it first, then renamed.
    """
    with whole_name(os.fspath(path)) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", MAIN.encode())
        for name, file in node_files():
            _add(archive, name, file.read_bytes())


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def node_files() -> Iterator[tuple[str, Path]]:
    """Names in the zip, and the files, in order."""
    import crawlmill

    root = Path(crawlmill.__file__).parent
    folders = {room: folder_of(f"crawlmill.{room}") for room in NODE_ROOMS}
    for module in NODE_MODULES:
        yield f"crawlmill/{module}.py", root / f"{module}.py"
    for room, folder in sorted(folders.items()):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".dat") and "__pycache__" not in file.parts:
                yield f"crawlmill/{room}/{file.relative_to(folder)}", file


def packed_uri(path: str) -> str:
    """The URI of a packed environment, whose path is given. Raises :class:`UsageError` when it is none, or not there.

    >>> packed_uri("hdfs:///envs/env.tar.gz")
    'hdfs:///envs/env.tar.gz'
    """
    hint = "pack one with venv-pack or conda-pack into a .tar.gz"
    if not path.endswith((".tar.gz", ".tgz", ".tar", ".zip")):
        raise UsageError("not a packed environment", path, hint)
    if scheme(path) != "file":
        return path
    if not os.path.isfile(path):
        raise UsageError("no such file", path, hint)
    return Path(path).absolute().as_uri()


def folder_of(package: str) -> Path:
    """The folder of a package, which may stand outside that of crawlmill."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None, package
    return Path(spec.origin).parent


def refuse_what_stays(job: Job) -> None:
    """Raise :class:`UsageError` for an analysis, or a module of the user's own, that no file leads to."""
    for analysis in job.analyses:
        if not analysis.spec:
            raise UsageError(
                f"{analysis.base} was defined in a notebook", hint="put it into a file to run it on a cluster"
            )
    jobspec.refuse_what_stays(job)


def ship(job: Job, folder: str | os.PathLike[str]) -> list[str]:
    """Put crawlmill's zip, the job and the zip of the user's own files into a folder. Returns their paths; a task must find
    all of them in its working folder. Raises :class:`UsageError`."""
    refuse_what_stays(job)
    job, place = jobspec.with_code(job), Path(folder)
    write_zip(place / ZIP)
    (place / JOB).write_text(jobspec.for_nodes(job))
    return [str(place / ZIP), str(place / JOB), *jobspec.own_zip(job, place)]
