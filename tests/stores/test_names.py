"""Any name that a file can have: its archive is read, and the URI in every table leads back to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crawlmill
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.plan.inputs import expand
from crawlmill.plan.planner import make_plan
from crawlmill.plan.split import Split, text_of
from crawlmill.registry import load
from crawlmill.stores import local_path, open_source, uri_of
from crawlmill.terminal import is_safe

SAFE = [b"ok \xc3\xbc.warc.gz", b"a?b.warc.gz", b"a[1].warc.gz", b"-dash.warc.gz", b"50%41.warc.gz", b"# x.warc.gz",
        b"{j}.warc.gz", b"x,y.warc.gz", b"http:x.warc.gz", b"~u.warc.gz", b"$HOME.warc.gz", b"nb\xc2\xa0", b"a*.warc.gz",
        b"file:", b"back\\slash'\"", b" lead"]  # fmt: skip
UNSAFE = [b"caf\xe9.warc.gz", b"\xff\xfe", b"new\nline.warc.gz", b"tab\tx.warc.gz", b"12\tx.warc.gz", b"cr\r.warc.gz",
          b"esc\x1b[31m.warc.gz", b"del\x7f", b"c1\xc2\x9b2J", b"bidi\xe2\x80\xae.warc.gz", b"ls\xe2\x80\xa8.warc.gz",
          b"trail.warc.gz ", b"a?\xff[1]*.warc.gz", b"\xed\xb3\xbf surrogate", b"zw\xe2\x80\x8d", b"\n.warc.gz\n"]  # fmt: skip
NAMES = SAFE + UNSAFE
ANY = st.binary(min_size=1, max_size=60).filter(lambda name: b"\0" not in name)


@pytest.fixture(scope="module")
def named(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The paths of one archive under many names, in a folder whose own name is strange."""
    folder = os.path.join(os.fsencode(tmp_path_factory.mktemp("names")), b"d\xff\n,dir")
    os.mkdir(folder)
    for name in NAMES:
        shutil.copy(samples / "formats/members.warc.gz", os.path.join(folder, name))
    return [os.fsdecode(os.path.join(folder, name)) for name in NAMES]


def opened(uri: str) -> tuple[int, int]:
    """The file that a URI leads to."""
    found = os.stat(local_path(uri))
    return found.st_dev, found.st_ino


def files(paths: list[str]) -> set[tuple[int, int]]:
    return {opened(path) for path in paths}


@given(ANY)
def test_a_uri_is_plain_text_and_leads_back(name: bytes) -> None:
    path = os.path.abspath(os.fsdecode(b"/data/" + name))
    uri = uri_of(path)
    uri.encode("utf-8")
    assert is_safe(uri) and local_path(uri) == path and uri_of(local_path(uri)) == uri
    assert Split.from_line(uri + "\n") == Split(uri) == Split.from_line(Split(uri).to_json()), "as a manifest line"
    assert Split.from_line(f"7\t{uri}") == Split(uri), "as a line of Hadoop"
    assert uri == path or (uri.startswith("file:///") and uri.isascii())


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=40))
def test_a_name_that_can_be_shown_stays(name: str) -> None:
    path = os.path.abspath("/data/" + name)
    assert uri_of(path) == path


def test_what_no_file_can_be_called_is_one_line() -> None:
    for wrong in (
        "/a\0b",
        "file:///a%00b",
        "/a\ud800",
        "file://other/a.warc.gz",
        "file://[",
        "s3://x/\udcff",
        "hdfs://x/\udcff",
    ):
        with pytest.raises(UsageError) as found:
            expand([wrong])
        assert is_safe(str(found.value))
    assert local_path("FILE://localhost/a%3Fb?c#d") == "/a?b?c#d"


def test_every_way_of_naming_leads_to_the_files(named: list[str], tmp_path: Path) -> None:
    folder = os.path.dirname(named[0])
    uris = [uri_of(path) for path in named]
    assert files(uris) == files(named) and sum(uri.startswith("file:") for uri in uris) == len(uris), (
        "the folder's name"
    )
    listing = tmp_path / "crawl.paths"
    listing.write_bytes(b"\n".join(os.fsencode(uri) for uri in uris))
    manifest = tmp_path / "crawl.jsonl"
    manifest.write_text("".join(json.dumps({"uri": path}) + "\n" for path in named))
    for inputs in (
        named,
        uris,
        [folder],
        [uri_of(folder)],
        [f"{folder}/*"],
        [f"{folder}/**"],
        [str(listing)],
        [str(manifest)],
    ):
        given_, twice = expand(inputs)
        assert files([one.split.uri for one in given_]) == files(named) and not twice
        assert {one.split.uri for one in given_} == set(uris), inputs[0]
    assert len(expand([*named, *uris])[1]) == len(named), "a file is the same under both of its names"


