"""No text of data reaches a terminal raw, by any command; a file and a pipe get it as it is."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archives import gz, make_record
from crawlmill.cli import app
from crawlmill.errors import CrawlmillError
from crawlmill.terminal import UNSAFE, escaped, escaped_lines, is_safe
from terminals import DANGEROUS, on_terminal, raw

EVIL = "".join(
    character for character in DANGEROUS if character not in "\0\r\n" and not 0xD800 <= ord(character) < 0xE000
)
MARK = "\x1b[31;7m\x1b]0;owned\x07\x9b2J[bold]b[/bold][link=http://x.example]l[/link][/nothing]"
WIRE = f"{MARK}{EVIL}".encode().decode("latin-1")  # HTTP headers of a record are made of bytes
URL = f"http://a.example/{MARK}{EVIL}"
RAISES = """
from crawlmill import analysis
from crawlmill.reducers import total


@analysis(reduce=total, key="k: string", value="n: int64", types="response")
def raises(record):
    \"\"\"Raises what the page wants.\"\"\"
    print(record.url)
    raise ValueError(record.url)


@analysis(reduce=total, key="k: string", value="n: int64", types="response")
def urls(record):
    \"\"\"URLs as they are \\x1b[31;7m.\"\"\"
    yield record.url, 1
"""
RECORD = make_record(
    "response",
    URL,
    f"a page {MARK}{EVIL}\r\nand more\r".encode(),
    http_headers=[("Content-Type", f"text/{WIRE}x"), ("Server", WIRE)],
    headers=[("WARC-Identified-Payload-Type", f"{MARK}{EVIL}")],
)


def test_every_dangerous_character_is_known_and_escaped() -> None:
    for character in DANGEROUS:
        assert not is_safe(character), hex(ord(character))
        assert escaped(character).isascii() and is_safe(escaped(character))
        assert json.loads(f'"{escaped(character)}"') == character
    assert escaped_lines("a\tb\nc\r\nd\re") == "a\tb\nc\nd\\re"
    assert is_safe("/data/ü/日本/é e%41?*[1]~") and UNSAFE.isprintable() is False


def test_an_error_is_one_line_whatever_it_names() -> None:
    text = str(CrawlmillError("not read", f"/a{DANGEROUS}b", "look\nthere"))
    assert is_safe(text) and text.startswith("/a\\u0000") and text.endswith("; look\\nthere")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive, results, indexes and names in which every text is one of an attacker."""
    made = tmp_path_factory.mktemp("evil")
    damaged = gz([RECORD, RECORD])
    (made / "a.warc.gz").write_bytes(damaged + b"junk" + gz([RECORD]))
    (made / "plain.warc").write_bytes(RECORD)
    (made / f"b{MARK.replace('/', '')}.warc.gz").write_bytes(damaged[:-40])
    page = make_record("response", "http://a.example/", f"<p>{MARK}{EVIL}</p>".encode())
    (made / "page.warc").write_bytes(page)
    (made / "job.py").write_text(RAISES)
    pq.write_table(pa.table({MARK: [URL], "n": [1]}), made / "table.parquet")
    pq.write_table(pa.table({"k": [URL], "n": [1]}), made / "plot.parquet")
    (made / "x.jsonl").write_text(json.dumps({MARK: URL, "n": 2}) + "\n")
    (made / f"{MARK.replace('/', '')}.paths").write_text(f"{MARK}\n")
    return made


A, B = "a.warc.gz", f"b{MARK.replace('/', '')}.warc.gz"
COMMANDS: dict[str, list[list[str]]] = {
    "run": [
        ["job.py:urls,origins,mime,servers,records", A, B, "--top", "9"],
        ["job.py:raises", A, "--workers", "1"],
        ["job.py:raises", A, "--pool", "thread", "--workers", "1"],
        *(["job.py:urls", A, "--format", format] for format in ("csv", "tsv", "jsonl", "parquet")),
        ["job.py:urls", A, B, "--json"],
        ["job.py:urls,records", B, "-o", f"out{MARK}", "--overwrite"],
        ["job.py:urls", A, "--damage", "fail"],
        ["job.py:urls", A, "--where", MARK],
        ["job.py:urls", A, "--set", MARK],
        [MARK, A],
        [f"job.py:{MARK}", A],
        [f"{MARK}.py", A],
        ["origins", f"no{MARK}.warc.gz"],
        ["origins", f"no{MARK}*.warc.gz"],
        ["origins", A, f"--{MARK}"],
        ["origins", A, "--on", MARK],
    ],
    "plan": [[A, B], [A, B, "--json"], [f"no{MARK}*"], [f"s3://{MARK}"], [f"{MARK.replace('/', '')}.paths"]],
    "inspect": [[A, B], [A, B, "--json"], [A, "--types", MARK], [f"{MARK}*"]],
    "get": [
        *(["plain.warc", "--offset", "0", "--what", what] for what in ("body", "payload", "block", "headers", "http")),
        ["page.warc", "--offset", "0", "--what", "text"],
        ["plain.warc", "--offset", "1"],
        ["plain.warc", "--url", f"http://{MARK}"],
        [f"no{MARK}", "--offset", "0"],
    ],
    "subset": [[A, B, "-o", f"new{MARK.replace('/', '')}.warc.gz", "--overwrite"], [A, "-o", B]],
    "verify": [[A, B], [A, B, "--json"]],
    "show": [
        ["table.parquet"],
        ["table.parquet", "--json"],
        ["x.jsonl", "--by", MARK],
        ["table.parquet", "--by", "no"],
        [MARK],
    ],
    "plot": [["plot.parquet", "-o", f"{MARK.replace('/', '')}.png"], ["plot.parquet", "-o", f"x.{MARK}"]],
    "analyses": [[]],
    "path": [[MARK], [f"mappers/{MARK}"], [f"--{MARK}"]],
}


