"""A format is one row of a table: those here round trip, and one of an outside package does all that ours do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlmill.output.formats import FORMATS, FileSink, format_named, format_names, format_of_bytes
from crawlmill.output.reading import read_table
from crawlmill.output.tables import table_of
from crawlmill.schema import parse_schema

SCHEMA = parse_schema("name: string, count: int64?, flag: bool, parts: list<string>")
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
ROWS = st.lists(
    st.tuples(TEXT, st.none() | st.integers(-(2**63), 2**63 - 1), st.booleans(), st.lists(TEXT, max_size=3)), max_size=6
)


@settings(deadline=None)
@given(ROWS, st.sampled_from(format_names()))
def test_what_is_written_is_read(rows: list[tuple[object, ...]], name: str) -> None:
    file = io.BytesIO()
    writer = format_named(name).write(file, SCHEMA)
    for row in rows:
        writer.write([row])
    writer.close()
    assert not file.closed
    start = file.getvalue()[:4096]
    file.seek(0)
    found = pa.concat_tables(format_named(name).read(file, SCHEMA))
    assert found.equals(table_of(SCHEMA, rows))
    assert format_of_bytes(start) == name or (name == "jsonl" and not start) or name in ("csv", "tsv")


TOY = """
import json
from crawlmill.output.formats import Format
from crawlmill.output.tables import table_of
from crawlmill.schema import Column

class Writer:
    def __init__(self, file, schema):
        self.file = file
        file.write(b"TOY" + json.dumps([list(column) for column in schema]).encode() + b"\\n")
    def write(self, rows):
        for row in rows:
            self.file.write(json.dumps(row).encode() + b"\\n")
    def close(self):
        pass

def read(file, schema):
    first = [Column(*column) for column in json.loads(file.readline()[3:])]
    yield table_of(schema or first, [tuple(json.loads(line)) for line in file])

FORMAT = Format(Writer, read, lambda start: start.startswith(b"TOY"))
"""


@pytest.fixture
def toy(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package is installed that brings a format."""
    folder = tmp_path / "packages"
    (folder / "toyformat-1.dist-info").mkdir(parents=True)
    (folder / "toyformat.py").write_text(TOY)
    (folder / "toyformat-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: toyformat\nVersion: 1\n")
    (folder / "toyformat-1.dist-info/entry_points.txt").write_text("[crawlmill.formats]\ntoy = toyformat:FORMAT\n")
    return {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}


def command(environment: dict[str, str], *words: str, input: bytes | None = None, code: int = 0) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill", *words], env=environment, input=input, capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.mark.slow
def test_a_format_of_an_outside_package(toy: dict[str, str], samples: Path, tmp_path: Path) -> None:
    sample, out = str(samples / "*.warc.gz"), tmp_path / "out"
    assert b"toy" not in command({**os.environ, "COLUMNS": "200"}, "run", "--help")
    assert b"parquet|jsonl|tsv|csv|toy" in command(toy, "run", "--help")
    command(toy, "run", "origins", sample, "-o", str(out), "--format", "toy", "--workers", "1")
    assert sorted(os.listdir(out)) == ["damage.toy", "origins.toy", "run.json"]
    shown = command(toy, "show", str(out / "origins.toy"), "--json")
    assert shown.count(b"\n") == 21 and shown == command(
        toy, "show", "-", "--json", input=(out / "origins.toy").read_bytes()
    )
    assert (
        command(toy, "run", "origins", sample, "--format", "toy", "--workers", "1")
        == (out / "origins.toy").read_bytes()
    )
    picture = tmp_path / "a.svg"
    command(toy, "plot", str(out / "origins.toy"), "-o", str(picture))
    assert picture.stat().st_size > 1000
    command(toy, "run", "origins", sample, "-o", str(out), "--resume", "--format", "csv")
    command(toy, "run", "origins", sample, "-o", str(out), "--resume", "--format", "toy")
    assert command(toy, "show", str(out / "origins.toy"), "--json") == shown
    assert b"there are parquet, jsonl, tsv, csv" in command(
        dict(os.environ), "run", "origins", sample, "--format", "toy", code=2
    )


def test_a_file_that_is_none_of_its_format_is_one_line(tmp_path: Path) -> None:
    from crawlmill.errors import CrawlmillError

    for name in FORMATS:
        for data in (b"", b"PAR1", b"\xff\xfe\x00", b'{"a": 1}\n{"b": 1}\n', b"a,b\n1\n", b"a\tb\n1\t2\t3\n"):
            path = tmp_path / f"a.{name}"
            path.write_bytes(data)
            try:
                read_table(str(path))
            except CrawlmillError as error:
                assert str(error).startswith(f"{path}: not a {name} file: ")


def test_a_sink_that_cannot_write_says_where(tmp_path: Path) -> None:
    from crawlmill.errors import CrawlmillError

    for name in FORMATS:
        with pytest.raises(CrawlmillError, match=rf"nothing/a\.{name}: cannot write: No such file"):
            FileSink(str(tmp_path / f"nothing/a.{name}"), SCHEMA, name)
