"""The notebooks of docs/ tell the truth: their cells run from the first to the last, and print what is stored below them."""

from __future__ import annotations

import doctest
import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = sorted((ROOT / "docs").glob("*.ipynb"))
LARGEST = 150_000
"""Bytes of a notebook: a clone has all its versions."""
NEEDS = ("pyspark", "resiliparse", "matplotlib", "nbclient", "ipykernel")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_as_it_ran(path: Path) -> None:
    text = path.read_text("utf-8")
    notebook = json.loads(text)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"stream", "execute_result", "display_data"}
    assert all(output.get("name") != "stderr" for output in outputs)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 1
    assert len(text.encode()) < LARGEST
    assert notebook["metadata"]["language_info"] == {"name": "python"}, "any version runs it"


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.xdist_group("spark")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_shows_what_its_cells_print(java: None, path: Path, tmp_path: Path) -> None:
    """When only an output is old: ``python tests/docs/notebooks.py NOTEBOOK`` puts the new one in."""
    for package in NEEDS:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'crawlmill[spark,html,plot,dev]'")
    import nbformat
    import notebooks

    assert not doctest.testmod(notebooks).failed
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    found = notebooks.fresh(stored, tmp_path)
    for old, new in zip(stored.cells, found.cells, strict=True):
        if old.cell_type == "code":
            assert notebooks.same(old.outputs, new.outputs), f"{path.name}: {old.source}\n--- found\n{new.outputs}"
