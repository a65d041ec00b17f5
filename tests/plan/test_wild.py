"""Wild values in manifests and indexes: one damage row or one clear line each, never a traceback and never a hang."""

from __future__ import annotations

import gzip
import json
import math
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import crawlmill
from archives import gz, make_record
from crawlmill.errors import CrawlmillError
from crawlmill.output.tables import DAMAGE_SCHEMA, TableSink
from crawlmill.partial import damage_line
from crawlmill.plan import lines as plan_lines
from crawlmill.plan.index import read_index
from crawlmill.plan.planner import make_plan
from crawlmill.plan.read import read_split
from crawlmill.plan.split import Split
from crawlmill.schema import parse_schema
from crawlmill.stores import scheme
from crawlmill.warc.damage import COLUMNS, Damage
from crawlmill.warc.ranges import in_order
from crawlmill.warc.reading import Reading
from strategies import LAYOUTS

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MOST = (1 << 63) - 1
PAGES = gz([make_record("response", f"http://a.example/{number}", b"x" * 500) for number in range(4)])
NUMBERS: list[object] = [
    0, 1, -1, 7, 300, 1 << 31, 1 << 32, 1 << 62, MOST, MOST + 1, 1 << 64, -(1 << 63), -(1 << 63) - 1, int("9" * 40),
    int("9" * 4000), 0.0, 1.5, 1e300, -0.0, math.inf, -math.inf, math.nan, True, False, None, "", "0", "7", "-7", "+7", " 7",
    "1_000", "1e3", "0x10", "\u0663", "9" * 19, "9" * 20, "9" * 40, "9" * 5000, str(MOST), "NaN", "Infinity", "null", "\0",
    "\ud800", [], [1], [[1, 2]], {}, {"a": 1},
]  # fmt: skip
NAMES: list[object] = [
    "a.warc.gz", "./a.warc.gz", "no.warc.gz", "", ".", "..", "/", "\0", "a\0b", "\ud800", "a\udc80", "\u202e", "a\nb", "x" * 300,
    "x/" * 3000, "-", "{", "ftp://host/a", "gopher://", "file://", "file:///", "file:///%00", "file:///%ff", "file://host/a",
    "http://[", "file://[", 7, None, True, [], {}, 1.5, ["a.warc.gz"],
]  # fmt: skip


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


def row_of(item: Damage) -> None:
    """Whether a damage row can be written as a line and as a table."""
    damage_line(item).decode("ascii")
    sink = TableSink(DAMAGE_SCHEMA)
    sink.write([tuple(getattr(item, column.name) for column in parse_schema(COLUMNS))])
    assert sink.table.num_rows == 1


def read_all(splits: list[Split]) -> tuple[int, list[Damage]]:
    """How many records there are, and the damage, which must fit into a table."""
    records, lost = 0, []
    for split in splits:
        reading = Reading()
        for item in read_split(Split.from_line(split.to_json()), reading):
            if isinstance(item, Damage):
                row_of(item)
                lost.append(item)
            else:
                records += 1
        assert 0 <= reading.bytes <= 1 << 63
    return records, lost


def must_be_said(path: Path, text: str | bytes) -> None:
    """A file with one wild line among sound ones is read, with a row for what the line names; or it is one clear error."""
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        plan = make_plan([str(path)])
        for split in plan.splits:
            split.uri.encode("utf-8")
        assert all(isinstance(split.size, (int, type(None))) for split in plan.splits) and plan.size >= 0
        records, lost = read_all(list(plan.splits))
    except CrawlmillError as error:
        assert str(error).strip() and "\n" not in str(error.what), error
        return
    assert records or lost


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    (tmp_path / "a.warc.gz").write_bytes(PAGES)
    return tmp_path


@pytest.mark.parametrize("field", ["offset", "length"])
def test_numbers_in_cdxj(crawl: Path, field: str) -> None:
    for value in NUMBERS:
        row = {"filename": "a.warc.gz", "offset": "0", "length": "300", field: value}
        wild = f"com,example)/ 20260105080011 {json.dumps(row)}\n"
        sound = 'com,example)/ 20260105080011 {"filename": "a.warc.gz", "offset": 0, "length": 300}\n'
        must_be_said(crawl / "a.cdxj", sound + wild)
        must_be_said(crawl / "a.cdxj", wild)
        (crawl / "a.cdxj").write_text(sound + wild)
        number = value
        if type(value) is str and value.lstrip("-").isdecimal() and value.isascii():
            number = int(value[:4000])
        fits = type(number) is int and -(1 << 63) <= number <= MOST
        if not fits:
            with pytest.raises(CrawlmillError, match=r"a\.cdxj:2: not a line of CDXJ"):
                make_plan([str(crawl / "a.cdxj")])
        else:
            records, lost = read_all(list(make_plan([str(crawl / "a.cdxj")]).splits))
            assert records <= 2 and (lost or (field, value) in [("offset", 0), ("offset", "0")]), value
            assert {item.kind for item in lost} <= {"range"}


