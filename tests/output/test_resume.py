"""Resume cannot lie: another run, other inputs, another batch are refused, and what goes on gives the same bytes."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import crawlmill
from archives import gz, make_record
from crawlmill.errors import CrawlmillError, DamageLimit, UsageError
from crawlmill.plan.planner import Input, changed_input

STOPS = f"{Path(__file__).parents[1]}/plan/stops.py:stops"
NAMES = ("a", "b", "c")


def page(name: str, count: int = 3) -> bytes:
    return gz([make_record("response", f"http://{name}.example/{number}", b"x" * 50) for number in range(count)])


@pytest.fixture
def crawl(tmp_path: Path) -> Path:
    folder = tmp_path / "crawl"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.warc.gz").write_bytes(page(name))
    return folder


@pytest.fixture
def stopped(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Begins a run of an output that a failure ends after its first splits."""

    def begin(*inputs: Path, **options: object) -> Path:
        monkeypatch.setenv("STOPS", "1")
        with pytest.raises(CrawlmillError, match="told to stop"):
            run(*inputs, output=tmp_path / "out", **options)
        monkeypatch.delenv("STOPS")
        return tmp_path / "out"

    return begin


def run(*inputs: Path, **options: object) -> crawlmill.api.Run:  # type: ignore[name-defined]
    settings = {"workers": 1, "pool": "thread", "format": "jsonl", "analyses": STOPS, **options}
    return crawlmill.run(settings.pop("analyses"), list(inputs), **settings)  # type: ignore[arg-type]


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- other inputs


def another_input(crawl: Path) -> str:
    (crawl / "d.warc.gz").write_bytes(page("d"))
    return f"{crawl}/d.warc.gz was not among them"


def one_less(crawl: Path) -> str:
    (crawl / "b.warc.gz").unlink()
    return f"{crawl}/b.warc.gz is no longer among them"


def one_grew(crawl: Path) -> str:
    path = crawl / "b.warc.gz"
    old = path.stat().st_size
    path.write_bytes(page("b", 5))
    return f"{path} had {old} bytes and has {path.stat().st_size}"


def one_of_equal_size(crawl: Path) -> str:
    path = crawl / "c.warc.gz"
    was = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    return f"{path} was written again since"


CHANGES = (another_input, one_less, one_grew, one_of_equal_size)


@pytest.mark.parametrize("change", CHANGES)
def test_an_unfinished_run_of_other_inputs_is_refused(
    change: Callable[[Path], str], crawl: Path, samples: Path, stopped: Callable[..., Path]
) -> None:
    more = next(samples.glob("*-00001.warc.gz"))
    out = stopped(crawl, more, split_size=4096)
    before = state(out)
    said = change(crawl)
    with pytest.raises(UsageError) as refused:
        run(crawl, more, output=out, resume=True)
    assert f"{out}: the inputs are not those of the run: {said}; give the same ones, or use --overwrite" in str(
        refused.value
    )
    assert state(out) == before


