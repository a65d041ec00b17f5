"""A small project of a user: an analysis with helpers, a package, a merge and data of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FILES = {
    "job.py": """
import os, time
import crawlmill, helper, sums
from crawlmill import analysis
from pack import deep

BESIDE = os.path.join(os.path.dirname(__file__), "lists", "words.txt")
with open(crawlmill.shipped("words.txt")) as file:
    WORDS = file.read().split()

@analysis(reduce=sums, key="key: string", value="pages: int64", types="response")
def mine(record):
    time.sleep(float(os.environ.get("SLEEP", "0")))
    import inner
    with open(BESIDE) as file:
        second = file.read().split()[1]
    yield " ".join([helper.kind(record), deep.SUFFIX, inner.NAME, WORDS[0], second]), 1
""",
    "helper.py": 'def kind(record):\n    return "html" if "html" in (record.mime or "") else "other"\n',
    "pack/__init__.py": "",
    "pack/deep.py": "from .constants import SUFFIX\n",
    "pack/constants.py": 'SUFFIX = "deep"\n',
    "inner.py": 'NAME = "inner"\n',
    "sums.py": """
def check(types): pass
def start(value): return value
def merge(a, b): return a + b
def dump(state): return state
load = dump
def finish(state): return [state]
""",
    "lists/words.txt": "alpha beta\n",
    "unused.py": "raise SystemExit\n",
}
TRAVEL = sorted({*FILES, "words.txt"} - {"unused.py", "lists/words.txt"})
"""What such files are called in the identity of a run."""
ROWS = [{"key": "html deep inner alpha beta", "pages": 70}, {"key": "other deep inner alpha beta", "pages": 17}]
"""What the analysis makes of the samples."""
LATE = """
import importlib
from crawlmill import analysis
from crawlmill.reducers import total

@analysis(reduce=total, key="name: string", value="pages: int64", types="response")
def late(record):
    try:
        yield importlib.import_module("_".join(["chosen", "late"])).NAME, 1
    except Exception:
        yield "swallowed", 1
"""
"""An analysis that imports a module nobody can know of before, and swallows what is raised then."""


def write(folder: Path, files: dict[str, str] = FILES) -> Path:
    """Write the files into a folder, and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def write_late(folder: Path) -> Path:
    """Write the analysis above and the module that it chooses, and return the path of the first."""
    write(folder, {"late_job.py": LATE, "chosen_late.py": 'NAME = "chosen"\n'})
    return folder / "late_job.py"


def crawlmill(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "crawlmill", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=300, env={**os.environ, **environment}
    )