def test_names_in_cdxj_and_manifests(crawl: Path) -> None:
    for value in NAMES:
        row = {"filename": value, "offset": 0, "length": 300}
        must_be_said(crawl / "a.cdxj", f"com,example)/ 20260105080011 {json.dumps(row)}\n")
        must_be_said(crawl / "a.jsonl", json.dumps({"uri": value}) + "\n")
        must_be_said(crawl / "a.jsonl", json.dumps({"uri": value, "start": 5, "ranges": [[1, 2]]}) + "\n")
        if type(value) is str and value.strip() and "\n" not in value:
            must_be_said(crawl / "a.paths", f"{value}\n")


@pytest.mark.parametrize("field", ["start", "end", "size", "version", "ranges", "range", "offset", "uri"])
def test_numbers_in_manifests(crawl: Path, field: str) -> None:
    for value in NUMBERS:
        line: dict[str, object] = {"uri": "a.warc.gz", field: value}
        if field == "range":
            line = {"uri": "a.warc.gz", "ranges": [[0, 300], [500, value]]}
        elif field == "offset":
            line = {"uri": "a.warc.gz", "ranges": [[0, 300], [value, 500]]}
        text = json.dumps(line)
        try:
            split = Split.from_line(text)
        except CrawlmillError as error:
            assert str(error).startswith("not a manifest line: ")
        else:
            assert Split.from_line(split.to_json()).to_json() == split.to_json()
            if split.uri == "a.warc.gz":
                try:
                    read_all([Split.from_line(json.dumps({**json.loads(text), "uri": str(crawl / "a.warc.gz")}))])
                except CrawlmillError as error:
                    assert "\n" not in str(error)
        if not (field == "ranges" and value == []):
            must_be_said(crawl / "a.jsonl", '{"uri": "no.warc.gz"}\n' + text + "\n")


@pytest.mark.parametrize(
    "wild",
    [
        deep(100_000),
        '{"a":' * 100_000,
        '{"uri": "a.warc.gz", "x": ' + deep(100_000) + "}",
        '{"uri": "a.warc.gz", "uri": "no.warc.gz"}',
        '{"uri": "a.warc.gz", "start": 0, "start": 500}',
        '{"uri": "a.warc.gz"',
        "{}",
        "{",
        '{"uri": "a.warc.gz"}}',
        '{"uri": "a.warc.gz", "start": 5, "end": 5}',
        '{"uri": "a.warc.gz", "start": 9, "end": 5}',
        '{"uri": "a.warc.gz", "start": 1' + "0" * 5000 + "}",
        '{"uri": "a.warc.gz", "start": 1e400}',
        '{"uri": "\\ud800"}',
        "120\t",
        "120\t{}",
        "\0",
    ],
    ids=range(17),
)
def test_lines_of_a_manifest_that_are_none(crawl: Path, wild: str) -> None:
    if wild not in ("120\t",):
        with pytest.raises(CrawlmillError, match="not a manifest line"):
            Split.from_line(wild if not wild.startswith("[") else '{"x":' + wild + "}")
    must_be_said(crawl / "a.jsonl", '{"uri": "no.warc.gz"}\n' + wild + "\n")
    must_be_said(crawl / "a.cdxj", f"com,example)/ 20260105080011 {wild}\n")