def test_rich_draws_through_one_module() -> None:
    """A console of its own would send data raw, and read markup in them."""
    root = Path(__file__).parents[1]
    found = set()
    for room in ("src", "jobs", "spark_apps", "mappers"):
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (isinstance(node, ast.ImportFrom) and node.module == "rich.console") or isinstance(node, ast.Import):
                    found |= {
                        str(path.relative_to(root)) for name in node.names if name.name in ("Console", "rich.console")
                    }
    assert found == {"src/crawlmill/drawing.py"}


def test_every_command_is_tried() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == set(COMMANDS), "add what the new command prints of data"


@pytest.mark.slow
@pytest.mark.parametrize("words", [[name, *words] for name, every in COMMANDS.items() for words in every], ids=ascii)
def test_nothing_raw_reaches_a_terminal(folder: Path, words: list[str]) -> None:
    code, text = on_terminal(words, folder)
    assert not raw(text), [hex(ord(character)) for character in sorted(raw(text))]
    assert "\x1b[31;7m" not in text and "]8;" not in text
    assert "Traceback" not in text, text
    assert text.strip() and code in (0, 1, 2, 3)


@pytest.mark.slow
def test_what_is_data_is_shown_and_not_taken_for_markup(folder: Path) -> None:
    for words in (["show", "table.parquet"], ["inspect", A], ["run", "job.py:urls", A]):
        _, text = on_terminal(words, folder, COLUMNS="5000")
        assert "\\u001b[31;7m" in text and "[bold]b[/bold]" in text and "[/nothing]" in text, words


def test_json_on_a_terminal_keeps_its_value(folder: Path) -> None:
    _, text = on_terminal(["inspect", "plain.warc", "--json"], folder)
    assert json.loads(text)["url"] == URL
    _, text = on_terminal(["show", "table.parquet", "--json"], folder)
    assert json.loads(text) == {MARK: URL, "n": 1}


@pytest.mark.slow
def test_a_pipe_gets_what_was_written(folder: Path) -> None:
    def piped(*words: str) -> bytes:
        program = [sys.executable, "-m", "crawlmill", *words]
        return subprocess.run(program, cwd=folder, stdout=subprocess.PIPE, timeout=60, check=True).stdout

    assert piped("get", "plain.warc", "--offset", "0").endswith(f"{EVIL}\r\nand more\r".encode())
    assert URL.encode() in piped("run", "job.py:urls", A, "--format", "csv").replace(b'""', b'"')
    assert json.loads(piped("inspect", "plain.warc", "--json"))["url"] == URL
    assert "\u202e".encode() in piped("inspect", "plain.warc", "--json")
    assert json.loads(piped("run", "job.py:urls", "plain.warc", "--format", "jsonl"))["k"] == URL


@pytest.mark.parametrize(
    ("program", "input"),
    [
        ("crawlmill.mappers.records", f"{A}\n".encode()),
        ("crawlmill.mappers.records", os.fsencode(f"no{MARK}\n")),
        ("crawlmill.mappers.target_uri_lines", f"WARC-Target-URI: http://{MARK}{EVIL}/\n".encode()),
        ("crawlmill.reducers.total", json.dumps([MARK, URL]).encode() + b"\t1\n"),
        ("crawlmill.reducers.total", MARK.encode() + b"\n"),
    ],
    ids=["damage", "missing", "textbook", "merge", "no line"],
)
def test_programs_of_streaming_escape_too(folder: Path, program: str, input: bytes) -> None:
    _, text = on_terminal([sys.executable, "-m", program], folder, input)
    assert text.strip() and not raw(text) and "Traceback" not in text


@pytest.mark.spark
def test_an_application_of_spark_escapes_too(folder: Path, java: None) -> None:
    program = str(Path(__file__).parents[1] / "spark_apps/sql.py")
    words = [sys.executable, program, "select url from warc", "--master", "local[1]", "--warc", "plain.warc"]
    code, text = on_terminal(words, folder)
    assert code == 0 and "[bold]b[/bold]" in text and not raw(text), text
