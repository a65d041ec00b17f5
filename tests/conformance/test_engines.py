"""The specification of an engine: on the same URIs it gives the canonical JSON lines of the reference byte for byte, the same
tables, the same damage and the same data counters. The reference reads whole files, in this process, one after the other.

A new engine is one module of ``engines/`` and one row of ``rows.py``.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import crawlmill
from archives import gz, gz_whole, make_record
from conformance.rows import Row, rows
from crawlmill import analysis, registry
from crawlmill.engines import Engine
from crawlmill.engines.local import Local
from crawlmill.errors import CrawlmillError
from crawlmill.reducers import total

ALL = sorted(registry.builtin_names())
BAD = str(Path(__file__).parents[1] / "engines" / "analyses.py")
REFERENCE = Local(workers=1, pool="thread")
SPLIT = 100_000
Answers = tuple[Path, "crawlmill.api.Run"]  # type: ignore[name-defined]


@pytest.fixture(scope="session")
def crawl(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The sample crawl in every layout, its damaged files, files of several splits that are hit at seeded places, and one
    that is missing."""
    folder = tmp_path_factory.mktemp("crawl")
    rng = random.Random(11)
    for number in range(6):
        records = [
            make_record("response", f"http://{rng.randrange(9)}.example/{at}", rng.randbytes(rng.choice((90, 4000))))
            for at in range(200)
        ]
        data = bytearray(gz(records, 1) if number else gz_whole(records))
        for _ in range(number):
            place, kind = rng.randrange(len(data)), rng.choice(("flip", "cut", "insert"))
            data[place : place + (kind == "cut") * 700] = bytes([data[place] ^ 1 << rng.randrange(8)]) * (
                1 + (kind == "insert") * 30
            )
        (folder / f"hit-{number}.warc.gz").write_bytes(data)
    (folder / "list.manifest").write_text(f"{folder / 'missing.warc.gz'}\n")
    _indexed(folder / "indexed", rng)
    inputs = [str(samples / name) for name in ("*.warc.gz", "damaged", "wat", "wet", "formats")]
    return [*inputs, str(folder), str(folder / "list.manifest"), str(folder / "indexed" / "index.cdxj")]


def _indexed(folder: Path, rng: random.Random) -> None:
    """A file that is hit, and an index of every third record of it that has a length and an offset wrong."""
    folder.mkdir()
    members = [gz([make_record("response", f"http://{at % 7}.example/{at}", rng.randbytes(3000))]) for at in range(90)]
    data = bytearray(b"".join(members))
    data[sum(map(len, members[:30])) + 12 : sum(map(len, members[:30])) + 40] = bytes(28)
    (folder / "some.warc.gz").write_bytes(data)
    lines = []
    for at in range(0, 90, 3):
        place = {"offset": sum(map(len, members[:at])) + (at == 60), "length": len(members[at]) + (at == 9)}
        lines.append(f"example)/{at:02} 20260105080011 {json.dumps({**place, 'filename': 'some.warc.gz'})}\n")
    (folder / "index.cdxj").write_text("".join(lines))