@settings(parent=relaxed, max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from(["uri", "start", "end", "ranges", "size", "version", "x"]),
        st.one_of(
            st.sampled_from(NUMBERS),
            st.sampled_from(NAMES),
            st.lists(st.lists(st.sampled_from(NUMBERS), max_size=3), max_size=3),
        ),
    ),
    st.text(max_size=3),
)
def test_any_line(crawl: Path, fields: dict[str, object], junk: str) -> None:
    text = json.dumps(fields)
    for line in (text, text + junk, text[: len(text) // 2], junk):
        try:
            split = Split.from_line(line)
        except CrawlmillError:
            continue
        assert Split.from_line(split.to_json()).to_json() == split.to_json()
        os.fsencode(split.uri)
        if scheme(split.uri) != "file":
            split.uri.encode("utf-8")


@pytest.mark.slow
@settings(parent=relaxed, max_examples=200)
@given(data=st.binary(max_size=400), seed=st.integers(0, 1 << 30))
@example(data=b"", seed=0)
def test_any_bytes(crawl: Path, data: bytes, seed: int) -> None:
    """Files of any bytes under every kind of name, and sound ones with bytes changed, plain and gzip."""
    pick = random.Random(seed)
    sound = b'com,example)/ 20260105080011 {"filename": "a.warc.gz", "offset": 0, "length": 300}\n' * 3
    packed = gzip.compress(sound)
    where = pick.randrange(len(packed))
    for text in (
        data,
        sound + data,
        sound[: pick.randrange(len(sound))],
        packed[:where] + data[:3] + packed[where + 1 :],
        packed[:where],
    ):
        for name in ("a.cdxj", "a.cdxj.gz", "a.paths", "a.paths.gz", "a.jsonl", "a.txt"):
            (crawl / name).write_bytes(text)
            try:
                read_all(list(make_plan([str(crawl / name)]).splits))
            except CrawlmillError as error:
                assert "\n" not in error.what


def test_a_line_without_end_is_not_taken_in(crawl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_lines, "LONGEST", 1 << 20)
    sound = b'com,example)/ 20260105080011 {"filename": "a.warc.gz", "offset": 0, "length": 300}\n'
    for name, text in (
        ("a.paths", b"a.warc.gz\n" + b"x" * (2 << 20)),
        ("a.cdxj", sound + b"x" * (2 << 20)),
        ("b.paths.gz", gzip.compress(b"a.warc.gz\n" + bytes(100 << 20))),
        ("b.cdxj.gz", gzip.compress(sound + bytes(100 << 20))),
    ):
        (crawl / name).write_bytes(text)
        with pytest.raises(CrawlmillError, match=rf"{name}:2: a line of more than 1 MiB"):
            make_plan([str(crawl / name)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_range_and_any_span_of_any_layout(layout: str, tmp_path: Path) -> None:
    """Every range that is asked for gives its records, or a row; no number takes memory or time."""
    path = str(tmp_path / "a")
    records = [make_record("response", f"http://a.example/{at}", random.Random(at).randbytes(2000)) for at in range(40)]
    (tmp_path / "a").write_bytes(LAYOUTS[layout](records))
    size = os.path.getsize(path)
    offsets = sorted({item.offset for item in read_split(Split(path), Reading())})[:6]
    numbers = [-MOST - 1, -1, 0, 1, size - 1, size, size + 1, 1 << 31, 1 << 32, 1 << 40, 1 << 62, MOST, *offsets]
    for seed in range(80):
        pick = random.Random(seed)
        ranges = in_order((pick.choice(numbers), pick.choice(numbers)) for _ in range(pick.randrange(1, 6)))
        reading = Reading(full=pick.random() < 0.3)
        found = list(read_split(Split.from_line(Split(path, ranges=ranges).to_json()), reading))
        lost = [item for item in found if isinstance(item, Damage)]
        for item in lost:
            row_of(item)
        for offset, _ in ranges:
            inside = any(item.offset <= offset < item.offset + max(item.length, 1) for item in lost)
            assert inside or offset in {item.offset for item in found}, (ranges, offset)
        assert 0 <= reading.bytes <= size * len(ranges)
        start = pick.choice([number for number in numbers if number >= 0])
        end = pick.choice([None, *(number for number in numbers if number > start)])
        span = Split(path, start, end, None, pick.choice([None, size, 0, 5, MOST]))
        assert read_all([span])[0] <= 40


# ---- the columnar index

GOOD: dict[str, pa.Array] = {
    "warc_filename": pa.array(["a.warc.gz"] * 3),
    "warc_record_offset": pa.array([0, 300, 600]),
    "warc_record_length": pa.array([300, 300, 300]),
}


def columnar(path: Path, **columns: pa.Array) -> str:
    parquet.write_table(pa.table({**GOOD, **columns}), path)
    return str(path)


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("warc_filename", GOOD["warc_filename"].dictionary_encode()),
        ("warc_filename", GOOD["warc_filename"].cast(pa.binary())),
        ("warc_filename", GOOD["warc_filename"].cast(pa.large_string())),
        *[
            ("warc_record_offset", GOOD["warc_record_offset"].cast(kind))
            for kind in (pa.int16(), pa.int32(), pa.uint32(), pa.uint64(), pa.decimal128(20, 0), pa.string())
        ],
        ("warc_record_length", GOOD["warc_record_length"].cast(pa.int32()).dictionary_encode()),
    ],
)
def test_columns_of_other_types_that_say_the_same(crawl: Path, column: str, array: pa.Array) -> None:
    rows = list(read_index(columnar(crawl / "a.parquet", **{column: array})))
    assert rows == [("a.warc.gz", 0, 300), ("a.warc.gz", 300, 300), ("a.warc.gz", 600, 300)]


WRONG: dict[str, pa.Array] = {
    "null": pa.nulls(3),
    "nulls": pa.array([None, 1, None]),
    "a null": pa.array([1, 2, None]),
    "floats": pa.array([0.0, 1.5, math.nan]),
    "half": pa.array([0.0, 1.0, 2.0], pa.float32()),
    "bools": pa.array([True, False, True]),
    "dates": pa.array([1, 2, 3], pa.timestamp("us")),
    "decimals": pa.array([Decimal("1.5")] * 3),
    "large decimals": pa.array([Decimal("9" * 30)] * 3),
    "unsigned": pa.array([1, (1 << 64) - 1, 3], pa.uint64()),
    "lists": pa.array([[1], [2], []]),
    "structs": pa.array([{"a": 1}] * 3),
    "words": pa.array(["a", "", "x"]),
    "long words": pa.array(["9" * 40] * 3),
    "bytes": pa.array([b"\xff\xfe", b"", b"1"]),
    "names with NUL": pa.array(["a\0b"] * 3),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("column", GOOD)
def test_columns_that_say_nothing(crawl: Path, column: str, wrong: str) -> None:
    path = columnar(crawl / "a.parquet", **{column: WRONG[wrong]})
    if column == "warc_filename" and wrong in ("words", "long words"):
        wanted = r"a\.parquet: row 2: " if wrong == "words" else None
    else:
        wanted = r"a\.parquet"
    if wanted is None:
        assert [item.kind for item in read_all(list(make_plan([path]).splits))[1]] == ["missing"]
        return
    with pytest.raises(CrawlmillError, match=wanted):
        make_plan([path])


def test_large_numbers_in_a_columnar_index_are_rows(crawl: Path) -> None:
    big = pa.array([-(1 << 63), MOST, 1 << 40])
    for column in ("warc_record_offset", "warc_record_length"):
        path = columnar(crawl / "a.parquet", **{column: big})
        _, lost = read_all(list(make_plan([path]).splits))
        assert {item.kind for item in lost} == {"range"} and len(lost) == 3


def test_parquet_with_bytes_changed(crawl: Path) -> None:
    """In a process of its own, since a fault in a decoder would end it; 4 GiB of memory."""
    program = (
        "import random, sys\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from test_wild import read_all, columnar, make_plan, CrawlmillError, Path\n"
        "path = Path(sys.argv[1])\n"
        "columnar(path)\n"
        "sound = path.read_bytes()\n"
        "for seed in range(300):\n"
        "    pick, data = random.Random(seed), bytearray(sound)\n"
        "    for _ in range(pick.choice((1, 1, 3))):\n"
        "        data[pick.randrange(4, len(data))] = pick.randrange(256)\n"
        "    if not pick.randrange(5):\n"
        "        del data[pick.randrange(4, len(data)) :]\n"
        "    path.write_bytes(data)\n"
        "    try:\n"
        "        read_all(list(make_plan([str(path)]).splits))\n"
        "    except CrawlmillError as error:\n"
        "        assert '\\n' not in error.what, error\n"
        "print('done')\n"
    )

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    words = [sys.executable, "-c", program, str(crawl / "b.parquet"), os.path.dirname(__file__)]
    paths = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, sys.path)])
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=limited,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert done.stdout == "done\n", done.stderr[-2000:]


