"""The part of crawlmill that runs on a node, as one zip: it needs Python 3.9 and its standard library, nothing else."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from crawlmill.files import whole_name

NODE_MODULES = (
    "__init__",
    "errors",
    "files",
    "wire",
    "schema",
    "where",
    "contract",
    "registry",
    "jobspec",
    "partial",
    "task",
    "streaming",
)
NODE_ROOMS = ("records", "warc", "sources", "plan", "guard", "mappers", "reducers")


def write_zip(path: str | os.PathLike[str]) -> None:
    """Write the zip, the same bytes for the same sources.

    Args:
        path: where; written beside it first, then renamed.
    """
    with whole_name(os.fspath(path)) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in node_files():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def node_files() -> Iterator[tuple[str, Path]]:
    """Names in the zip, and the files, in order."""
    import crawlmill
    import crawlmill.mappers
    import crawlmill.reducers

    root = Path(crawlmill.__file__).parent
    folders = {room: root / room for room in NODE_ROOMS}
    folders["mappers"] = Path(str(crawlmill.mappers.__file__)).parent
    folders["reducers"] = Path(str(crawlmill.reducers.__file__)).parent
    for module in NODE_MODULES:
        yield f"crawlmill/{module}.py", root / f"{module}.py"
    for room, folder in sorted(folders.items()):
        for file in sorted(folder.rglob("*")):
            if file.suffix in (".py", ".dat") and "__pycache__" not in file.parts:
                yield f"crawlmill/{room}/{file.relative_to(folder)}", file