@pytest.fixture(scope="session")
def schemes(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The analysis that CONTRIBUTING.md adds, as it stands there."""
    path: Path = tmp_path_factory.mktemp("own") / "my_job.py"
    text = (root / "CONTRIBUTING.md").read_text("utf-8")
    path.write_text(text.split("<!-- run: my_job.py -->\n```python\n")[1].split("```")[0])
    return f"{path}:schemes"


@pytest.fixture(scope="session")
def answers(
    crawl: list[str], schemes: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[Row], Answers]:
    """What an engine gives for all analyses in one job: the folder and the run. Each engine runs once."""
    known: dict[str, Answers] = {}

    def answer(name: str, engine: Engine) -> Answers:
        if name not in known:
            folder = tmp_path_factory.mktemp("answers") / "out"
            options = {"schemes": {"only_ok": False}, "words": {"min_length": 4}}
            known[name] = (
                folder,
                crawlmill.run(
                    [*ALL, schemes], crawl, options=options, output=folder, format="jsonl", split_size=SPLIT, on=engine
                ),
            )
        return known[name]

    def of(row: Row) -> Answers:
        return answer(row.name, row.engine(request))

    def reference() -> Answers:
        return answer("reference", REFERENCE)

    of.reference = reference  # type: ignore[attr-defined]
    return of


@pytest.mark.parametrize("name", [*ALL, "schemes", "damage"])
@pytest.mark.parametrize("row", rows("analyses"))
def test_an_analysis_gives_the_same_lines_and_tables(row: Row, name: str, answers: Callable[[Row], Answers]) -> None:
    (there, run), (here, reference) = answers(row), answers.reference()  # type: ignore[attr-defined]
    assert (there / f"{name}.jsonl").read_bytes() == (here / f"{name}.jsonl").read_bytes()
    found, expected = (run.damage, reference.damage) if name == "damage" else (run[name], reference[name])
    assert found.equals(expected) and expected.num_rows > 0


@pytest.mark.parametrize("row", rows("counters"))
def test_counters_and_files_are_the_same(row: Row, answers: Callable[[Row], Answers]) -> None:
    (there, run), (here, reference) = answers(row), answers.reference()  # type: ignore[attr-defined]
    assert run.counters == reference.counters and reference.counters["records"] > 1500
    assert sorted(os.listdir(there)) == sorted(os.listdir(here))
    assert len(run.plan.splits) > len(run.plan.inputs)


@pytest.mark.slow
@pytest.mark.parametrize("row", rows("filters"))
def test_filters_and_full_checks_and_records_that_hang_or_crash(
    row: Row, samples: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One job again: conditions on the headers, CRCs and digests, and two records that cost a damage row each."""
    paths = [f"/{number}" for number in range(40)]
    paths[10], paths[25] = "/crash", "/hang"
    (tmp_path / "bad.warc.gz").write_bytes(gz([make_record("response", f"http://a.example{path}") for path in paths]))
    inputs = [str(samples / "*.warc.gz"), str(samples / "damaged"), str(tmp_path / "bad.warc.gz")]
    asked = {"types": "response,resource", "where": "status=200 and mime=text/html", "check": "full"}
    names = ["origins", "records", f"{BAD}:crashes", f"{BAD}:hangs"]
    run = crawlmill.run(names, inputs, on=row.engine(request, record_timeout=4.0), **asked)  # type: ignore[arg-type]
    sound = crawlmill.run(names[:2], inputs, on=REFERENCE, **asked)  # type: ignore[arg-type]
    assert all(run[name].equals(sound[name]) for name in sound) and run.counters == sound.counters
    assert run.counters["rejected"] > 0
    damage = run.damage.to_pylist()
    assert [row for row in damage if not row["analysis"]] == sound.damage.to_pylist()
    ended = [(row["kind"], row["analysis"]) for row in damage if row["analysis"]]
    assert sorted(ended) == [("crash", "crashes"), ("timeout", "hangs")]
    assert {row["kind"] for row in damage} > {"digest"}
    assert run["crashes"]["records"].to_pylist() == run["hangs"]["records"].to_pylist() != []


@pytest.mark.slow
@pytest.mark.parametrize("row", rows("corpus"))
def test_real_archives_give_the_same_lines(
    row: Row, corpus: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """All kinds of writers, and all that went wrong in their files."""
    sheets = [
        sheet for sheet in corpus.rglob("*.truth.json") if json.loads(sheet.read_text())["format"] in ("warc", "arc")
    ]
    inputs = sorted(str(sheet).removesuffix(".truth.json") for sheet in sheets)
    runs = [
        crawlmill.run(ALL, inputs, output=tmp_path / name, format="jsonl", split_size=SPLIT, on=engine, damage="accept")
        for name, engine in {"there": row.engine(request), "here": REFERENCE}.items()
    ]
    names = sorted(os.listdir(tmp_path / "here"))
    assert sorted(os.listdir(tmp_path / "there")) == names
    for name in set(names) - {"run.json"}:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name
    assert runs[0].counters == runs[1].counters and runs[1].damage.num_rows > 20


@pytest.mark.parametrize("row", rows("resume"))
def test_a_run_that_was_ended_goes_on(row: Row, samples: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """It is ended when its second batch begins; the first is not done again."""
    inputs, out, engine = str(samples / "*.warc.gz"), tmp_path / "out", row.engine(request)

    def stop(line: str) -> None:
        if line.startswith("batch 2 of 2"):
            raise CrawlmillError("told to stop")

    with pytest.raises(CrawlmillError, match="told to stop"):
        crawlmill.run("origins", inputs, output=out, on=engine, batch=2, say=stop)
    kept = (out / "_work/batch-00000.lines").stat().st_mtime_ns
    said: list[str] = []
    run = crawlmill.run(
        "origins", inputs, output=out, on=engine, resume=True, say=said.append,
        planned=lambda plan: said.append(str((out / "_work/batch-00000.lines").stat().st_mtime_ns)),
    )  # fmt: skip
    assert said[0] == str(kept) and not any(line.startswith("batch 1") for line in said)
    assert run["origins"].equals(crawlmill.run("origins", inputs, on=REFERENCE)["origins"]) and run.splits == 3


@pytest.mark.parametrize("row", rows("notebook"))
def test_an_analysis_of_a_notebook(row: Row, samples: Path, request: pytest.FixtureRequest) -> None:

    @analysis(reduce=total, key="type: string", value="records: int64")
    def kinds(record):  # type: ignore[no-untyped-def]
        yield record.type, 1

    run = crawlmill.run(kinds, str(samples / "*.warc.gz"), on=row.engine(request))
    assert sum(run["kinds"]["records"].to_pylist()) == run.counters["records"] == 270


@pytest.mark.parametrize("row", rows("standard_input"))
def test_an_archive_on_standard_input(
    row: Row, samples: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    path = sorted(samples.glob("*.warc.gz"))[0]
    with open(path, "rb") as file:
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": file}))
        run = crawlmill.run("status", "-", on=row.engine(request))
    assert run["status"].equals(crawlmill.run("status", path, on=REFERENCE)["status"])
