"""The local engine: any number of workers and any splits give the same rows; what goes wrong costs what it must."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import CrawlmillError, DamageLimit, UsageError

BAD = str(Path(__file__).with_name("analyses.py"))
HEADERS = ["origins", "status", "mime", "servers", "records"]


def pages(paths: list[str], size: int = 50) -> list[bytes]:
    rng = random.Random(7)
    return [make_record("response", f"http://a.example{path}", rng.randbytes(size)) for path in paths]


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    """A file of several splits, with pages on which the analyses above fail."""
    paths = [f"/{number}" for number in range(60)]
    paths[10], paths[25], paths[40] = "/crash", "/hang", "/raise"
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(gz(pages(paths, 8000)))
    return path


def rows_of(run: crawlmill.api.Run) -> dict[str, object]:  # type: ignore[name-defined]
    tables = {name: run[name].to_pylist() for name in run}
    return {**tables, "damage": run.damage.to_pylist(), "counters": dict(run.counters)}


@pytest.mark.parametrize(
    ("workers", "pool", "split_size"), [(1, "process", None), (2, "process", 70_000), (2, "thread", 65_536)]
)
def test_workers_and_splits_change_nothing(
    samples: Path, crawl: Path, workers: int, pool: str, split_size: int | None
) -> None:
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged" / "*.gz"), str(crawl)]
    whole = rows_of(crawlmill.run(HEADERS, inputs, workers=1, pool="thread", damage="accept"))
    found = rows_of(crawlmill.run(HEADERS, inputs, workers=workers, pool=pool, split_size=split_size, damage="accept"))
    assert found == whole


def test_one_pass_gives_what_single_runs_give(samples: Path) -> None:
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged")]
    together = crawlmill.run(HEADERS, inputs, workers=1, pool="thread")
    for name in HEADERS:
        alone = crawlmill.run(name, inputs, workers=1, pool="thread")
        assert alone[name].equals(together[name])
        own = [row for row in together.damage.to_pylist() if row["analysis"] in ("", name)]
        assert alone.damage.to_pylist() == own


def test_a_crash_costs_the_record(crawl: Path) -> None:
    run = crawlmill.run([f"{BAD}:crashes", "origins"], crawl, workers=2, split_size=100_000)
    assert run["crashes"].to_pylist() == [{"kind": "read", "records": 59}]
    assert run["origins"].to_pylist() == [{"origin": "http://a.example", "pages": 60}]
    assert [(row["kind"], row["analysis"]) for row in run.damage.to_pylist()] == [("crash", "crashes")]


@pytest.mark.slow
def test_a_hang_costs_the_record(crawl: Path) -> None:
    run = crawlmill.run(f"{BAD}:hangs", crawl, workers=1, record_timeout=2)
    assert run["hangs"].to_pylist() == [{"kind": "read", "records": 59}]
    assert [row["kind"] for row in run.damage.to_pylist()] == ["timeout"]


def test_an_exception_costs_the_pairs_of_the_record(crawl: Path) -> None:
    run = crawlmill.run([f"{BAD}:raises", f"{BAD}:wrong_type", "origins"], crawl, workers=1)
    assert run["raises"].to_pylist() == [{"kind": "read", "records": 59}]
    assert run["wrong_type"].num_rows == 0
    assert run["origins"]["pages"].to_pylist() == [60]
    said = {row["message"] for row in run.damage.to_pylist()}
    assert "the analysis raised: ValueError: a page that cannot be" in said
    assert run.damage.num_rows == 61


def test_a_worker_that_is_killed_once_loses_nothing(tmp_path: Path) -> None:
    """A record is blamed only when it ends a second worker: the first may have been somebody's kill."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gz(pages([f"/{number}" for number in range(100)])))
    flag = tmp_path / "killed"
    script = tmp_path / "once.py"
    script.write_text(
        "import os\nfrom crawlmill import analysis\nfrom crawlmill.reducers import total\n"
        '@analysis(reduce=total, key="k: string", value="n: int64", types="response")\ndef once(record):\n'
        f"    if record.url.endswith('/50') and not os.path.exists({str(flag)!r}):\n"
        f"        open({str(flag)!r}, 'w').close()\n        os.kill(os.getpid(), 9)\n    yield 'x', 1\n"
    )
    run = crawlmill.run(str(script), path, workers=1)
    assert run["once"].to_pylist() == [{"k": "x", "n": 100}] and run.damage.num_rows == 0 and flag.exists()


