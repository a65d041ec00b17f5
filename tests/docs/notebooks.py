"""Runs the notebooks of docs/ in a kernel of their own, and holds what they print against what is stored in them.

    python tests/docs/notebooks.py docs/spark.ipynb ...     # put the real output into notebooks

What a cell writes to stderr is left out: it is Spark's log, whose lines come when they come. Of a picture it is asked that
there is one: its bytes belong to the version of the library that drew it.
"""

from __future__ import annotations

import base64
import os
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
from consoles import SHOWN, fits, workspace
from nbclient import NotebookClient
from traitlets.config import Config

PNG = b"\x89PNG\r\n\x1a\n"
CELL_SECONDS = 180
"""After which a cell that does not end is an error."""
Output = dict[str, Any]


def fresh(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """The notebook with the output that its cells really have.

    Args:
        notebook: as it is stored.
        folder: an empty one, which takes the checkout's files by links; the kernel works in a ``docs`` there, as Jupyter's
            works beside the notebook.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised. nbclient.exceptions.CellTimeoutError: it did not end.
    """
    work = workspace(folder / "crawlmill") / "docs"
    work.unlink()  # a link to the real one
    work.mkdir()
    found = deepcopy(notebook)
    with tempfile.TemporaryDirectory(prefix="k-") as short, patch.dict(os.environ, _environment(folder), clear=True):
        # Unix sockets: no port is opened. Their names have at most 103 characters.
        sockets = {"transport": "ipc", "connection_file": f"{short}/k.json"}
        client = NotebookClient(
            found,
            timeout=CELL_SECONDS,
            startup_timeout=60,
            record_timing=False,
            resources={"metadata": {"path": str(work)}},
            config=Config({"KernelManager": sockets}),
        )
        client.execute()
    for cell in found.cells:
        if cell.cell_type == "code":
            cell.outputs = cleaned(cell.outputs, str(folder / "crawlmill"))
    found.metadata = notebook.metadata  # else it would have the version of this python
    return found


def _environment(folder: Path) -> dict[str, str]:
    """The process' variables without what a user has set for Spark and Jupyter, whose settings are looked for in the folder."""
    others = ("SPARK_", "PYSPARK_", "MPLBACKEND", "JUPYTER_", "IPYTHONDIR", "PYTEST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    own = ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
    return {**kept, **{name: str(folder / name.lower()) for name in own}}


def cleaned(outputs: list[Output], folder: str) -> list[Output]:
    """Outputs without stderr, what was printed in one piece, and the checkout's path as a page shows it.

    >>> cleaned([{"name": "stderr", "text": "WARN"}, {"name": "stdout", "text": "a/"}, {"name": "stdout", "text": "b"}], "a/b")
    [{'name': 'stdout', 'text': '/path/to/crawlmill'}]
    """
    kept: list[Output] = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if kept and kept[-1].get("name") == output.get("name") == "stdout":
            kept[-1]["text"] += output["text"]
        else:
            kept.append(output)
    for output in kept:
        texts = output.get("data", output)
        for kind in ("text", "text/plain", "text/html"):
            if kind in texts:
                texts[kind] = texts[kind].replace(folder, SHOWN)
    return kept


def same(stored: list[Output], found: list[Output]) -> bool:
    """Whether the outputs of a cell are those that were found: texts by :func:`consoles.fits`, pictures by being there.

    >>> picture = {"data": {"image/png": "iVBORw0KGgo="}}
    >>> same([{"name": "stdout", "text": "in 0.1 s"}], [{"name": "stdout", "text": "in 0.3 s"}]), same([picture], [picture])
    (True, True)
    >>> same([{"data": {"text/plain": "1"}}], [{"data": {"text/plain": "2"}}]), same([picture], [])
    (False, False)
    >>> same([picture], [{"data": {"image/png": "AAAA"}}])
    False
    """
    return len(stored) == len(found) and all(map(_same, stored, found))


def _same(stored: Output, found: Output) -> bool:
    if stored.get("name") != found.get("name"):
        return False
    one, two = (output.get("data", {"text": output.get("text", "")}) for output in (stored, found))
    if one.keys() != two.keys():
        return False
    for kind in one:
        if kind == "image/png":
            if not all(base64.b64decode(picture[kind]).startswith(PNG) for picture in (one, two)):
                return False
        elif not fits(one[kind], two[kind]):
            return False
    return True


def rewritten(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """The notebook with the output that its cells really have; what fits already stays as it is."""
    found = fresh(notebook, folder)
    for old, new in zip(notebook.cells, found.cells, strict=True):
        if old.cell_type == "code" and same(old.outputs, new.outputs):
            new.outputs = old.outputs
    return found


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory(prefix="docs-") as scratch:
            made = rewritten(nbformat.read(name, as_version=4), Path(scratch))
            nbformat.validate(made)
            nbformat.write(made, name)
