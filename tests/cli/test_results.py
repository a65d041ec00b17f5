"""The commands that show and draw results: every form a result may have gives the same rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

import crawlmill
from crawlmill.cli import app
from crawlmill.errors import CrawlmillError, UsageError
from crawlmill.results import plots

PNG = b"\x89PNG\r\n\x1a\n"


def ask(*words: object, input: bytes | None = None) -> Result:
    """Run a command; what it raises is raised here."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=input)
    if isinstance(result.exception, CrawlmillError):
        raise result.exception
    assert result.exception is None, result.exception
    return result


def rows(*words: object, input: bytes | None = None) -> list[dict[str, object]]:
    return [json.loads(line) for line in ask("show", *words, "--json", input=input).stdout.splitlines()]


@pytest.fixture(scope="module")
def done(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("runs") / "out"
    crawlmill.run(["origins", "status", "sizes"], samples / "CC-SAMPLE-*.warc.gz", output=folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def origins(samples: Path) -> list[dict[str, object]]:
    """The rows that every form must give."""
    answers = json.loads((samples / "answers.json").read_text())["crawl"]["origins"]
    return [{"origin": origin, "pages": pages} for origin, pages in sorted(answers.items())]


@pytest.fixture(scope="module")
def mapped(samples: Path) -> bytes:
    """What a Streaming mapper writes."""
    program = [sys.executable, "-m", "crawlmill.mappers.origins"]
    paths = "".join(f"{path}\n" for path in sorted(samples.glob("CC-SAMPLE-*.warc.gz")))
    return subprocess.run(program, input=paths.encode(), stdout=subprocess.PIPE, timeout=60, check=True).stdout


def test_show_reads_every_format(samples: Path, tmp_path: Path, origins: list[dict[str, object]]) -> None:
    for format in ("parquet", "jsonl", "csv", "tsv"):
        out = tmp_path / format
        crawlmill.run("origins", samples / "CC-SAMPLE-*.warc.gz", output=out, format=format, workers=1)
        assert rows(out / f"origins.{format}") == origins
        data = (out / f"origins.{format}").read_bytes()
        assert rows("-", input=data) == origins


def test_show_reads_a_run(done: Path, origins: list[dict[str, object]]) -> None:
    found = rows(done)
    assert [line["row"] for line in found if line["table"] == "origins"] == origins
    assert {line["table"] for line in found} == {"origins", "status", "sizes"}
    text = ask("show", done, "--top", 2).stdout
    assert "2 of 21 rows" in text
    assert "0 of 0 rows" in text  # the damage, said although there is none


def test_show_merges_what_mappers_wrote(mapped: bytes, tmp_path: Path, origins: list[dict[str, object]]) -> None:
    found = rows(
        "-", input=mapped + b'["!damage","/a.warc.gz",7,0,"","junk"]\t[[3,"bytes that belong to no record",0]]\n'
    )
    assert [line["row"] for line in found if line["table"] == "origins"] == origins
    assert {"table": "!counters", "row": {"counter": "records", "count": 270}} in found
    (damage,) = [line["row"] for line in found if line["table"] == "!damage"]
    assert isinstance(damage, dict) and (damage["uri"], damage["offset"], damage["kind"]) == ("/a.warc.gz", 7, "junk")
    half = mapped.splitlines(keepends=True)[::2]
    for number in (0, 1):
        (tmp_path / f"part-0000{number}").write_bytes(b"".join(half[number::2]))
    (tmp_path / "_SUCCESS").touch()
    whole = {json.dumps(line) for line in rows("-", input=b"".join(half))}
    assert {json.dumps(line) for line in rows(tmp_path)} == whole


def test_show_sorts(done: Path, origins: list[dict[str, object]]) -> None:
    path = done / "origins.parquet"
    by_pages = sorted(origins, key=lambda row: (-int(str(row["pages"])), str(row["origin"])))
    assert rows(path, "--top", 5) == by_pages[:5]
    assert rows(path, "--by", "pages") == by_pages
    assert rows(path, "--by", "origin", "--top", 3) == origins[:3]
    with pytest.raises(UsageError, match="there are origin, pages"):
        rows(path, "--by", "none")
    with pytest.raises(UsageError, match="lists"):
        rows(done / "sizes.parquet", "--by", "counts")


def test_show_of_an_empty_table(done: Path) -> None:
    assert rows(done / "damage.parquet", "--by", "kind") == []
    assert rows(done / "damage.parquet", "--top", 3) == []


def test_show_refuses_what_is_no_result(tmp_path: Path, samples: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        rows(tmp_path / "none.parquet")
    with pytest.raises(UsageError, match="no run made this folder"):
        rows(samples)
    with pytest.raises(CrawlmillError, match="empty"):
        rows("-", input=b"")
    (tmp_path / "_work").mkdir()
    with pytest.raises(UsageError, match="--resume"):
        rows(tmp_path)
    (tmp_path / "cut").write_bytes(b'["origins","http://a.exa')
    with pytest.raises(CrawlmillError, match="key TAB value"):
        rows(tmp_path / "cut")


def test_an_analysis_that_is_not_installed_has_plain_columns() -> None:
    lines = b'["nobodys",7,"a"]\t[1,2]\n["nobodys",8,null]\t[3]\n'
    assert [line["row"] for line in rows("-", input=lines)] == [
        {"key1": 7, "key2": "a", "value": "[1,2]"},
        {"key1": 8, "key2": None, "value": "[3]"},
    ]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "svg"])
@pytest.mark.parametrize("name", ["origins", "sizes"])
def test_plot_draws_the_same_bytes_again(done: Path, tmp_path: Path, name: str, ending: str) -> None:
    pytest.importorskip("matplotlib")
    made = []
    for number in (1, 2):
        path = tmp_path / f"{number}.{ending}"
        ask("plot", done / f"{name}.parquet", "-o", path)
        made.append(path.read_bytes())
    assert made[0] == made[1]
    assert made[0].startswith(PNG) if ending == "png" else b"<svg" in made[0]
    assert sorted(os.listdir(tmp_path)) == [f"1.{ending}", f"2.{ending}"]


def test_plot_draws_a_graph(tmp_path: Path) -> None:
    pytest.importorskip("networkx")
    lines = [{"source": f"h{at % 7}.example", "target": f"h{at % 5}.example", "links": at} for at in range(1, 30)]
    (tmp_path / "links.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("1.png", "2.png"):
        ask("plot", tmp_path / "links.jsonl", "-o", tmp_path / name, "--top", 12)
    assert (tmp_path / "1.png").read_bytes().startswith(PNG)
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_plot_says_what_it_cannot_draw(done: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    with pytest.raises(UsageError, match="name one table; it has origins, sizes, status"):
        ask("plot", done, "-o", tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"use \.png or \.svg"):
        ask("plot", done / "origins.parquet", "-o", tmp_path / "a.gif")
    with pytest.raises(UsageError, match="no rows"):
        plots.draw(pa.table({"host": pa.array([], pa.string()), "pages": pa.array([], pa.int64())}))
    with pytest.raises(UsageError, match="lists of counts"):
        ask("plot", done / "origins.parquet", "-o", tmp_path / "a.png", "--kind", "histogram")
    with pytest.raises(UsageError, match="'text/none'"):
        ask("plot", done / "sizes.parquet", "-o", tmp_path / "a.png", "--key", "text/none")
    assert not list(tmp_path.iterdir())


def test_plot_without_its_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CrawlmillError, match=r"pip install 'crawlmill\[plot\]'"):
        plots.draw(pa.table({"host": ["a"], "pages": [1]}))


def test_no_label_is_a_formula_or_empty() -> None:
    pytest.importorskip("matplotlib")
    figure = plots.draw(pa.table({"host": ["$a$ $b", "", None], "pages": [3, 2, 1]}), title="$x$ $y")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["$a$ $b", "(empty)", "(none)"]
    assert not any(label.get_parse_math() for label in figure.axes[0].get_yticklabels())