def test_spilled_partials_merge_to_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gz(pages([f"/{number % 900}" for number in range(5000)])))
    whole = crawlmill.run([f"{BAD}:table", "origins"], path, workers=1, pool="thread")
    monkeypatch.setattr("crawlmill.task.Task.__init__.__defaults__", (20_000, None))
    monkeypatch.setattr("crawlmill.partial.IN_MEMORY", 0)
    monkeypatch.setattr("crawlmill.partial._FAN_IN", 2)
    spilled = crawlmill.run([f"{BAD}:table", "origins"], path, workers=1, pool="thread")
    assert spilled["table"].equals(whole["table"]) and spilled["origins"].equals(whole["origins"])
    assert whole["table"].num_rows == 5000


def test_functions_of_a_notebook_travel(samples: Path) -> None:
    """Defined in __main__ of a program on stdin, without a guard, in worker processes."""
    program = (
        "import crawlmill\nfrom crawlmill.reducers import total\nlimit = 3\n"
        '@crawlmill.analysis(reduce=total, key="k: string", value="n: int64", types="response")\n'
        "def short(record):\n    yield 'short' if len(record.url) < 10 * limit else 'long', 1\n"
        f"print(crawlmill.run(short, {str(samples / '*.warc.gz')!r}, workers=2)['short'].to_pylist())\n"
    )
    done = subprocess.run([sys.executable, "-"], input=program, capture_output=True, text=True, check=True)
    assert sum(row["n"] for row in json.loads(done.stdout.replace("'", '"'))) == 87


def test_what_is_refused(samples: Path, tmp_path: Path) -> None:
    sample = str(samples / "*.warc.gz")
    for call in (
        lambda: crawlmill.run("nothing", sample),
        lambda: crawlmill.run(["origins", "origins"], sample),
        lambda: crawlmill.run("origins", []),
        lambda: crawlmill.run("origins", str(tmp_path / "*.gz")),
        lambda: crawlmill.run("origins", sample, format="xml"),
        lambda: crawlmill.run("origins", sample, where="size=3"),
        lambda: crawlmill.run("origins", sample, pool="thread", record_timeout=1),
        lambda: crawlmill.run("words", sample, options={"words": {"nothing": 1}}),
    ):
        with pytest.raises(UsageError):
            call()


def test_damage_limits(samples: Path, tmp_path: Path) -> None:
    damaged = str(samples / "damaged")
    with pytest.raises(DamageLimit):
        crawlmill.run("origins", damaged, damage="fail", workers=1)
    with pytest.raises(DamageLimit):
        crawlmill.run("origins", damaged, max_damage=1, workers=1)
    crawlmill.run("origins", damaged, max_damage=1000, workers=1)
    with pytest.raises(DamageLimit):
        crawlmill.run("origins", str(tmp_path / "missing.warc.gz"), workers=1)


def test_output_is_refused_resumed_or_replaced(samples: Path, tmp_path: Path) -> None:
    sample, out = str(samples / "*.warc.gz"), tmp_path / "out"
    run = crawlmill.run(["origins", "status"], sample, output=out, format="jsonl", workers=1)
    assert sorted(os.listdir(out)) == ["damage.jsonl", "origins.jsonl", "run.json", "status.jsonl"]
    assert run["origins"]["pages"].to_pylist() == [json.loads(line)["pages"] for line in (out / "origins.jsonl").open()]
    report = json.loads((out / "run.json").read_text())
    assert report["counters"]["records"] == 270 and report["damage"]["rows"] == 0
    assert report["skipped"]["origins"]["revisit"] == 2
    with pytest.raises(UsageError):
        crawlmill.run("origins", sample, output=out)
    with pytest.raises(UsageError):
        crawlmill.run("status", sample, output=out, resume=True)
    crawlmill.run("status", sample, output=out, overwrite=True, workers=1)
    assert sorted(os.listdir(out)) == ["damage.parquet", "run.json", "status.parquet"]
    other = tmp_path / "mine"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    with pytest.raises(UsageError):
        crawlmill.run("status", sample, output=other, overwrite=True)
    assert (other / "thesis.txt").exists()


def test_a_run_that_workers_cannot_start_says_so(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawlmill.guard.pool.sys.executable", "/bin/false")
    with pytest.raises(CrawlmillError, match="workers ended"):
        crawlmill.run("origins", str(samples / "*.warc.gz"), workers=1)
