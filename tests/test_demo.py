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
            ["scripts/demo"],
            cwd=copy,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        printed = done.stdout.replace(str(copy), "/path/to/crawlmill")
        for varies, shows in (
            (r"in \d+\.\d s", "in 0.1 s"),
            (r"making \S+ with Python \S+", "making /path/to/crawlmill/.venv with Python 3.11.7"),
        ):
            printed = re.sub(varies, shows, printed)
        expected = shown if run == 0 else shown[shown.index("\n$ crawlmill") :]  # the second time nothing is installed
        assert printed.strip() == expected.strip()
    assert (copy / "build/demo/origins.png").read_bytes().startswith(b"\x89PNG")
    assert (copy / "build/demo/origins.parquet").read_bytes().startswith(b"PAR1")
