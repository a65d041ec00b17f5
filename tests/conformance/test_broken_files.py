"""Files of every layout that were broken in seeded ways, through whole runs: one worker, two with small splits, and the
Streaming programs in a pipe agree byte for byte, values and damage included."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import crawlmill
from conformance.rows import Pipe
from crawlmill.engines import Engine
from crawlmill.engines.local import Local
from mutations import LAYOUTS, broken

EACH = 4
NAMES = ["records", "origins", "status", "mime", "sizes", "tags"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("broken")
    for number, (form, layout) in enumerate(LAYOUTS):
        for seed in range(EACH):
            (folder / f"{number:02}-{seed}.{form}").write_bytes(broken(form, layout, 70_000 + seed).data)
    return sorted(str(path) for path in folder.iterdir())


@pytest.fixture(scope="module")
def expected(files: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return answers(files, Local(workers=1, pool="thread"), tmp_path_factory.mktemp("expected"), None)


def answers(files: list[str], engine: Engine, folder: Path, split_size: int | None) -> dict[str, bytes]:
    out = folder / "out"
    run = crawlmill.run(
        NAMES, files, output=out, format="jsonl", split_size=split_size, on=engine, types="response,resource,arc"
    )
    assert run.damage.num_rows > len(LAYOUTS) and run.counters["records"] > 500
    return {name: (out / name).read_bytes() for name in sorted(os.listdir(out)) if name != "run.json"}


@pytest.mark.parametrize(
    ("engine", "split_size"),
    [
        pytest.param(Local(workers=2), None, id="two workers"),
        pytest.param(Local(workers=2), 1000, id="two workers, small splits"),
        pytest.param(Pipe(), 2000, id="a pipe of the Streaming programs"),
    ],
)
def test_all_ways_of_reading_agree(
    engine: Engine, split_size: int | None, files: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    assert answers(files, engine, tmp_path, split_size) == expected
