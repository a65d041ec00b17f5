"""Where the tests find archives: the samples in the repository, and a corpus of real ones where there is one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clusters import cluster as cluster
from clusters import connect_server as connect_server
from clusters import hdfs as hdfs
from clusters import packed as packed
from clusters import standalone as standalone
from clusters import yarn as yarn
from sessions import java as java
from sessions import old_python as old_python
from sessions import spark as spark

os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"  # no session, and no cluster, listens elsewhere
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def samples() -> Path:
    """`data_samples/`: the small synthetic crawl with known answers."""
    return ROOT / "data_samples"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """A folder of real archives with a `.truth.json` beside each: CRAWLMILL_CORPUS, or ../shared/corpus."""
    named = os.environ.get("CRAWLMILL_CORPUS")
    folder = Path(named) if named else ROOT.parent / "shared" / "corpus"
    if not folder.is_dir():
        if named:
            pytest.fail(f"CRAWLMILL_CORPUS={named} is no folder: unset it or name the corpus")
        pytest.skip(f"no corpus of real archives at {folder}: set CRAWLMILL_CORPUS to its folder")
    return folder