@pytest.mark.parametrize("change", CHANGES)
def test_a_finished_run_of_other_inputs_is_refused(change: Callable[[Path], str], crawl: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(crawl, output=out)
    before = state(out)
    said = change(crawl)
    with pytest.raises(UsageError) as refused:
        run(crawl, output=out, resume=True)
    assert said in str(refused.value) and state(out) == before


@pytest.mark.parametrize("finished", [False, True])
def test_a_file_that_was_not_there_and_came(
    finished: bool, crawl: Path, samples: Path, tmp_path: Path, stopped: Callable[..., Path]
) -> None:
    late, more = tmp_path / "late.warc.gz", next(samples.glob("*-00001.warc.gz"))
    inputs = [late, crawl, more]
    out = run(*inputs, output=tmp_path / "out").output if finished else stopped(*inputs, split_size=4096)
    late.write_bytes(page("late"))
    with pytest.raises(UsageError, match=f"{late} was not there;"):
        run(*inputs, output=out, resume=True)


def test_the_same_inputs_by_other_words(
    crawl: Path, samples: Path, stopped: Callable[..., Path], tmp_path: Path
) -> None:
    """What is compared is what the words lead to; another number of workers, or size of splits, changes nothing."""
    more = next(samples.glob("*-00001.warc.gz"))
    out = stopped(crawl, more, split_size=4096)
    listing = tmp_path / "all.paths"
    listing.write_text("".join(f"{crawl}/{name}.warc.gz\n" for name in NAMES))
    run(more, listing, output=out, resume=True, workers=2, split_size=9999)
    whole = run(crawl, more, output=tmp_path / "whole")
    for name in ("stops.jsonl", "damage.jsonl"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert json.loads((out / "run.json").read_text())["counters"] == dict(whole.counters)


@pytest.mark.parametrize("finished", [False, True])
def test_a_listing_and_an_index_are_inputs(
    finished: bool, crawl: Path, samples: Path, tmp_path: Path, stopped: Callable[..., Path]
) -> None:
    more = next(samples.glob("*-00001.warc.gz"))
    listing, index = tmp_path / "a.paths", tmp_path / "a.cdxj"
    row = 'com,a)/ 20260105080011 {{"filename": "{}/a.warc.gz", "offset": "{}", "length": "{}"}}\n'
    listing.write_text(f"{crawl}/b.warc.gz\n")
    index.write_text(row.format(crawl, 0, 100))
    inputs = [listing, index, more]
    out = run(*inputs, output=tmp_path / "out").output if finished else stopped(*inputs, split_size=4096)
    index.write_text(row.format(crawl, 0, 101))
    with pytest.raises(UsageError, match=f"other parts of {crawl}/a.warc.gz are named"):
        run(*inputs, output=out, resume=True)
    index.write_text(row.format(crawl, 0, 100))
    listing.write_text(f"{crawl}/c.warc.gz\n")
    with pytest.raises(UsageError, match=f"{crawl}/b.warc.gz is no longer among them"):
        run(*inputs, output=out, resume=True)
    listing.write_text(f"{crawl}/b.warc.gz\n")
    assert run(*inputs, output=out, resume=True).counters["records"] > 88


def test_two_equal_sets_of_inputs_do_not_differ() -> None:
    inputs = [Input("/b", 1, 2), Input("/a", None, None, "x")]
    assert changed_input(inputs, inputs[::-1]) is None
    for old, new in ((Input("/a", 1, 1), Input("/a", None, None)), (Input("/a", None, None), Input("/a", 1, 1))):
        assert changed_input([old], [new])


# ---- a run that is done


def test_a_finished_run_says_what_it_said_and_heeds_the_format(crawl: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(crawl, output=out, analyses=["origins", "records"])
    assert sorted(os.listdir(out)) == ["damage.jsonl", "origins.jsonl", "records.jsonl", "run.json"]
    done = json.loads((out / "run.json").read_text())
    tables = {name: first[name] for name in first}
    for format in ("csv", None, "parquet", "tsv", "jsonl"):
        again = run(crawl, output=out, analyses=["origins", "records"], resume=True, format=format)
        ending = format or "csv"
        assert sorted(os.listdir(out)) == [
            *(f"{name}.{ending}" for name in ("damage", "origins", "records")),
            "run.json",
        ]
        assert again.splits == 3 == first.splits and again.counters == first.counters
        assert again.plan.inputs == first.plan.inputs and again.seconds == done["seconds"]
        for name, table in tables.items():
            assert again[name].equals(table)
        files = {name: f"{name}.{ending}" for name in ("origins", "records", "damage")}
        assert json.loads((out / "run.json").read_text()) == {**done, "files": files}


def test_what_a_kill_left_behind_a_report_goes(crawl: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(crawl, output=out)
    (out / "_work").mkdir()
    (out / "_work/plan.json").write_text("{}")
    (out / "origins.csv").write_text("of an earlier format")
    run(crawl, output=out, resume=True)
    assert sorted(os.listdir(out)) == ["damage.jsonl", "run.json", "stops.jsonl"]


def test_a_finished_run_is_judged_again(samples: Path, tmp_path: Path) -> None:
    for resume in (False, True):
        with pytest.raises(DamageLimit) as raised:
            run(samples / "damaged", output=tmp_path / "out", analyses="origins", damage="fail", resume=resume)
        assert raised.value.run.damage.num_rows > 3 and raised.value.run["origins"].num_rows > 3
    with pytest.raises(DamageLimit) as raised:
        run(tmp_path / "nothing.warc.gz", analyses="origins")
    assert raised.value.run.damage["kind"].to_pylist() == ["missing"]


def test_wrong_inputs_leave_what_is_there(crawl: Path, tmp_path: Path) -> None:
    """Nothing is made for a run that cannot begin, and nothing is removed."""
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match="nothing matches"):
            run(tmp_path / "no*.gz", output=tmp_path / "out", **options)
        assert not (tmp_path / "out").exists()
    run(crawl, output=tmp_path / "out")
    before = state(tmp_path / "out")
    for options in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(UsageError, match="nothing matches"):
            run(tmp_path / "no*.gz", output=tmp_path / "out", **options)
        assert state(tmp_path / "out") == before


# ---- batches


@pytest.mark.parametrize("batch", [1, 2, 7, None])
def test_batches_change_no_byte(batch: int | None, samples: Path, tmp_path: Path) -> None:
    inputs, names = [samples, samples / "damaged"], ["origins", "status", "servers", "records"]
    run(*inputs, output=tmp_path / "one", analyses=names, batch=batch, split_size=9000)
    run(*inputs, output=tmp_path / "whole", analyses=names)
    for name in (*(f"{name}.jsonl" for name in names), "damage.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_batch_that_is_done_is_not_done_again(
    crawl: Path, samples: Path, tmp_path: Path, stopped: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    more = next(samples.glob("*-00001.warc.gz"))
    out = stopped(crawl, more, batch=1)
    work = out / "_work"
    assert {path.name for path in work.glob("batch-*.json")} == {f"batch-{n:05}.lines.json" for n in range(3)}
    assert not list(work.glob("*.part"))
    with pytest.raises(UsageError, match="the run has batches of 1 splits, not of 2"):
        run(crawl, more, output=out, resume=True, batch=2)
    (work / "batch-00001.lines").write_bytes((work / "batch-00001.lines").read_bytes()[:-1])  # not what it was
    (work / "batch-00002.lines.json").unlink()  # never said to be whole
    done: list[str] = []
    real = crawlmill.engines.local.run_split  # type: ignore[attr-defined]

    def noted(job: object, split: object, part: str) -> None:
        done.append(split.uri)  # type: ignore[attr-defined]
        real(job, split, part)

    monkeypatch.setattr("crawlmill.engines.local.run_split", noted)
    again = run(crawl, more, output=out, resume=True)
    assert done == [f"{crawl}/b.warc.gz", f"{crawl}/c.warc.gz", str(more)]
    assert again["stops"].equals(run(crawl, more)["stops"])


def test_options_that_need_an_output(crawl: Path, tmp_path: Path) -> None:
    for option in ({"batch": 3}, {"work": tmp_path}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(UsageError, match="no output to keep anything for; name one with -o"):
            run(crawl, **option)
    with pytest.raises(UsageError, match="--work is for an output in a store"):
        run(crawl, output=tmp_path / "out", work=tmp_path / "work")


# ---- two at once


def test_two_runs_do_not_write_one_output(crawl: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "_work").mkdir(parents=True)
    lock = os.open(out / "_work", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = state(tmp_path)
    for options in ({"resume": True}, {"overwrite": True}):
        with pytest.raises(UsageError, match=f"{out}: another run is writing this output; wait until it has ended"):
            run(crawl, output=out, **options)
    assert state(tmp_path) == before
    os.close(lock)
    run(crawl, output=out, resume=True)


@pytest.mark.slow
def test_of_many_that_begin_together_one_makes_the_output(crawl: Path, tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "crawlmill",
        "run",
        "origins",
        str(crawl),
        "-o",
        str(tmp_path / "out"),
        "--workers",
        "1",
    ]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    ended = [(process.communicate()[1], process.returncode) for process in running]
    assert sorted(code for _, code in ended) == [0, 2, 2, 2]
    assert all("the output exists" in said or "another run is writing" in said for said, code in ended if code)
    assert sorted(os.listdir(tmp_path / "out")) == ["damage.parquet", "origins.parquet", "run.json"]


def test_a_second_run_cannot_take_a_running_one_from_under_it(crawl: Path, tmp_path: Path) -> None:
    out, refused = tmp_path / "out", []

    def other(plan: object) -> None:
        for options in ({"resume": True}, {"overwrite": True}, {}):
            with pytest.raises(UsageError) as raised:
                run(crawl, output=out, **options)
            refused.append(raised.value.what)

    run(crawl, output=out, planned=other)
    assert refused == ["another run is writing this output"] * 2 + ["the output exists"]


# ---- places that cannot be written


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("s3://bucket/out", "s3://bucket/out: no store is known for s3://"),
        ("hbase://table", "hbase://table: no store is known for hbase://"),
        ("HTTPS://a.example/out", "no store is known for https://"),
        ("/proc/out", "/proc/out: cannot make the folder"),
        ("/dev/null", "/dev/null: the output is not a folder"),
        ("/dev/null/out", "/dev/null/out: the output is not a folder"),
        ("file", "the output is not a folder"),
        ("file/out", "cannot make the folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line(
    output: str, said: str, crawl: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    for options in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(CrawlmillError) as raised:
            run(crawl, output=output, **options)
        assert said in str(raised.value) or "not a folder" in str(raised.value), raised.value
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_uri_is_a_path(crawl: Path, tmp_path: Path) -> None:
    made = run(crawl, output=f"file://{tmp_path}/with%20blank")
    assert made.output == f"{tmp_path}/with blank" and (tmp_path / "with blank/run.json").exists()


@pytest.mark.slow
def test_a_full_standard_output_is_one_line(crawl: Path, samples: Path) -> None:
    sample = str(crawl / "a.warc.gz")
    for words in (
        f"run origins {sample}",
        f"run origins {sample} --format csv",
        f"run origins {sample} --format parquet",
        f"run origins {sample} --json",
        f"inspect {sample}",
        f"plan {sample}",
        f"get {sample} --offset 0",
        "analyses",
        "--help",
    ):
        command = f"{sys.executable} -m crawlmill {words} > /dev/full"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, FULL), words
        assert "Traceback" not in done.stderr
    for words in (f"-m crawlmill.mappers.origins < {sample}", "-m crawlmill.reducers < lines"):
        lines = crawl / "lines"
        lines.write_text('["origins","http://a.example"]\t1\n')
        done = subprocess.run(
            f"{sys.executable} {words} > /dev/full", shell=True, capture_output=True, text=True, check=False, cwd=crawl
        )
        assert done.returncode == 1 and FULL in done.stderr.splitlines() and "Traceback" not in done.stderr


FULL = "crawlmill: standard output: cannot write: No space left on device; write to another place, or free some space"