# ---- the programs

COMMANDS: list[Callable[[str], list[str]]] = [
    lambda path: ["-m", "crawlmill", "run", "records", path, "--workers", "2", "--damage", "fail"],
    lambda path: ["-m", "crawlmill", "plan", path],
    lambda path: ["-m", "crawlmill", "inspect", path],
]


@pytest.mark.slow
@pytest.mark.parametrize("command", range(len(COMMANDS)))
def test_the_commands_end_with_one_line(crawl: Path, command: int) -> None:
    wild: dict[str, bytes] = {
        "a.jsonl": b'{"uri": "a.warc.gz", "start": 1' + b"0" * 40 + b"}\n",
        "b.jsonl": b'{"uri": "a.warc.gz", "ranges": [[%d, %d]]}\n' % (MOST, MOST),
        "c.cdxj": b'com,a)/ 20260105080011 {"filename": "a.warc.gz", "offset": Infinity, "length": 1}\n',
        "d.cdxj": b'com,a)/ 20260105080011 {"filename": "a.warc.gz", "offset": -5, "length": %d}\n' % MOST,
        "e.paths.gz": gzip.compress(b"a.warc.gz\n")[:-9] + b"xxxxxxxxx",
        "f.jsonl": b'{"uri": "a.warc.gz", "x": ' + deep(100_000).encode() + b"}\n",
    }
    for name, text in wild.items():
        (crawl / name).write_bytes(text)
        done = subprocess.run(
            [sys.executable, *COMMANDS[command](str(crawl / name))],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr and "memory" not in done.stderr, (name, done.stderr)
        row = name[0] in "bd"
        if command == 0 or not row:
            said = [line for line in done.stderr.splitlines() if line.startswith("crawlmill: ")]
            assert done.returncode in (1, 2, 3) and len(said) == 1, (name, done.stderr)
        elif command == 2:
            assert "!range" in done.stdout.replace(" ", ""), (name, done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        b"\x1f\x8b\x08\0\0\0\0\0\0\3not gzip",
        gzip.compress(b"a.warc.gz\n")[:-4],
        b'{"uri": "a.warc.gz", "start": NaN}\n',
        b'{"uri": ' + deep(100_000).encode() + b"}\n",
        b'{"uri": "-"}\n',
        b"-\n",
        b"/dev/stdin\n",
        b"file:///dev/fd/0\n",
        b"a\xff\x01b\n",
        b"hdfs://host/a\xffb\n",
        b"file://[/a.warc.gz\n",
        b"file:///a%00b\n",
        b"x" * (17 << 20),
    ],
    ids=[
        "gzip",
        "cut",
        "nan",
        "deep",
        "itself",
        "dash",
        "stdin",
        "descriptor",
        "binary",
        "remote",
        "host",
        "nul",
        "long",
    ],
)
def test_a_mapper_ends_with_one_line(crawl: Path, text: bytes) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill.mappers", "records"],
        input=text,
        capture_output=True,
        timeout=60,
        check=False,
        cwd=crawl,
    )
    said = done.stderr.decode().splitlines()
    assert (
        done.returncode == 1 and len(said) == 1 and said[0].startswith("crawlmill: ") and "standard input" in said[0]
    ), said


