"""The part of crawlmill that runs on a node, as one zip: it needs Python 3.9 and its standard library, nothing else."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

NODE_MODULES = (
    "__init__",
    "errors",
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
    beside = f"{os.fspath(path)}.{os.getpid()}.tmp"
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in node_files():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    os.replace(beside, path)


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