def test_a_listing_made_by_ls(named: list[str], tmp_path: Path) -> None:
    """Names below --base or beside the listing, byte for byte; a line cannot hold a line end."""
    names = [name for name in NAMES if b"\n" not in name and not name.endswith(b" ") and name[:1] not in b" {"]
    names = [name for name in names if name != b"12\tx.warc.gz"]
    listing = tmp_path / "made.paths"
    listing.write_bytes(b"".join(name + b"\n" for name in names))
    for base in (os.path.dirname(named[0]), uri_of(os.path.dirname(named[0]))):
        found = [one.split.uri for one in expand([str(listing)], base)[0]]
        assert [os.path.basename(os.fsencode(local_path(uri))) for uri in found] == names
    assert text_of(b"/caf\xe9") == "/caf\udce9"
    (tmp_path / "binary.paths").write_bytes(bytes(range(256)))
    with pytest.raises(CrawlmillError, match=r"binary\.paths:1: not a manifest line"):
        expand([str(tmp_path / "binary.paths")])
    (tmp_path / "binary.paths").write_bytes(b"a.warc.gz\n\xff\x01\n")
    with pytest.raises(CrawlmillError, match=r"binary\.paths:2: not a readable manifest"):
        expand([str(tmp_path / "binary.paths")])


def test_ranges_of_an_index(samples: Path, named: list[str], tmp_path: Path) -> None:
    index = tmp_path / "a.cdxj"
    rows = [{"filename": path, "offset": "0", "length": "390"} for path in named]
    index.write_text("".join(f"com,a)/ 20260105080011 {json.dumps(row)}\n" for row in rows))
    assert files([split.uri for split in make_plan([str(index)]).splits]) == files(named)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["parquet", "jsonl", "csv", "tsv"])
def test_tables_hold_uris_that_lead_back(named: list[str], tmp_path: Path, format: str) -> None:
    cut = os.path.join(os.fsencode(tmp_path), b"cut\xff\n.warc.gz")
    Path(os.fsdecode(cut)).write_bytes(Path(named[0]).read_bytes()[:-20])
    gone = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"gone\xff\x1b.warc.gz"))
    output = os.fsdecode(os.path.join(os.fsencode(tmp_path), b"out\xff\n"))
    inputs = [*named, os.fsdecode(cut), gone]
    run = crawlmill.run(["records", "origins"], inputs, output=output, format=format, workers=2)
    assert run.counters["records"] == 22 * (len(named) + 1)
    found = {row["uri"] for row in run["records"].to_pylist()}
    assert files(list(found)) == files([*named, os.fsdecode(cut)]) and all(map(is_safe, found))
    damage = {row["kind"]: row["uri"] for row in run.damage.to_pylist()}
    assert opened(damage["truncated"]) == opened(os.fsdecode(cut)) and local_path(damage["missing"]) == gone
    assert run.output is not None and is_safe(run.output) and local_path(run.output) == output
    report = json.loads(Path(output, "run.json").read_text())
    assert files([item["uri"] for item in report["inputs"] if item["bytes"]]) == files(inputs[:-1])
    again = crawlmill.run(["records", "origins"], inputs, output=output, format=format, resume=True)
    assert again["records"].equals(run["records"]) and again.damage.equals(run.damage)


def command(*words: str | bytes, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = [sys.executable, "-m", "crawlmill", *words]
    return subprocess.run(program, input=input, capture_output=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"caf\xe9.warc.gz", b"new\nline.warc.gz", b"esc\x1b[31m.warc.gz"])
def test_every_command_takes_the_uri_that_another_printed(named: list[str], tmp_path: Path, name: bytes) -> None:
    path = named[NAMES.index(name)]
    for said in (os.fsencode(path), uri_of(path).encode()):
        (uri,) = {json.loads(line)["uri"] for line in command("inspect", said, "--json").stdout.splitlines()}
        assert uri == uri_of(path)
        assert json.loads(command("plan", said).stdout)["uri"] == uri
        assert command("get", said, "--offset", "0", "--what", "headers").stdout.startswith(b"WARC/1.0")
        assert command("verify", said).returncode == 0
        new = os.path.join(os.fsencode(tmp_path), b"new-" + name)
        written = command("subset", said, "-o", new, "--overwrite").stdout.decode()
        assert written.startswith("22 records written to file:///")
        assert opened(written.rstrip("\n").rpartition(" to ")[2]) == opened(os.fsdecode(new))
    picture = os.path.join(os.fsencode(tmp_path), name + b".png")
    out = os.path.join(os.fsencode(tmp_path), b"out-" + name)
    run = command("run", "origins", path, "-o", out)
    assert run.returncode == 0, run.stderr
    shown = run.stdout.decode().splitlines()[-1].partition("written to ")[2]
    assert len(command("show", shown, "--json").stdout.splitlines()) == 6
    pytest.importorskip("matplotlib")
    said_again = command("plot", f"{shown}/origins.parquet", "-o", picture).stderr.decode()
    assert opened(said_again.strip().partition("written to ")[2]) == opened(os.fsdecode(picture)), said_again


