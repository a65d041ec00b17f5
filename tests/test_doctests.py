"""Runs the examples in the docstrings of every module, each imported by its installed name.

pytest's own --doctest-modules would import `mappers/origins.py` a second time, as `mappers.origins`.
"""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "crawlmill": "src/crawlmill",
    "crawlmill.mappers": "mappers",
    "crawlmill.reducers": "reducers",
    "crawlmill.jobs": "jobs",
    "crawlmill.spark_apps": "spark_apps",
}


def modules_with_examples() -> list[str]:
    """Names of the modules whose source holds a `>>>`."""
    names = ["archives"]
    for package, folder in FOLDERS.items():
        for file in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in file.read_text(encoding="utf-8"):
                inner = file.relative_to(ROOT / folder).with_suffix("").parts
                names.append(".".join((package, *(part for part in inner if part != "__init__"))))
    return names


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted, f"{name} holds '>>> ' outside of a docstring that doctest finds"
    assert not results.failed
