"""The first of the README's two commands, in a fresh copy of the tracked files with an environment of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_demo_twice_from_a_fresh_copy(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "crawlmill"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout: what belongs to the project cannot be told")
    for name in filter(None, tracked.stdout.decode().split("\0")):
        if (root / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, copy / name)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "CRAWLMILL_VENV")
    }
    shown = (root / "README.md").read_text().split("$ scripts/demo\n")[1].split("```")[0]
    for run in range(2):
        done = subprocess.run(
            ["scripts/demo"], cwd=copy, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        printed = re.sub(r"in \d+\.\d s", "in 0.1 s", done.stdout.replace(str(copy), "/path/to/crawlmill"))
        expected = shown if run == 0 else shown[shown.index("\n$ crawlmill") :]
        assert printed.strip() == expected[expected.index("$ crawlmill") :].strip()
        assert ("making .venv" in done.stderr) == (run == 0)
    assert (copy / "build/demo/origins.png").read_bytes().startswith(b"\x89PNG")
    assert (copy / "build/demo/origins.parquet").read_bytes().startswith(b"PAR1")
