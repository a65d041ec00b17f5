"""What `scripts/bench_engines` says about Spark: the question that it asks, whose CPU seconds it counts, what it compares."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from benches.on_spark import QUESTION, TINIEST, Row, SparkBench, compared, run
from benches.server_count import NONE
from benches.usage import Times, Tree, Used, measure
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeadersParser

import crawlmill

BURN = "import time; end = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def test_question_is_that_of_cc_pyspark(samples: Path) -> None:
    """In the words of its ``server_count.py``, for what its readers miss too: warcio parses HTTP of ``http:`` in lower case alone,
    and a response without HTTP (``dns:``) ends the job."""
    inputs, expected = sorted(samples.glob("*.warc.gz")), Counter[str]()
    parser = StatusAndHeadersParser(["HTTP/1.0", "HTTP/1.1"])
    for path in inputs:
        with open(path, "rb") as file:
            for record in ArchiveIterator(file, no_record_parse=True):
                if record.rec_type == "response":
                    is_http = record.rec_headers.get_header("Content-Type").startswith("application/http")
                    headers = parser.parse(record.raw_stream).headers if is_http else []
                    expected.update({value for name, value in headers if name.lower() == "server" and value} or {NONE})
    table = crawlmill.run(QUESTION, inputs)["server_count"].to_pydict()
    assert dict(zip(table["server"], table["responses"], strict=True)) == expected


def test_a_tree_keeps_and_ends_whom_a_parent_left() -> None:
    child = f"print('there', flush=True); input()\n{BURN}\nprint('done', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdin=-1, stdout=-1, text=True) as root:
        assert root.stdin is not None and root.stdout is not None
        tree = Tree(root.pid)
        try:
            assert root.stdout.readline() == "there\n"
            before = tree.look()
            root.kill()
            root.wait(60)
            root.stdin.write("\n")
            root.stdin.flush()
            assert root.stdout.readline() == "done\n"
            used = tree.look() - before
            assert used.python > 0.1
            assert used.java == used.other == 0
        finally:
            tree.kill()
        assert root.stdout.readline() == ""


def test_others_are_not_counted_as_the_command(tmp_path: Path) -> None:
    """The command waits until another process has used its 0.2 s."""
    with subprocess.Popen([sys.executable, "-c", f"{BURN}\nopen('done', 'w').close()"], cwd=tmp_path):
        wait = "while ! test -e done; do sleep 0.1; done"
        took = measure(["sh", "-c", wait], tmp_path / "log", timeout=60, cwd=tmp_path)
    assert took.used.python == 0
    assert took.others > 0.1


def test_what_fails_is_said_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"^it ended with 3 after \d+ s: this is why$"):
        measure(["sh", "-c", "echo first; echo this is why >&2; exit 3"], tmp_path / "log", timeout=60)


def row(wall: float, python: float, **answer: int) -> Row:
    return Row(Times(wall, Used(java=1.0, python=python), 0.0), answer)


def test_comparison_leaves_out_who_answers_otherwise() -> None:
    rows = {
        "local engine": row(10, 9, nginx=2),
        "spark cold": row(30, 3, nginx=2),
        "cc-pyspark, warcio": row(90, 12, nginx=2),
    }
    assert list(compared(rows)) == ["cc-pyspark, warcio / spark cold: Python CPU 4.00, all CPU 3.25"]
    rows["cc-pyspark, warcio"] = row(90, 12, nginx=1, Caddy=1)
    assert list(compared(rows)) == [
        "cc-pyspark, warcio answers otherwise than local engine: 2 rows, 'Caddy' the first; it is not compared"
    ]


def test_warm_session_is_compared_with_and_without_what_is_fixed() -> None:
    rows = {"local engine": row(10, 9, nginx=2), f"spark warm{TINIEST}": row(1, 0, nginx=1)}
    rows["spark warm"] = row(12, 9, nginx=2)
    assert list(compared(rows)) == ["spark warm / local engine, wall: 1.20, or 1.10 less the fixed 1.00 s"]


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.xdist_group("spark")
def test_spark_answers_as_the_local_engine(
    java: None, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = SparkBench(sorted(map(str, samples.glob("*.warc.gz"))), 2, tmp_path)
    run(bench, ["local engine", "spark cold", "spark warm"])
    assert "left out" not in capsys.readouterr().out
    assert bench.rows["local engine"].answer == bench.rows["spark cold"].answer == bench.rows["spark warm"].answer
    assert bench.rows["local engine"].took.used.java == 0 < bench.rows["spark cold"].took.used.java