def test_a_mapper_reads_what_is_named_twice_once(crawl: Path) -> None:
    text = b'a.warc.gz\n./a.warc.gz\n{"uri": "a.warc.gz", "start": 50}\n'
    words = [sys.executable, "-m", "crawlmill.mappers", "records"]
    done = subprocess.run(words, input=text, capture_output=True, timeout=60, check=False, cwd=crawl)
    assert b'["!counters","records"]\t4\n' in done.stdout
    assert done.stderr.splitlines()[0] == b"crawlmill: 2 inputs are named twice and read once"


def test_a_fault_of_ours_in_a_worker_is_said(crawl: Path, tmp_path: Path) -> None:
    """What no code of ours foresees must not look like a lack of memory. The fault is made up: a `where` that breaks."""
    (tmp_path / "sitecustomize.py").write_text(
        "from crawlmill import task\ndef broken(*_): raise OverflowError('out of range')\ntask.read_split = broken\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "crawlmill", "run", "records", str(crawl / "a.warc.gz"), "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "a fault in crawlmill at sitecustomize.py:2: OverflowError: out of range; please report it" in done.stderr


def test_runs_over_wild_ranges_have_rows(crawl: Path) -> None:
    manifest = crawl / "wild.jsonl"
    ranges: list[list[Any]] = [[0, MOST], [-5, 3], [MOST, MOST], [1 << 62, 1 << 62], [5, -1]]
    manifest.write_text(json.dumps({"uri": "a.warc.gz", "ranges": ranges}) + "\n" + json.dumps({"uri": "b.warc.gz"}))
    run = crawlmill.run("records", str(manifest), workers=2)
    assert run["records"].num_rows == 1
    assert [(row["kind"], row["offset"]) for row in run.damage.to_pylist()] == [
        ("range", -5), ("range", 0), ("range", 1 << 62), ("range", 5), ("range", MOST), ("missing", 0),
    ]  # fmt: skip
    assert run.counters["bytes"] <= 2 * len(PAGES)
