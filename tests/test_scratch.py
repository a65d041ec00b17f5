"""Folders for temporary files: what a killed process left is swept by the next, and nothing else ever is."""

from __future__ import annotations

import ast
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from archives import gz, make_record
from crawlmill import scratch
from crawlmill.scratch import Scratch, sweep

ROOT = Path(__file__).parents[1]
HOLDER = """
import os, sys
from crawlmill.scratch import Scratch
folder = Scratch()
open(os.path.join(folder.name, "held"), "w").close()
print(folder.name, flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A process that holds a folder until its standard input ends, and the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder)},
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def test_the_living_are_left_alone_and_the_dead_swept(tmp_path: Path) -> None:
    (alive, kept), (dead, left) = holder(tmp_path), holder(tmp_path)
    assert os.listdir(kept) == os.listdir(left) == ["held"]
    dead.kill()
    dead.wait()
    sweep(str(tmp_path))
    assert os.listdir(tmp_path) == [os.path.basename(kept)] and os.listdir(kept) == ["held"]
    alive.communicate("")
    assert os.listdir(tmp_path) == []


def test_only_folders_of_ours_are_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        "crawlmill-output-abcdefgh",
        "crawlmill-abcdefgh",
        "crawlmill-tmp-abcdefghi",
        "crawlmill-tmp-ABCDEFGH",
        "other",
    ]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "crawlmill-tmp-aaaaaaaa").write_text("a file")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/thesis").touch()
    (tmp_path / "crawlmill-tmp-bbbbbbbb").symlink_to(tmp_path / "precious")
    (tmp_path / "crawlmill-tmp-cccccccc").mkdir()
    (tmp_path / "crawlmill-tmp-cccccccc/link").symlink_to(tmp_path / "precious")
    before = set(os.listdir(tmp_path))
    with monkeypatch.context() as other:
        other.setattr(os, "getuid", lambda: 4711)  # a mock: a test cannot be another user
        sweep(str(tmp_path))
    assert set(os.listdir(tmp_path)) == before, "those of other users"
    sweep(str(tmp_path))
    assert before - set(os.listdir(tmp_path)) == {"crawlmill-tmp-cccccccc"}
    assert (tmp_path / "precious/thesis").exists()
    sweep(str(tmp_path / "nowhere"))


def test_sweepers_never_take_what_is_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makers and sweepers side by side: each maker has its folder until it closes it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stop, lost = threading.Event(), []

    def sweeping() -> None:
        while not stop.is_set():
            sweep(str(tmp_path))

    def making() -> None:
        for _ in range(300):
            with Scratch() as folder:
                try:
                    Path(folder, "file").touch()
                    os.listdir(folder)
                except OSError as error:
                    lost.append(error)

    sweepers = [threading.Thread(target=sweeping) for _ in range(2)]
    makers = [threading.Thread(target=making) for _ in range(3)]
    for thread in (*sweepers, *makers):
        thread.start()
    for thread in makers:
        thread.join()
    stop.set()
    for thread in sweepers:
        thread.join()
    assert not lost and os.listdir(tmp_path) == []


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    make, made = tempfile.mkdtemp, []

    def swept_at_once(**named: str) -> str:
        made.append(make(**named))
        if len(made) == 1:
            sweep(str(tmp_path))
        return made[-1]

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", swept_at_once)
    with Scratch() as folder:
        assert made[1:] == [folder] and os.path.isdir(folder)


RUN = [sys.executable, "-m", "crawlmill", "run", f"{ROOT}/tests/engines/analyses.py:slow_bodies", "--workers", "2"]


@pytest.mark.slow
def test_nothing_is_left_of_killed_runs(tmp_path: Path) -> None:
    """Runs whose process group is killed at seeded moments, with and without a folder of results; then one more run."""
    archive, temporary = tmp_path / "a.warc.gz", tmp_path / "tmp"
    rng = random.Random(14)
    pages = [make_record("response", f"http://a.example/{n}", rng.randbytes(9000)) for n in range(150)]
    archive.write_bytes(gz(pages))
    temporary.mkdir()
    environ = {**os.environ, "TMPDIR": str(temporary)}
    left = 0
    for kill in range(12):
        words = [*RUN, str(archive), *(["-o", str(tmp_path / f"out{kill}")] if kill % 2 else [])]
        words += ["--record-timeout", "60"] if kill % 3 == 0 else []
        process = subprocess.Popen(
            words, env=environ, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            process.communicate(timeout=rng.uniform(0.2, 1.6))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        left += bool(os.listdir(temporary))
    assert left > 3, "the kills left something"
    alive, kept = holder(temporary)
    subprocess.run([*RUN, str(archive)], env=environ, check=True, capture_output=True, timeout=60)
    assert os.listdir(temporary) == [os.path.basename(kept)]
    alive.communicate("")


def test_no_other_module_makes_temporary_names() -> None:
    """``TemporaryFile`` has no name; what is made on purpose to be kept stands here."""
    allowed = {
        "src/crawlmill/scratch.py:mkdtemp",
        "src/crawlmill/cluster/fetch.py:TemporaryDirectory",  # in the cache, under a lock of its own that sweeps
    }
    found = set()
    for room in ("src", "jobs", "spark_apps", "mappers", "reducers"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
                if name in ("mkdtemp", "mkstemp", "NamedTemporaryFile", "TemporaryDirectory", "mktemp"):
                    found.add(f"{path.relative_to(ROOT)}:{name}")
    assert found == allowed