def test_streaming_reads_names_and_uris(named: list[str]) -> None:
    lines = [os.fsencode(uri_of(path)) for path in named]
    lines += [json.dumps({"uri": path}).encode() for path in named]
    whole = [os.fsencode(path) for path in named if "\n" not in os.path.basename(path)]
    bare = [os.path.basename(path) for path in whole if not path.endswith(b" ")]
    bare = [name for name in bare if name not in (b"12\tx.warc.gz", b"{j}.warc.gz", b" lead")]
    for given_, cwd in ((lines[: len(named)], None), (lines[len(named) :], None), (bare, os.path.dirname(named[0]))):
        program = [sys.executable, "-m", "crawlmill.mappers.records"]
        done = subprocess.run(program, input=b"\n".join(given_), cwd=cwd, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        keys = [json.loads(line.partition(b"\t")[0]) for line in done.stdout.splitlines()]
        uris = [key[1] for key in keys if key[0] == "records"]
        assert not [key for key in keys if key[0] == "!damage"]
        assert len(files(uris)) == len(given_) and files(uris) <= files(named)


def test_an_analysis_in_a_strange_folder(samples: Path, tmp_path: Path) -> None:
    for folder in (b"a,b", b"a:b", b"\xff", b"new\nline", b"a.py,c"):
        place = os.fsdecode(os.path.join(os.fsencode(tmp_path), folder))
        os.mkdir(place)
        shutil.copy(Path(__file__).parents[1] / "plan/stops.py", os.path.join(place, "my_job.py"))
        spec = f"{place}/my_job.py:stops"
        run = crawlmill.run([spec, "origins"], str(samples / "*.warc.gz"), workers=1)
        assert list(run) == ["stops", "origins"] and run["stops"].num_rows == 2, folder
        both = crawlmill.run(f"origins,{spec}", str(samples / "*.warc.gz"), workers=1, pool="thread")
        assert list(both) == ["origins", "stops"]
        for several in (f"{spec},origins,status", f"origins,{spec},status", f"status,{place}/my_job.py,origins"):
            assert sorted(analysis.base for analysis in load([several]))[-1] == "stops"
            assert len(load([several])) == 3


@pytest.mark.slow
def test_a_table_under_any_name_is_shown(tmp_path: Path) -> None:
    import pyarrow as pa

    for number, name in enumerate([b"t\xff.parquet", b"t\n.csv", b"s3:x.parquet", b"t\x1b.jsonl"]):
        path = os.fsdecode(os.path.join(os.fsencode(tmp_path), name))
        if name.endswith(b"parquet"):
            with open(path, "wb") as file:
                pq.write_table(pa.table({"k": ["x"], "n": [number]}), file)
        else:
            Path(path).write_text('{"k":"x","n":7}\n' if name.endswith(b"jsonl") else "k,n\nx,7\n")
        for said in (path, uri_of(path)):
            done = command("show", said)
            assert done.returncode == 0 and b" x" in done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["inline", "local"])
def test_mrjob_reads_them(named: list[str], runner: str) -> None:
    pytest.importorskip("mrjob")
    from crawlmill.engines.mrjob import MrJob

    run = crawlmill.run("records", named, on=MrJob(runner=runner))
    assert files([row["uri"] for row in run["records"].to_pylist()]) == files(named) and run.damage.num_rows == 0


@pytest.mark.spark
def test_spark_reads_them(named: list[str], spark: Any) -> None:
    from crawlmill.engines.spark import Session
    from crawlmill.spark import records

    rows = records(spark, named, columns="uri").distinct().collect()
    assert files([row.uri for row in rows]) == files(named)
    run = crawlmill.run("records", named, on=Session(spark))
    assert files([row["uri"] for row in run["records"].to_pylist()]) == files(named) and run.damage.num_rows == 0


def test_a_source_is_called_as_it_was_planned(named: list[str]) -> None:
    for path in named:
        source = open_source(uri_of(path))
        assert source.uri == uri_of(path) and source.read_at(0, 2) == b"\x1f\x8b"
        source.close()
