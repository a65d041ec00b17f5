"""Which store a URI leads to, and what is said of one that leads nowhere; a store of another package in whole runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from archives import gz, make_record
from crawlmill.errors import MissingExtra, UsageError
from crawlmill.stores import store_of, table
from crawlmill.stores.table import Row
from store_rows import ROWS, Place, placed

DATA = gz([make_record("response", f"http://a.example/{number}", b"x" * 100) for number in range(20)])
NOWHERE = "gopher://host/a"
UNKNOWN = "no store is known for gopher://; there are file, hdfs, webhdfs"


@pytest.fixture(params=[pytest.param(ROWS["toy"], id="toy")])
def toy(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    (tmp_path / "store").mkdir()
    with placed(request, tmp_path / "store", monkeypatch) as found:
        yield found


def crawlmill(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crawlmill", *words]
    return subprocess.run(command, capture_output=True, text=True, input=given, check=False)


@pytest.mark.slow
def test_a_package_brings_a_store(toy: Place, tmp_path: Path) -> None:
    """Its module, and an entry point: nothing else. The workers of a run know it, too."""
    for name in ("a", "b"):
        toy.write(f"crawl/{name}.warc.gz", DATA)
    (tmp_path / "a.warc.gz").write_bytes(DATA)
    here = crawlmill("run", "records", str(tmp_path / "a.warc.gz"), str(tmp_path / "a.warc.gz"), "--json")
    there = crawlmill("run", "records", "toy://box/crawl", "--json")
    assert there.returncode == here.returncode == 0, there.stderr
    assert json.loads(there.stdout)["counters"]["records"] == 40
    manifest = '{"uri":"toy://box/crawl/a.warc.gz"}\ntoy://box/crawl/c.warc.gz\n'
    command = [sys.executable, "-m", "crawlmill.mappers.records"]
    done = subprocess.run(command, capture_output=True, text=True, input=manifest, check=False)
    assert '["!counters","records"]\t20' in done.stdout and '"missing"' in done.stdout, done.stderr


def test_a_store_of_a_package_that_lacks_one_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "half_store-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: half-store\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[crawlmill.stores]\nhalf = half_store:Half\nwrong = json:Store\n")
    (tmp_path / "half_store.py").write_text("import no_such_client")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="the store for half:// needs no_such_client"):
        store_of("half://a/b")
    with pytest.raises(UsageError, match="no store Store in json"):
        store_of("wrong://a/b")
    with pytest.raises(UsageError, match=r"gopher://; there are file, half, hdfs, webhdfs, wrong$"):
        store_of(NOWHERE)


def test_a_store_that_needs_an_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "with_extra.py").write_text("import no_such_client")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(table.STORES, "extra", Row("with_extra", "Store", "s3"))
    with pytest.raises(MissingExtra, match=r"no_such_client is needed .*pip install 'crawlmill\[s3\]'"):
        store_of("extra://a/b")


@pytest.mark.parametrize(
    "words",
    [
        ["run", "origins", NOWHERE],
        ["run", "origins", "a.warc.gz", "-o", NOWHERE],
        ["run", "origins", "list.paths"],
        ["plan", NOWHERE],
        ["show", NOWHERE],
        ["plot", NOWHERE, "-o", "a.png"],
        ["get", NOWHERE, "--offset", "0"],
        ["inspect", NOWHERE],
        ["verify", NOWHERE],
    ],
    ids=" ".join,
)
def test_a_scheme_that_nothing_knows_is_one_clear_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.warc.gz").write_bytes(DATA)
    (tmp_path / "list.paths").write_text(f"a.warc.gz\n{NOWHERE}\n")
    done = crawlmill(*words)
    assert done.returncode in (1, 2) and done.stderr.endswith(UNKNOWN + "\n") and done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.warc.gz", "list.paths"], "nothing was written"


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["plot", "table.csv", "-o"], ["subset", "a.warc.gz", "--where", "mime=text/html", "-o"], ["hadoop", "zip", "-o"]],
    ids=" ".join,
)
@pytest.mark.parametrize("uri", [NOWHERE, "hdfs:///a/b"])
def test_what_is_written_to_this_machine_only_says_so(
    words: list[str], uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.warc.gz").write_bytes(DATA)
    (tmp_path / "table.csv").write_text("key,pages\na,1\n")
    done = crawlmill(*words, uri)
    assert done.returncode == 2 and "a local file is needed here" in done.stderr, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.warc.gz", "table.csv"]


@pytest.mark.slow
def test_file_uris_are_outputs_and_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.warc.gz").write_bytes(DATA)
    uri = f"file://{tmp_path}/out%20put"
    done = crawlmill("run", "records", f"file://{tmp_path}/a.warc.gz", "-o", uri)
    assert done.returncode == 0 and (tmp_path / "out put" / "run.json").exists(), done.stderr
    assert crawlmill("show", uri, "--json").stdout == crawlmill("show", "out put", "--json").stdout != ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.warc.gz", "out put"]
